// Owns the checksum of snapshots.

/// CRC32C (Castagnoli; RFC 3720 appendix B.4), by table, in pieces as they come.
public struct CRC32C: Hashable, Sendable {
    private static let table: [UInt32] = (0..<256).map { byte in
        (0..<8).reduce(UInt32(byte)) { value, _ in value & 1 == 1 ? (value >> 1) ^ 0x82F6_3B78 : value >> 1 }
    }

    private var state: UInt32 = .max

    public init() {}

    /// Adds bytes.
    public mutating func update(_ bytes: some Sequence<UInt8>) {
        let table = Self.table
        var value = state
        for byte in bytes { value = table[Int(UInt8(truncatingIfNeeded: value) ^ byte)] ^ (value >> 8) }
        state = value
    }

    /// The checksum of all bytes so far.
    public var value: UInt32 { ~state }

    /// The checksum of these bytes.
    public static func of(_ bytes: some Sequence<UInt8>) -> UInt32 {
        var checksum = CRC32C()
        checksum.update(bytes)
        return checksum.value
    }
}
