// Owns what a client says of the order in which it wants answers (RFC 9218).

/// The priority of a stream: lower urgency first; within one urgency, incremental ones share.
public struct StreamPriority: Hashable, Sendable {
    /// 0 to 7, 0 the most urgent.
    public var urgency: UInt8 = 3
    /// Whether parts of the answer are of use, so that it may be sent in turn with others.
    public var isIncremental = false

    public init() {}

    /// Reads the value of a `Priority` field or of PRIORITY_UPDATE (RFC 9218 section 4). What cannot be read leaves the
    /// default; a member that is not known is passed over.
    public init(_ bytes: Span<UInt8>, _ range: Range<Int>) {
        var start = range.lowerBound
        while start < range.upperBound {
            var end = start
            while end < range.upperBound, bytes[end] != 0x2C { end += 1 }
            var low = start
            var high = end
            while low < high, bytes[low] == 0x20 || bytes[low] == 0x09 { low += 1 }
            // Parameters of a member mean nothing.
            for index in low..<high where bytes[index] == 0x3B {
                high = index
                break
            }
            while high > low, bytes[high - 1] == 0x20 || bytes[high - 1] == 0x09 { high -= 1 }
            take(bytes, low, high)
            start = end + 1
        }
    }

    private mutating func take(_ bytes: Span<UInt8>, _ low: Int, _ high: Int) {
        switch high - low {
        case 1 where bytes[low] == 0x69: isIncremental = true
        case 3 where bytes[low] == 0x75 && bytes[low + 1] == 0x3D && bytes[low + 2] &- 0x30 < 8:
            urgency = bytes[low + 2] &- 0x30
        case 4 where bytes[low] == 0x69 && bytes[low + 1] == 0x3D && bytes[low + 2] == 0x3F:
            if bytes[low + 3] == 0x31 { isIncremental = true }
            if bytes[low + 3] == 0x30 { isIncremental = false }
        default: break
        }
    }
}
