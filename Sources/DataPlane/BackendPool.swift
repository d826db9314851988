// Owns one worker's idle connections to one endpoint: which one the next request takes, how long each is kept.
internal import Topology

/// Last in, first out: the connection used last is the one most surely alive.
struct BackendPool {
    /// How long one waits for the next request when the endpoint takes no more connections: another worker may need it.
    static let idleTimeAtLimit: Int64 = 20_000_000
    /// How long a connection beyond `pool.idle` waits for the next request.
    static let surplusIdleTime: Int64 = 5_000_000_000
    /// The longest idleness after which a request that may not be sent twice still takes a connection: the backend may
    /// just be closing one that has been idle for longer.
    static let freshTime: Int64 = 2_000_000_000

    private var idle = SpareStack<BackendConnection>()
    private var keptAtLimit = 0

    /// Takes a connection for a request.
    ///
    /// - Parameter isRepeatable: whether the request may be sent again when the backend turns out to have closed it.
    @inline(__always)
    mutating func take(isRepeatable: Bool, now: Tick) -> BackendConnection? {
        if !isRepeatable, let last = idle.last, !last.isSurelyAlive(now) { return nil }
        return idle.pop()
    }

    /// Keeps a connection. Beyond `limit` connections it is kept for a few seconds only: closing it at once would make a
    /// busy endpoint's requests connect anew whenever more than that end together.
    ///
    /// - Parameters:
    ///   - time: how long it may be idle, in nanoseconds.
    ///   - limit: how many are kept for so long; 0: none is kept.
    ///   - isAtLimit: whether the endpoint takes no more connections.
    /// - Returns: how long it is kept; nil: it is to be closed.
    @inline(__always)
    mutating func keep(_ connection: BackendConnection, for time: Int64, limit: Int, isAtLimit: Bool) -> Int64? {
        var time = time
        if idle.count >= limit {
            if limit == 0 { return nil }
            time = min(time, Self.surplusIdleTime)
        }
        if isAtLimit {
            // One of some is closed even under load, so that no worker goes without for ever.
            keptAtLimit &+= 1
            if keptAtLimit & 15 == 0 { return nil }
            time = min(time, Self.idleTimeAtLimit)
        }
        idle.push(connection)
        return time
    }

    /// Takes one connection out, because it broke or its time is over.
    mutating func remove(_ connection: BackendConnection) { idle.remove(connection) }

    /// Takes all out.
    mutating func removeAll() -> [BackendConnection] { idle.removeAll() }
}
