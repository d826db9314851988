// Owns what the settings of a service say about one request, unpacked for the path of a request.
public import Balancing

/// The limits that one request is held to. Times are in nanoseconds.
public struct ExchangePolicy: Hashable, Sendable {
    /// Attempts after the first, and the share of all requests that may be retries.
    public var retry = RetryPolicy()
    /// To connect to an endpoint.
    public var connect: Int64 = 2_000_000_000
    /// From the end of a request to the first byte of its final answer's head; also while the backend takes nothing of
    /// the request, or does not say whether the client is to continue.
    public var firstByte: Int64 = 30_000_000_000
    /// Between two pieces of an answer that has begun, its head included.
    public var responseIdle: Int64 = 60_000_000_000
    /// The same for `text/event-stream`, which pauses by nature.
    public var eventStreamIdle: Int64 = 3600_000_000_000
    /// While bytes wait for a client that takes none.
    public var clientStall: Int64 = 30_000_000_000
    /// Before `bodyRate` is asked for, and the longest pause of a client within its body.
    public var bodyGrace: Int64 = 30_000_000_000
    /// The least bytes a second of a request's body; 0: none.
    public var bodyRate = 500
    /// The whole of a request; nil: no limit.
    public var request: Int64?
    /// The most interim answers (1xx) of one request, those that are swallowed included.
    public var maximumInterim = 16
    /// Whether a client that leaves before its answer cancels a request of an idempotent method.
    public var abortsOnClose = true
    /// Bytes of a request's body that are kept for a retry.
    public var replayLimit = 64 << 10

    public init() {}
}
