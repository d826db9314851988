// Owns the id of a request for as long as the request lives, when the head that gave it is gone.
internal import HTTPWire

/// The id that a request goes by in answers: at most 128 bytes, in place.
struct MessageID {
    private var storage = InlineArray<128, UInt8>(repeating: 0)
    private var count = 0

    /// No request's.
    init() {}

    /// Takes a request's. In place, as most of the 128 bytes are not needed.
    ///
    /// - Parameter head: the bytes that `id` was made of.
    @inline(__always)
    mutating func take(_ id: borrowing RequestID, _ head: Span<UInt8>) {
        let bytes = id.span(in: head)
        var writer = OutputWriter(storage.mutableSpan)
        writer.append(bytes, 0, min(bytes.count, 128))
        let written = writer.count
        count = written
    }

    var span: Span<UInt8> {
        @_lifetime(borrow self)
        get { storage.span.extracting(0..<count) }
    }
}
