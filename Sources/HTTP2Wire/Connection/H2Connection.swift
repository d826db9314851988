// Owns one connection of HTTP/2 (RFC 9113), either side of it: what it is made of, and what it owes.
public import HTTPWire

/// The state of a connection. A value without sockets or clocks: bytes and times come in, frames and events go out.
///
/// The shell calls `receive` until it says `needMore` or `blocked`, then `flush`; it sends by `sendHead`, `sendData` and
/// `sendTrailers`, and asks `tick` at `deadline`. Times are nanoseconds of one monotonic clock.
public struct H2Connection: Sendable {
    /// Which side this is.
    public enum Role: Sendable {
        case server
        case client
    }

    public let role: Role
    public let limits: H2Limits
    /// The peer's settings as far as they are known.
    public internal(set) var peer = H2Settings()
    public internal(set) var glitches: Glitches
    /// Why the connection is over; nil while it is not.
    public internal(set) var failure: ErrorCode?

    var reader = FrameReader()
    var decoder = HPACKDecoder()
    var encoder: HPACKEncoder
    var streams = StreamTable()
    var closed = ClosedStreams()
    /// The largest stream that the peer opened.
    var lastPeerStream: UInt32 = 0
    /// The next stream that a client opens.
    var nextStream: UInt32 = 1

    /// What may be sent and received over all streams.
    var sendWindow = H2Settings.defaultWindow
    var receiveWindow: Int
    var credit = 0
    var isBlocked = false
    var stall = StallClock()
    /// What a stream of ours may receive at its beginning: the default until the peer has acknowledged ours.
    var streamReceiveWindow = H2Settings.defaultWindow

    /// Bytes of a client's preface that are still to come.
    var prefaceRemaining = 0
    var hasPeerSettings = false
    /// Values of the SETTINGS frame that is read.
    var settingsEntries = 0
    var settingsDeadline: Int64?
    var shutdown = Shutdown()
    /// A goodbye of the peer that was not yet told; streams above it are reset.
    var abandonsAbove: UInt32?
    public internal(set) var peerLastStream: UInt32?

    /// When streams that are held back are looked at next.
    var nextStallCheck: Int64?
    /// The keys of WebSockets that were asked for and not yet answered.
    var tunnels: [Tunnel] = []

    /// What is read at the moment.
    var body: OpenBody?
    var block = OpenBlock()

    /// Frames that are owed: answers, resets, credit.
    var owed: [UInt8] = []
    var owedStart = 0

    /// Begins a connection: what is to be sent first is owed.
    public init(_ role: Role, limits: H2Limits = H2Limits(), now: Int64) {
        let limits = limits.sensible
        self.role = role
        self.limits = limits
        glitches = Glitches(limits)
        encoder = HPACKEncoder()
        receiveWindow = limits.connectionWindow
        settingsDeadline = now + limits.settingsTimeout
        if role == .server { prefaceRemaining = Preface.count }
        begin()
    }

    /// Streams that are open or half closed.
    public var streamCount: Int { streams.count }
    /// Whether a handle's stream is still there.
    public func isOpen(_ stream: StreamHandle) -> Bool { streams.holds(stream) }
    /// Whether frames wait for `flush`.
    public var hasOwed: Bool { owedStart < owed.count }
    /// Bytes that `flush` has to write.
    public var owedCount: Int { owed.count - owedStart }

    /// The order in which a client wants its answers.
    public func priority(of stream: StreamHandle) -> StreamPriority {
        streams.holds(stream) ? streams[stream].priority : StreamPriority()
    }

    /// What the windows let be sent of a stream now.
    public func sendable(_ stream: StreamHandle) -> Int {
        streams.holds(stream) ? max(0, min(streams[stream].sendWindow, sendWindow)) : 0
    }

    /// Writes what is owed, as far as it fits.
    @_lifetime(writer: copy writer)
    public mutating func flush(into writer: inout OutputWriter) {
        let count = min(writer.room, owed.count - owedStart)
        guard count > 0 else { return }
        writer.append(owed.span, owedStart, owedStart + count)
        owedStart += count
        if owedStart == owed.count {
            owedStart = 0
            // A little is kept for next time, a burst is not.
            owed.removeAll(keepingCapacity: owed.count <= 128)
        }
    }

    /// Appends to what is owed. It stays bounded: what makes one owe is not read beyond `limits.owedBytes`, and streams end
    /// once.
    mutating func owe(_ count: Int, _ write: (inout OutputWriter) -> Void) {
        let start = owed.count
        owed.append(contentsOf: repeatElement(0, count: count))
        var writer = OutputWriter(owed.mutableSpan, startingAt: start)
        write(&writer)
    }

    private mutating func begin() {
        var values: [(H2Settings.Identifier, UInt32)] = []
        if role == .server {
            values.append((.maximumConcurrentStreams, UInt32(limits.concurrentStreams)))
            if limits.allowsConnectProtocol { values.append((.enableConnectProtocol, 1)) }
        } else {
            values.append((.enablePush, 0))
            owe(Preface.count) { $0.append(Preface.text) }
        }
        if limits.streamWindow != H2Settings.defaultWindow {
            values.append((.initialWindowSize, UInt32(limits.streamWindow)))
        }
        values.append((.maximumHeadSize, UInt32(limits.maximumHead)))
        values.append((.noOldPriorities, 1))
        owe(FrameHeader.size + 6 * values.count) { $0.appendSettings(values.span) }
        let more = receiveWindow - H2Settings.defaultWindow
        if more > 0 { owe(FrameSize.small) { $0.appendWindowUpdate(0, more) } }
    }

    /// Ends the connection: a goodbye is owed, and nothing else happens any more.
    mutating func fail(_ code: ErrorCode, _ reason: StaticString) -> H2Event {
        failure = code
        let last = shutdown.promised ?? lastPeerStream
        owe(FrameSize.large) { $0.appendGoAway(lastStream: last, code) }
        return .failed(code, StaticText(reason))
    }
}

/// A DATA frame that is read.
struct OpenBody: Sendable {
    /// Nil: its bytes are passed over.
    var stream: StreamHandle?
    var endsStream: Bool
    /// What counts for flow control and was not yet told as data.
    var uncounted: Int
    var sawData = false
}

/// A block that is read.
struct OpenBlock: Sendable {
    /// What becomes of a block once it was read.
    enum Purpose: Sendable {
        case request
        case trailers(StreamHandle)
        case response(StreamHandle)
        /// Only the table needs it.
        case ignored
        /// Its stream is refused, or reset for what it was.
        case reset(ErrorCode)
        /// The connection ends.
        case failure(ErrorCode)
    }

    var stream: UInt32 = 0
    var purpose = Purpose.ignored
    var endsStream = false
    /// The frame that is read is the block's last.
    var endsHeaders = false
    var frames = 0
    /// What came in earlier pieces.
    var bytes: [UInt8] = []
    /// When the rest has to be there.
    var deadline: Int64?
}

/// A graceful stop.
struct Shutdown: Sendable {
    /// The goodbye that names no stream was sent, and when at the latest the second follows.
    var secondDeadline: Int64?
    /// The last stream that was named for good.
    var promised: UInt32?
    var hasBegun = false
}
