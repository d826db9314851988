// Owns finding a line in a head that was written here.

/// A head whose lines end with CRLF and read `Name: value`.
public enum HeadLines {
    /// The bytes of the first field line of a name, its CRLF included; nil when there is none. O(bytes).
    ///
    /// - Parameter name: in lower case.
    public static func line(_ name: StaticString, in head: Span<UInt8>) -> Range<Int>? {
        let length = name.utf8CodeUnitCount
        var start = 0
        while start < head.count {
            var end = start
            while end < head.count, head[end] != 0x0A { end += 1 }
            guard end < head.count else { return nil }
            let isNamed =
                start > 0 && end - start > length && head[start + length] == 0x3A
                && head.equalsIgnoringCase(ByteRange(start: start, count: length), name)
            if isNamed { return start..<(end + 1) }
            start = end + 1
        }
        return nil
    }
}
