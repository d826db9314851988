// Owns reading the few forms that the control plane's messages consist of, within limits.
internal import Topology

/// Reads numbers and texts from untrusted bytes.
struct PeerBytesReader {
    private let bytes: [UInt8]
    private var position = 0

    init(bytes: [UInt8]) { self.bytes = bytes }

    var isAtEnd: Bool { position == bytes.count }

    mutating func number(_ count: Int = 8) -> Int64? {
        guard bytes.count - position >= count else { return nil }
        var value: UInt64 = 0
        for index in (0..<count).reversed() { value = value << 8 | UInt64(bytes[position + index]) }
        position += count
        return Int64(bitPattern: value)
    }

    mutating func name() -> String? {
        guard let count = number(1), bytes.count - position >= Int(count),
            let text = String(validating: bytes[position..<(position + Int(count))], as: UTF8.self),
            NameRule.allows(text)
        else { return nil }
        position += Int(count)
        return text
    }

    /// Outer nil: not a duration; inner nil: none.
    mutating func duration() -> Duration?? {
        guard let milliseconds = number(), milliseconds >= -1, milliseconds <= 1 << 40 else { return nil }
        return .some(milliseconds < 0 ? nil : .milliseconds(milliseconds))
    }
}
