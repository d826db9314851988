// Owns a connection on its way from one protocol to another.
public import Proactor
public import Transport

/// A connection that its protocol has given away, and the bytes that it had received already.
public struct DetachedStream: ~Copyable {
    public let stream: ByteStream
    public var early: LoopBuffer?

    init(_ stream: ByteStream, early: consuming LoopBuffer?) {
        self.stream = stream
        self.early = early
    }

    /// Takes the early bytes out.
    public mutating func takeEarly() -> LoopBuffer? { early.take() }
}
