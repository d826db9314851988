// Owns the id of a request for as long as the request lives, when the head that gave it is gone.
internal import HTTPWire

/// The id that a request goes by in answers: at most 128 bytes, in place.
struct MessageID {
    private var storage = InlineArray<128, UInt8>(repeating: 0)
    private var count = 0

    /// No request's.
    init() {}

    /// - Parameter head: the bytes that `id` was made of.
    @inline(__always)
    init(_ id: RequestID, _ head: Span<UInt8>) {
        let bytes = id.span(in: head)
        count = min(bytes.count, 128)
        for index in 0..<count { storage[index] = bytes[index] }
    }

    var span: Span<UInt8> {
        @_lifetime(borrow self)
        get { storage.span.extracting(0..<count) }
    }
}
