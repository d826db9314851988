// Owns what is known of a request, over all attempts to have it answered.
public import HTTPWire
public import Topology

/// One request. A value that is replaced whole when the next one begins.
public struct RequestState: Sendable {
    /// What repeating the request would do decides whether it may be sent twice.
    public let isIdempotent: Bool
    /// Whether the client asked, correctly, to switch to WebSocket.
    public let wantsUpgrade: Bool
    /// Whether the client may be sent 1xx: not if it speaks HTTP/1.0 (RFC 9110 section 15.2).
    public let takesInterim: Bool
    /// A TCP session: once connected, it becomes a tunnel.
    public let isSession: Bool
    /// When its head was complete.
    public let began: Tick

    /// The client waits for 100 before it sends its body.
    public internal(set) var expectsContinue: Bool
    /// It was told 100; another must not reach it, and a later attempt must not ask for one.
    public internal(set) var wasToldToContinue = false
    /// Whether all of its body is here.
    public internal(set) var isComplete: Bool
    /// Bytes of its body so far, as they came.
    public internal(set) var bytes = 0
    /// Whether all that came of it will still be there once it was sent.
    public internal(set) var isReplayable = true

    /// Attempts that found an endpoint.
    public internal(set) var attempts = 0
    /// Retries that policy and budget granted.
    public internal(set) var retries = 0
    /// Failed attempts of which a byte may have reached a backend that was alive.
    public internal(set) var paidAttempts = 0
    /// Interim answers of all attempts, those that are swallowed included.
    public internal(set) var interims = 0
    /// Whether it takes no pooled connection: it met a dead one, or is a TCP session.
    public internal(set) var needsFreshConnection = false
    /// How long the service lets it wait for an endpoint that answers; 0: not at all.
    public internal(set) var holdBudget: Int64 = 0
    /// When it gives up waiting; `distantFuture` while no endpoint has failed it.
    public internal(set) var holdDeadline = Tick.distantFuture
    /// Whether it has waited for the primary.
    public internal(set) var wasHeld = false

    /// - Parameter hasBody: whether a body follows the head.
    public init(
        method: RequestMethod, hasBody: Bool, expectsContinue: Bool, wantsUpgrade: Bool, takesInterim: Bool = true,
        began: Tick
    ) {
        isIdempotent = method.isIdempotent
        self.wantsUpgrade = wantsUpgrade
        self.takesInterim = takesInterim
        isSession = false
        self.began = began
        // Who cannot be told to continue does not wait for it.
        self.expectsContinue = expectsContinue && hasBody && takesInterim
        isComplete = !hasBody
    }

    /// A TCP session. Nothing of it is sent before it is connected, so it may be tried as often as the policy says.
    public init(sessionBegan began: Tick) {
        isIdempotent = false
        wantsUpgrade = false
        takesInterim = false
        isSession = true
        self.began = began
        expectsContinue = false
        isComplete = true
        needsFreshConnection = true
    }
}
