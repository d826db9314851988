// Owns what the epoll backend remembers of a stream's descriptor.

/// Edge-triggered readiness, and in which of the backend's lists the stream is.
struct EdgeState: OptionSet {
    let rawValue: UInt8

    /// There may be bytes, or the end, to receive.
    static let readable = EdgeState(rawValue: 1)
    static let writable = EdgeState(rawValue: 2)
    /// The peer's FIN or an error was seen: then a short receive does not mean that nothing more is there.
    static let hungUp = EdgeState(rawValue: 4)
    /// Everything in flight is to complete, for the stream is closing.
    static let cancelled = EdgeState(rawValue: 8)
    static let receiveQueued = EdgeState(rawValue: 16)
    static let sendQueued = EdgeState(rawValue: 32)
}
