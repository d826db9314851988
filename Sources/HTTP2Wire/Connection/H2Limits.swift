// Owns the limits of one connection, and their defaults.

/// What a peer may ask for, and how fast it has to take what it asked for. All can be set.
public struct H2Limits: Sendable {
    /// Streams that the peer may have open at once.
    public var concurrentStreams = 100
    /// The window of each stream: what a slow reader of one may leave here.
    public var streamWindow = H2Settings.defaultWindow
    /// The window of the connection; its credit is given back as bytes are read, so it stalls nobody.
    public var connectionWindow = 1 << 20
    /// The most bytes of a block before it is read, over all its frames.
    public var maximumBlock = 64 << 10
    /// Said in SETTINGS; `HeadScratch` holds to it.
    public var maximumHead = 32 << 10
    /// Whether WebSocket may be asked for (RFC 8441).
    public var allowsConnectProtocol = true
    /// Nanoseconds in which SETTINGS have to be acknowledged.
    public var settingsTimeout: Int64 = 10_000_000_000
    /// Nanoseconds in which a block that has begun has to be whole.
    public var headTimeout: Int64 = 10_000_000_000
    /// What the budget of glitches holds, and what it regains in a second.
    public var glitches = 200
    public var glitchesPerSecond = 10
    /// A peer whose windows let fewer bytes a second through for so many nanoseconds, while data waits, is stalled.
    public var stallRate = 500
    public var stallPeriod: Int64 = 30_000_000_000
    /// Bytes of frames that are owed to the peer before no more is read from it.
    public var owedBytes = 2048

    public init() {}

    /// The limits within what the protocol can say.
    var sensible: H2Limits {
        var limits = self
        limits.concurrentStreams = min(max(concurrentStreams, 1), 1 << 16)
        limits.streamWindow = min(max(streamWindow, 1), H2Settings.largestWindow)
        limits.connectionWindow = min(max(connectionWindow, H2Settings.defaultWindow), H2Settings.largestWindow)
        limits.maximumHead = min(max(maximumHead, 64), 60 << 10)
        return limits
    }
}
