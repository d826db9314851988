// Owns one stream's state (RFC 9113 section 5.1), its windows, and whether it makes progress.
import HTTPWire

/// A stream of a connection. It is valid from the event that brought it until the one that ends it, and afterwards refers
/// to nothing.
public struct StreamHandle: Hashable, Sendable {
    /// The stream's identifier.
    public let id: UInt32
    let slot: Int
}

/// A stream that is open or half closed; others are in no table.
struct H2Stream: Sendable {
    var id: UInt32
    /// We may send; `endsStream` of ours ends it.
    var isLocalOpen = true
    /// The peer may send.
    var isRemoteOpen = true
    /// A client's: the final head of the answer has come.
    var hasFinalHead = false
    /// The final head was sent.
    var hasSentHead = false
    /// Of a request that was sent: it was HEAD, so that its answer has no body.
    var isHead = false
    /// It carries WebSocket.
    var isTunnel = false
    /// Data waits for its window to open, which is told.
    var isBlocked = false
    /// Data waits for the connection's window.
    var waitsForConnection = false
    var priority = StreamPriority()
    /// What may be sent; negative after the peer has made its window smaller (RFC 9113 section 6.9.2).
    var sendWindow: Int
    /// What may come.
    var receiveWindow: Int
    /// What was consumed and not yet given back.
    var credit = 0
    /// Bytes of the body that are still to come; nil when its length was not said.
    var remaining: UInt64?
    var stall = StallClock()

    init(id: UInt32, sendWindow: Int, receiveWindow: Int) {
        self.id = id
        self.sendWindow = sendWindow
        self.receiveWindow = receiveWindow
    }

    var isClosed: Bool { !isLocalOpen && !isRemoteOpen }
}

/// Watches what a peer's windows let through while data waits.
struct StallClock: Sendable {
    /// When the period began; nil: nothing waits.
    private(set) var since: Int64?
    private var bytes = 0

    /// Data waits, and so many bytes went before it.
    mutating func wait(_ sent: Int, now: Int64) {
        if since == nil {
            since = now
            bytes = 0
        } else {
            bytes += sent
        }
    }

    /// Nothing waits any more.
    mutating func clear() { since = nil }

    /// Whether a whole period brought less than the rate; begins the next one when it is over.
    ///
    /// - Parameter isShut: whether the window is shut now. If it is not, the data waits for something else.
    mutating func isStalled(_ limits: H2Limits, isShut: Bool, now: Int64) -> Bool {
        guard let start = since, now - start >= limits.stallPeriod else { return false }
        // In whole seconds, at least one.
        let seconds = max(1, limits.stallPeriod / 1_000_000_000)
        let isSlow = Int64(bytes) < Int64(limits.stallRate) * seconds
        since = now
        bytes = 0
        return isSlow && isShut
    }
}
