// Owns what is known of one attempt to have a request answered by an endpoint.
public import Topology

/// One attempt. A value that is replaced whole by the next one.
public struct AttemptState: Sendable {
    /// When its endpoint was chosen.
    public let began: Tick
    /// Whether its connection has carried a request before: then a reset may mean no more than that the backend had
    /// closed it already.
    public let isReused: Bool
    /// When the connection stood.
    public internal(set) var connected: Tick
    /// When the first byte of an answer came; zero before.
    public internal(set) var firstByte = Tick.zero
    /// Whether some of a head came, and its end did not.
    var isHeadBegun = false

    /// Whether any byte of an answer came.
    @inlinable public var hasResponse: Bool { firstByte != .zero }

    init(began: Tick, isReused: Bool) {
        self.began = began
        self.isReused = isReused
        connected = began
    }
}
