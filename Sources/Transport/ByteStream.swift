// Owns what every protocol stands on: a stream of bytes, plain or under TLS, with the same calls and the same events.
public import Proactor
public import TLS

/// A connection's bytes, in order, both ways: a `Stream`, plain or under a `TLSSession`.
///
/// Its handler is a `StreamHandler` like that of a `Stream` and hears plaintext. The stream that the handler's calls name
/// says which connection it is; under TLS nothing can be sent on that one, so protocols keep the `ByteStream` and use it.
/// A plain one costs nothing beside its `Stream`. Belongs to one loop and its thread.
///
/// Under TLS `streamConnected` comes once the handshake is over, for accepted connections too; `isConnected` tells
/// whether to wait for it. What is sent before is dropped. A failed handshake and what does not decrypt is `.insecure`, for
/// which `tlsFailure` has the words; an end of the connection without that of TLS is `.truncated`.
public struct ByteStream {
    /// The socket below. Not to be sent on.
    public let stream: Stream
    private let layer: TLSLayer?

    /// A plain stream, which is connected or connects.
    public init(_ stream: Stream) {
        self.stream = stream
        layer = nil
    }

    private init(_ stream: Stream, _ layer: TLSLayer?) {
        self.stream = stream
        self.layer = layer
    }

    /// Begins to connect. The handler hears `streamConnected` or a failure, later.
    ///
    /// - Parameter session: a client's that has not begun; nil: no TLS.
    /// - Throws: when no socket can be made, for example for lack of descriptors.
    public static func connect(
        to address: SocketAddress, on loop: EventLoop, session: TLSSession? = nil, handler: any StreamHandler
    ) throws(SystemError) -> ByteStream {
        guard let session else { return ByteStream(try loop.connect(to: address, handler: handler)) }
        let layer = TLSLayer(session, handler: handler)
        let stream = try loop.connect(to: address, handler: layer)
        stream.setLayered()
        return ByteStream(stream, layer)
    }

    /// Makes an accepted connection a stream of the loop.
    ///
    /// - Parameter session: a server's that has not begun; nil: no TLS.
    /// - Throws: when the loop cannot watch one more descriptor; the connection is closed then.
    public static func adopt(
        _ connection: AcceptedConnection, on loop: EventLoop, session: TLSSession? = nil, handler: any StreamHandler
    ) throws(SystemError) -> ByteStream {
        guard let session else { return ByteStream(try loop.adopt(connection, handler: handler)) }
        let layer = TLSLayer(session, handler: handler)
        let stream = try loop.adopt(connection, handler: layer)
        stream.setLayered()
        layer.begin(stream)
        return ByteStream(stream, layer)
    }

    /// Puts TLS on a plain stream whose client shakes hands from here on. The handler hears of the end of the handshake.
    ///
    /// - Parameters:
    ///   - session: a server's that has not begun.
    ///   - early: bytes of the handshake that were received already.
    public func secured(
        by session: TLSSession, early: consuming LoopBuffer?, handler: any StreamHandler
    ) -> ByteStream {
        let layer = TLSLayer(session, handler: handler)
        stream.setHandler(layer)
        stream.setLayered()
        layer.begin(stream, early: early)
        return ByteStream(stream, layer)
    }

    /// The loop that it belongs to.
    public var loop: EventLoop { stream.loop }

    /// Hands the events to another object from now on.
    public func setHandler(_ handler: any StreamHandler) {
        if let layer { layer.handler = handler } else { stream.setHandler(handler) }
    }

    // MARK: Sending

    /// Sends a buffer's bytes after those sent before. Never completes inside the call.
    ///
    /// The handler hears `stream(_:sent:)` with the buffer's own count, also under TLS.
    ///
    /// - Parameters:
    ///   - isAwaited: as `Stream.send(_:isAwaited:isLast:)` has it.
    ///   - isLast: whether `shutdownWrite()` or `close()` follows once it is told. Under TLS the end of this side's bytes
    ///     (close_notify) is then said with them, so nothing can be sent behind.
    @inline(__always)
    public func send(_ buffer: consuming LoopBuffer, isAwaited: Bool = true, isLast: Bool = false) {
        guard let layer else {
            stream.send(buffer, isAwaited: isAwaited, isLast: isLast)
            return
        }
        layer.send(buffer, on: stream, isAwaited: isAwaited, isLast: isLast)
    }

    /// Bytes accepted by `send` and not yet with the kernel, under TLS in the size that they have there; 0 once they
    /// were dropped.
    @inline(__always)
    public var unsent: Int { stream.unsent + (layer?.session.outputCount ?? 0) }

