// Owns the unit of sizes.

/// A number of bytes. Settings spell it `64KiB`, `10MB`, `1048576`.
public struct ByteCount: Hashable, Comparable, Sendable, ExpressibleByIntegerLiteral {
    public var bytes: Int
    @inlinable
    public init(_ bytes: Int) { self.bytes = bytes }
    @inlinable
    public init(integerLiteral value: Int) { bytes = value }
    public static func kibibytes(_ count: Int) -> ByteCount { ByteCount(count << 10) }
    public static func mebibytes(_ count: Int) -> ByteCount { ByteCount(count << 20) }
    @inlinable
    public static func < (left: ByteCount, right: ByteCount) -> Bool { left.bytes < right.bytes }
}
