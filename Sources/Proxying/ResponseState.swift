// Owns what is known of the answer that the client gets.

/// The answer. A value that is replaced whole when the next request begins.
public struct ResponseState: Sendable {
    /// The status that the client got; 0 before; 499 when it left without one.
    public internal(set) var status = 0
    /// Whether the head of the final answer was handed over to the client: nothing can be taken back any more.
    public internal(set) var hasAnswered = false
    /// Whether all of it was handed over.
    public internal(set) var isComplete = false
    /// Whether it pauses by nature.
    public internal(set) var isEventStream = false
    /// Bytes handed over, heads included.
    public internal(set) var bytes = 0

    init() {}
}
