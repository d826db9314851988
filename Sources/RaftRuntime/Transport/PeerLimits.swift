// Owns the bounds and times of the connections between members.

/// What bounds memory and waiting. Every member may have its own, but for `frameBytes`, which must hold what others send.
public struct PeerLimits: Hashable, Sendable {
    /// The most bytes of a frame: `RaftLimits.commandBytes` and `messageBytes` with room to spare.
    public var frameBytes = 2 << 20
    /// The most bytes of a frame of a peer that has not said who it is.
    public var greetingBytes = 4 << 10
    /// What may wait for one peer, in each lane; beyond it the oldest messages of Raft are dropped, and calls not taken.
    public var queueMessages = 1_024
    public var urgentQueueBytes = 1 << 20
    public var bulkQueueBytes = 8 << 20
    /// The bytes of a lane that are with the loop or the kernel; the rest waits where it can still be dropped.
    public var windowBytes = 256 << 10
    /// The most bytes of a call or a reply.
    public var callBytes = 1 << 20
    /// Calls of at most so many bytes go with the urgent ones.
    public var urgentCallBytes = 16 << 10
    /// The calls to one peer that have no reply yet; one more is not sent. As many of one peer's are open at a time.
    public var openCalls = 256
    /// The most connections that others have made to this node; one more is closed at once.
    public var inboundConnections = 256
    /// The most connections taken in a second: each may cost a TLS handshake, which the loop must not be busy with.
    public var inboundRate = 128
    /// Until the TCP connection stands.
    public var connectTimeout = Duration.seconds(2)
    /// From there until both sides have said who they are.
    public var greetingTimeout = Duration.seconds(3)
    /// How often a connection asks whether the peer lives.
    public var pingInterval = Duration.seconds(1)
    /// Without a byte either way for so long, the connection is given up.
    public var silenceLimit = Duration.seconds(5)
    /// The first wait before connecting again; doubled each time up to the greatest, of which a random half is left out.
    public var leastBackoff = Duration.milliseconds(50)
    public var greatestBackoff = Duration.seconds(2)
    /// Messages of Raft that waited longer for a connection are not sent when it stands: newer ones tell more.
    public var staleAfter = Duration.seconds(1)

    public init() {}

    func queueBytes(_ lane: PeerLaneKind) -> Int { lane == .urgent ? urgentQueueBytes : bulkQueueBytes }

    /// The wait before attempt number `attempt` (0: the first after a failure), without the random part.
    func backoff(_ attempt: Int) -> Duration {
        min(leastBackoff * (1 << min(max(attempt, 0), 16)), greatestBackoff)
    }
}