    /// Somebody waits from now on to be told that the bytes of earlier sends are with the kernel.
    ///
    /// Under TLS the handler hears `stream(_:sent: 0)` where the last of what `unsent` counted were the session's own words.
    public func awaitSent() { if let layer { layer.awaitSent(stream) } else { stream.awaitSent() } }

    /// Asked before each submission of bytes to the kernel, below the buffers of TLS; see `Stream.writePermit`.
    public var writePermit: (any WritePermit)? {
        get { stream.writePermit }
        nonmutating set { stream.writePermit = newValue }
    }

    // MARK: Receiving

    /// Receives until `pauseReceiving()`; for idle connections and heads. Holds no buffer while idle.
    public func receiveContinuously() {
        if let layer { layer.receive(.continuous, on: stream) } else { stream.receiveContinuously() }
    }

    /// Receives one more buffer, a large one if asked for; the backpressure of bodies and relays is not calling it.
    public func receiveOnce(large: Bool = true) {
        if let layer { layer.receive(.once(large: large), on: stream) } else { stream.receiveOnce(large: large) }
    }

    /// Receives once as `Stream.receivePiped()` does; under TLS as `receiveOnce` does.
    public func receivePiped() {
        if let layer { layer.receive(.once(large: true), on: stream) } else { stream.receivePiped() }
    }

    /// Whether it can send buffers whose bytes are in a pipe: TLS has to read them.
    public var takesPipes: Bool { layer == nil }

    /// Receives no more. What has arrived already is kept for the next request to receive: under TLS at most one receive's
    /// worth of it, encrypted.
    public func pauseReceiving() {
        if let layer { layer.receive(.none, on: stream) } else { stream.pauseReceiving() }
    }

    // MARK: Ending

    /// Says to the peer that nothing more will be sent: under TLS by close_notify (RFC 8446 §6.1), then FIN.
    ///
    /// What was queued for sending must be sent before, or under TLS goes before.
    public func shutdownWrite() {
        if let layer { layer.shutdownWrite(stream) } else { stream.shutdownWrite() }
    }

    /// Ends the connection in the normal way, as `Stream.close()` does. Under TLS the peer is told by close_notify when
    /// nothing is unsent; otherwise it finds the stream cut, which it is.
    public func close() {
        if let layer { layer.close(stream) } else { stream.close() }
    }

    /// Ends the connection with a reset: nothing more of what was sent leaves this machine; see `Stream.abort()`.
    public func abort() {
        if let layer { layer.abort(stream) } else { stream.abort() }
    }

    // MARK: What it is

    /// Whether `close()` was not called yet.
    public var isOpen: Bool { stream.isOpen }
    /// Whether bytes can be sent: it is connected, and the handshake is over.
    public var isConnected: Bool { layer?.isConnected ?? stream.isConnected }
    /// Whether TLS protects it.
    public var isSecure: Bool { layer != nil }
    /// Whether the kernel knows of nothing that came from the peer: no byte, no end, no failure. One system call.
    public var isQuiet: Bool { stream.isQuiet }
    /// The peer's address; nil when the connection is gone already.
    public var peerAddress: SocketAddress? { stream.peerAddress }
    /// Bytes that the peer's kernel has not acknowledged yet, FIN counted as one; 0 when that is not known.
    public var unacknowledged: Int { stream.unacknowledged }
    /// Sets TCP_USER_TIMEOUT: how long sent bytes may stay unacknowledged before the kernel gives the connection up.
    public func setUserTimeout(_ timeout: Duration) { stream.setUserTimeout(timeout) }

    /// The protocol that both sides agreed on in the handshake (ALPN, RFC 7301); nil: none, or no TLS.
    public var negotiatedProtocol: String? { layer?.session.negotiatedProtocol }
    /// The names in the certificate that the peer has proved to have; nil without TLS.
    public var peerNames: [String]? { layer?.session.peerNames }
    /// What the handshake told of the peer; nil without TLS and before the handshake is over. Made at each call.
    public var tlsPeer: TLSPeer? { layer.flatMap { $0.isConnected ? $0.session.peer : nil } }
    /// Such as `TLSv1.3`; nil without TLS.
    public var tlsVersion: String? { layer?.session.version }
    /// Whether its session has let go of its memory for records.
    var isParked: Bool { layer?.parking.isParked ?? false }
    /// What went wrong when the failure was `.insecure`.
    public var tlsFailure: TLSFailure? { layer?.failure }
}
