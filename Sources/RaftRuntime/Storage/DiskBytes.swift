// Owns reading and writing numbers and texts in the bytes of a file: little endian, every length checked.

/// Appends values to bytes.
struct DiskWriter {
    var bytes: [UInt8] = []

    mutating func add(_ value: UInt8) { bytes.append(value) }
    mutating func add(_ value: UInt16) { append(value) }
    mutating func add(_ value: UInt32) { append(value) }
    mutating func add(_ value: UInt64) { append(value) }
    mutating func add(_ value: Int64) { append(UInt64(bitPattern: value)) }

    /// A text of at most 255 bytes, after its length; the caller has to refuse longer ones.
    mutating func add(short text: String) {
        let utf8 = text.utf8.prefix(255)
        bytes.append(UInt8(utf8.count))
        bytes.append(contentsOf: utf8)
    }

    /// Bytes behind their length.
    mutating func add(_ content: [UInt8]) {
        append(UInt32(truncatingIfNeeded: content.count))
        bytes.append(contentsOf: content)
    }

    private mutating func append<Number: FixedWidthInteger>(_ value: Number) {
        var rest = value
        for _ in 0..<Number.bitWidth / 8 {
            bytes.append(UInt8(truncatingIfNeeded: rest))
            rest >>= 8
        }
    }
}

/// Bytes that are not what they should be. Says how, for the message that names file and offset.
struct Malformed: Error, Hashable {
    var reason: String
    init(_ reason: String) { self.reason = reason }
}

/// Reads values from bytes, in the order in which they were written. Garbage gives an error, never a trap.
struct DiskReader {
    private let bytes: [UInt8]
    private(set) var offset: Int
    private let end: Int

    init(_ bytes: [UInt8], from start: Int = 0, count: Int? = nil) {
        self.bytes = bytes
        let first = min(max(0, start), bytes.count)
        offset = first
        end = count.map { first + min(max(0, $0), bytes.count - first) } ?? bytes.count
    }

    var remaining: Int { end - offset }

    mutating func byte() throws(Malformed) -> UInt8 {
        guard offset < end else { throw Malformed("it ends too early") }
        defer { offset += 1 }
        return bytes[offset]
    }

    mutating func number<Number: FixedWidthInteger & UnsignedInteger>(_: Number.Type) throws(Malformed) -> Number {
        let size = Number.bitWidth / 8
        guard remaining >= size else { throw Malformed("it ends too early") }
        var value: Number = 0
        for index in 0..<size { value |= Number(bytes[offset + index]) << Number(8 * index) }
        offset += size
        return value
    }

    mutating func signed() throws(Malformed) -> Int64 { Int64(bitPattern: try number(UInt64.self)) }

    mutating func shortText() throws(Malformed) -> String {
        let count = Int(try byte())
        let content = try take(count)
        guard let text = String(validating: content, as: UTF8.self) else { throw Malformed("a text is not UTF-8") }
        return text
    }

    /// Bytes behind their length.
    mutating func content(limit: Int) throws(Malformed) -> [UInt8] {
        let count = Int(try number(UInt32.self))
        guard count <= limit else { throw Malformed("\(count) bytes where at most \(limit) may be") }
        return try take(count)
    }

    private mutating func take(_ count: Int) throws(Malformed) -> [UInt8] {
        guard remaining >= count else { throw Malformed("it ends too early") }
        defer { offset += count }
        return Array(bytes[offset..<offset + count])
    }
}
