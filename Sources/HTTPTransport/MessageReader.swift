// Owns collecting one message from a stream of bytes, bounded.
internal import HTTPWire
internal import Proactor

/// Follows a body by its framing and hands its payload over.
struct BodyReader {
    private let framing: BodyFraming
    private let limit: UInt64
    private var decoder = ChunkedDecoder()
    private var count: UInt64 = 0

    enum Outcome: Equatable {
        case needMore
        /// The body is whole; so many bytes of the input were its.
        case complete(Int)
        case tooLarge
        case malformed
    }

    /// - Parameter limit: the most bytes of payload.
    init(_ framing: BodyFraming, limit: Int) {
        self.framing = framing
        self.limit = UInt64(max(limit, 0))
    }

    /// Takes what it can of `bytes`, and appends the payload to `body`.
    mutating func take(_ bytes: [UInt8], into body: inout [UInt8]) -> Outcome {
        switch framing {
        case .none: return .complete(0)
        case .length(let length):
            guard length <= limit else { return .tooLarge }
            let taken = Int(min(UInt64(bytes.count), length - count))
            body += bytes[..<taken]
            count += UInt64(taken)
            return count == length ? .complete(taken) : .needMore
        case .untilClose:
            count += UInt64(bytes.count)
            guard count <= limit else { return .tooLarge }
            body += bytes
            return .needMore
        case .chunked: return takeChunks(bytes, into: &body)
        }
    }

    private mutating func takeChunks(_ bytes: [UInt8], into body: inout [UInt8]) -> Outcome {
        var position = 0
        while true {
            switch decoder.step(bytes.span, &position) {
            case .payload(let range):
                count += UInt64(range.count)
                guard count <= limit else { return .tooLarge }
                body += bytes[range]
            case .needMore: return .needMore
            case .done(_, let rest): return .complete(rest)
            case .failed: return .malformed
            }
        }
    }
}

extension FieldTable {
    /// The fields as text, names in lower case.
    func texts(_ bytes: [UInt8]) -> [(name: String, value: String)] {
        (0..<count).map { index in
            let field = self[index]
            return (
                String(decoding: bytes[field.name.range], as: UTF8.self).lowercased(),
                String(decoding: bytes[field.value.range], as: UTF8.self)
            )
        }
    }
}

extension [UInt8] {
    /// Appends what a receive brought.
    mutating func append(_ buffer: LoopBuffer) {
        let bytes = buffer.bytes
        for index in bytes.indices { append(bytes[index]) }
    }
}
