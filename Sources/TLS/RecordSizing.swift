// Owns the size of the next record: small ones after idleness, so that no byte waits for a packet that was lost.
public import Topology

/// How much plaintext the next record carries.
///
/// A record can be read only as a whole. While the congestion window is small, which it is at the beginning and again
/// after idleness, records that fit a packet each are readable as they come; later large ones cost less.
public struct RecordSizing: Hashable, Sendable {
    /// The plaintext of a record that fits a TCP segment, with its own 29 bytes, IPv6 and TCP's options.
    public static let small = 1_369
    /// RFC 8446 §5.1.
    public static let large = 16_384
    /// How many small ones come first: some 55 KB, a window after two round trips.
    public static let smallCount = 40
    public static let idleness = Duration.seconds(1)

    private let isDynamic: Bool
    private var smallLeft = 0
    private var last: Tick?

    /// - Parameter isDynamic: false: all records are large.
    public init(isDynamic: Bool) { self.isDynamic = isDynamic }

    /// The plaintext that the record that is made now carries at most. Counts it as made.
    public mutating func next(now: Tick) -> Int {
        guard isDynamic else { return Self.large }
        if let last, now - last < Self.idleness {} else { smallLeft = Self.smallCount }
        last = now
        guard smallLeft > 0 else { return Self.large }
        smallLeft -= 1
        return Self.small
    }
}
