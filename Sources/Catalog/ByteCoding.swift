// Owns the encoding of commands and snapshots: the few forms that they consist of, written and read within limits.
internal import Topology

/// The format of commands and snapshots.
public enum CatalogFormat {
    /// The newest level that this version reads and writes. The leader proposes only what every member can read.
    public static let level: UInt16 = 1
}

/// Why bytes are not a command or a snapshot.
public enum CatalogFormatError: Error, Hashable {
    /// They end too early.
    case truncated
    /// Bytes follow after the end.
    case trailingBytes(Int)
    /// They begin with a different mark.
    case notACatalog
    /// They were written by a newer version.
    case unknownLevel(UInt16)
    /// A kind that this level does not have.
    case unknownTag(UInt8, of: String)
    /// A text is not UTF-8.
    case invalidText
    /// The checksum does not match.
    case corrupt
    /// A count, a length or a value exceeds its bound, or contradicts another.
    case impossible(String)
}

/// A value that commands or snapshots consist of. The order of the writes is the format.
protocol Persisted {
    func write(to writer: inout ByteWriter)
    init(from reader: inout ByteReader) throws(CatalogFormatError)
}

/// Appends values; numbers are little-endian, and counts and lengths have 32 bits.
struct ByteWriter {
    private(set) var bytes: [UInt8] = []

    mutating func put(byte: UInt8) { bytes.append(byte) }

    /// The bytes of another writer, as they are.
    mutating func put(content: ByteWriter) { bytes.append(contentsOf: content.bytes) }

    mutating func put(_ number: some FixedWidthInteger) {
        var rest = number
        for _ in 0..<(number.bitWidth / 8) {
            bytes.append(UInt8(truncatingIfNeeded: rest))
            rest >>= 8
        }
    }

    mutating func put(_ flag: Bool) { put(byte: flag ? 1 : 0) }

    mutating func put(_ text: String) {
        put(UInt32(truncatingIfNeeded: text.utf8.count))
        bytes.append(contentsOf: text.utf8)
    }

    mutating func put(_ name: some Name) { put(name.text) }

    /// Whole nanoseconds.
    mutating func put(_ duration: Duration) { put(duration.wholeNanoseconds) }

    mutating func put(_ value: some Persisted) { value.write(to: &self) }

    mutating func put(_ values: some Collection<some Persisted>) {
        put(UInt32(truncatingIfNeeded: values.count))
        for value in values { value.write(to: &self) }
    }

    /// A flag, then the value if there is one.
    mutating func put<Value>(optional value: Value?, _ write: (inout ByteWriter, Value) -> Void) {
        put(value != nil)
        if let value { write(&self, value) }
    }

    /// Equal bytes give the same value in every process and version.
    var digest: UInt64 { bytes.withDigest(of: bytes.count) }
}

extension [UInt8] {
    /// The `StableHash` of the first `count` bytes.
    func withDigest(of count: Int) -> UInt64 {
        var hash = StableHash()
        hash.combine(span.extracting(0..<count))
        return hash.value
    }
}

/// Reads what `ByteWriter` wrote; other bytes give an error. Allocates no more than the bytes can fill.
struct ByteReader {
    private let bytes: [UInt8]
    private var position: Int
    private let end: Int

    init(_ bytes: [UInt8], from start: Int = 0, to end: Int? = nil) {
        self.bytes = bytes
        position = start
        self.end = end ?? bytes.count
    }

    var remaining: Int { end - position }

    mutating func byte() throws(CatalogFormatError) -> UInt8 {
        guard position < end else { throw .truncated }
        defer { position += 1 }
        return bytes[position]
    }

    mutating func number<Number: FixedWidthInteger>(_: Number.Type = Number.self) throws(CatalogFormatError) -> Number {
        let width = Number.bitWidth / 8
        guard remaining >= width else { throw .truncated }
        var value: Number = 0
        for offset in 0..<width { value |= Number(truncatingIfNeeded: bytes[position + offset]) << (8 * offset) }
        position += width
        return value
    }

    mutating func flag() throws(CatalogFormatError) -> Bool {
        switch try byte() {
        case 0: return false
        case 1: return true
        default: throw .impossible("flag")
        }
    }

    mutating func text(limit: Int) throws(CatalogFormatError) -> String {
        let count = Int(try number(UInt32.self))
        guard count <= limit else { throw .impossible("length of a text") }
        guard count <= remaining else { throw .truncated }
        guard let text = String(validating: bytes[position..<position + count], as: UTF8.self) else {
            throw .invalidText
        }
        position += count
        return text
    }

    mutating func name<Kind: Name>(_: Kind.Type = Kind.self) throws(CatalogFormatError) -> Kind {
        Kind(try text(limit: Catalog.maximumNameLength))
    }

    mutating func duration() throws(CatalogFormatError) -> Duration { .nanoseconds(try number(Int64.self)) }

    mutating func optional<Value>(
        _ read: (inout ByteReader) throws(CatalogFormatError) -> Value
    ) throws(CatalogFormatError) -> Value? {
        try flag() ? try read(&self) : nil
    }

    /// At most `limit` values; each takes at least a byte, so the count cannot promise more than there is.
    mutating func array<Value: Persisted>(
        of _: Value.Type = Value.self, limit: Int, _ what: String
    ) throws(CatalogFormatError) -> [Value] {
        let count = Int(try number(UInt32.self))
        guard count <= limit else { throw .impossible("number of \(what)") }
        guard count <= remaining else { throw .truncated }
        var values: [Value] = []
        for _ in 0..<count { values.append(try Value(from: &self)) }
        return values
    }

    func finish() throws(CatalogFormatError) {
        if remaining > 0 { throw .trailingBytes(remaining) }
    }
}
