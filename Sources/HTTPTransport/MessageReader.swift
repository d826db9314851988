// Owns collecting one message from a stream of bytes, bounded.
internal import HTTPWire

/// Collects a body by its framing.
struct BodyCollector {
    private let framing: BodyFraming
    private let limit: Int
    private var decoder = ChunkedDecoder()
    private(set) var body: [UInt8] = []

    enum Outcome: Equatable {
        case needMore
        /// The body is whole; so many bytes of the input were its.
        case complete(Int)
        case tooLarge
        case malformed
    }

    init(_ framing: BodyFraming, limit: Int) {
        self.framing = framing
        self.limit = limit
    }

    /// Takes what it can of `bytes`.
    mutating func take(_ bytes: Span<UInt8>) -> Outcome {
        switch framing {
        case .none: return .complete(0)
        case .length(let count):
            guard count <= UInt64(limit) else { return .tooLarge }
            let taken = min(bytes.count, Int(count) - body.count)
            append(bytes, 0..<taken)
            return body.count == Int(count) ? .complete(taken) : .needMore
        case .untilClose:
            guard body.count + bytes.count <= limit else { return .tooLarge }
            append(bytes, 0..<bytes.count)
            return .needMore
        case .chunked: return takeChunks(bytes)
        }
    }

    private mutating func takeChunks(_ bytes: Span<UInt8>) -> Outcome {
        var position = 0
        while true {
            switch decoder.step(bytes, &position) {
            case .payload(let range):
                guard body.count + range.count <= limit else { return .tooLarge }
                append(bytes, range)
            case .needMore: return .needMore
            case .done(_, let rest): return .complete(rest)
            case .failed: return .malformed
            }
        }
    }

    private mutating func append(_ bytes: Span<UInt8>, _ range: Range<Int>) {
        body.reserveCapacity(body.count + range.count)
        for index in range { body.append(bytes[index]) }
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
