public import Proactor
public import Topology
public struct ByteStream {
    let socket: Stream
    public init(_ socket: Stream) { self.socket = socket }
    public var isOpen: Bool { socket.isOpen }
    public var unsent: Int { socket.unsent }
    public var peerAddress: SocketAddress? { socket.peerAddress }
    public var unacknowledged: Int { socket.unacknowledged }
    public var writePermit: (any WritePermit)? { get { socket.writePermit } nonmutating set { socket.writePermit = newValue } }
    @inline(__always)
    public func send(_ b: consuming LoopBuffer, isAwaited: Bool = true, isLast: Bool = false) { socket.send(b, isAwaited: isAwaited, isLast: isLast) }
    public func awaitSent() { socket.awaitSent() }
    public func setHandler(_ h: any StreamHandler) { socket.setHandler(h) }
    public func receiveContinuously() { socket.receiveContinuously() }
    public func receiveOnce() { socket.receiveOnce() }
    public func pauseReceiving() { socket.pauseReceiving() }
    public func shutdownWrite() { socket.shutdownWrite() }
    public func close() { socket.close() }
    public func abort() { socket.abort() }
    public func setUserTimeout(_ t: Duration) { socket.setUserTimeout(t) }
    public var isQuiet: Bool { socket.isQuiet }
}
