// Owns the id of a request for as long as the request lives, when the head that gave it is gone.
internal import HTTPWire
internal import Proactor

/// The id that a request goes by: in answers, in the log.
struct MessageID: ~Copyable {
    private let id: RequestID
    /// A copy of the one that the client gave.
    private let given: LoopBuffer?

    /// No request's.
    init() {
        id = RequestID(high: 0, low: 0)
        given = nil
    }

    /// - Parameter head: the bytes that `id` was made of.
    @inline(__always)
    init(_ id: RequestID, _ head: Span<UInt8>, _ loop: EventLoop) {
        self.id = id
        guard id.isGiven else {
            given = nil
            return
        }
        var copy = loop.allocate(128)
        copy.append(id.span(in: head))
        given = consume copy
    }

    var span: Span<UInt8> {
        @_lifetime(borrow self)
        get {
            switch given {
            case .some(let given): _overrideLifetime(given.bytes, borrowing: self)
            case .none: id.span(in: Span())
            }
        }
    }
}
