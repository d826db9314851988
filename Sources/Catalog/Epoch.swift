// Owns the number that fences an old primary.

/// The epoch of a service's primary: it grows by one with every change of the primary and never goes back.
///
/// 63 bits, so that it fits every signed 64-bit column of a backend. The high 32 are the *formation*: UTC seconds at
/// which the group was formed or restored, so that a group that lost its state continues with higher numbers. The low
/// 31 count the changes.
public struct Epoch: Hashable, Comparable, Sendable {
    /// The number that backends compare.
    public let value: UInt64

    /// The first epoch of a service in a group of this formation (0: a group that lives in memory only).
    public init(formation: UInt32) { value = UInt64(formation) << 31 | 1 }

    private init(unchecked value: UInt64) { self.value = value }

    /// The epoch that has this number, as `value` gave it; nil when it exceeds 63 bits or its count is 0.
    public init?(value: UInt64) {
        guard value >> 63 == 0, value & 0x7FFF_FFFF != 0 else { return nil }
        self.value = value
    }

    /// When the group was formed, in UTC seconds; 0 for a group in memory.
    public var formation: UInt32 { UInt32(truncatingIfNeeded: value >> 31) }

    /// How often the primary was set, the first time included.
    public var count: UInt32 { UInt32(truncatingIfNeeded: value & 0x7FFF_FFFF) }

    /// The epoch after this one; nil when the count is used up.
    public var next: Epoch? { count == 0x7FFF_FFFF ? nil : Epoch(unchecked: value + 1) }

    public static func < (left: Epoch, right: Epoch) -> Bool { left.value < right.value }
}
