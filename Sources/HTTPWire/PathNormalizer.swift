// Owns the normal form of a path: what is matched is what is forwarded.

/// Removes dot segments and needless escapes (RFC 3986 sections 5.2.4 and 6.2.2), so that no backend sees another path
/// than the one that was routed. `%2F` and `%5C` stay as they are, `//` is kept, nothing climbs above the root.
///
/// A dot segment with parameters (`..;x`) counts as one. RFC 3986 section 3.3 would have it pass as a name, and other
/// proxies let it pass: but Java's servers cut parameters off before they resolve dots (Servlet 6.0 section 3.5.2), so that
/// `/public/..;/admin` would be routed by the one path and served by the other.
public enum PathNormalizer {
    /// Appends the normal form of `bytes[path]`, never longer than the path itself, in one pass over it.
    @_lifetime(writer: copy writer)
    public static func normalize(_ bytes: Span<UInt8>, _ path: ByteRange, into writer: inout OutputWriter) {
        let base = writer.count
        var index = path.lower
        while index < path.upper {
            // At a slash: write it and the segment behind it, then look at what it reads once decoded.
            let segment = writer.count
            writer.append(byte: 0x2F)
            index += 1
            while index < path.upper, bytes[index] != 0x2F { appendDecoded(bytes, path.upper, &index, &writer) }
            let dots = dotCount(writer, segment + 1)
            if dots == 0 { continue }
            writer.rewind(to: dots == 1 ? segment : parent(writer, base, segment))
            if index >= path.upper { writer.append(byte: 0x2F) }
        }
        if writer.count == base { writer.append(byte: 0x2F) }
    }

    /// 1 for a segment that reads `.`, 2 for `..`, with parameters or without, 0 for any other.
    private static func dotCount(_ writer: borrowing OutputWriter, _ start: Int) -> Int {
        var count = 0
        while start + count < writer.count, writer.byte(at: start + count) == 0x2E { count += 1 }
        guard count == 1 || count == 2 else { return 0 }
        let end = start + count
        return end == writer.count || writer.byte(at: end) == 0x3B ? count : 0
    }

    /// Where the segment before the one at `segment` begins; `base` when there is none.
    private static func parent(_ writer: borrowing OutputWriter, _ base: Int, _ segment: Int) -> Int {
        var index = segment
        while index > base {
            index -= 1
            if writer.byte(at: index) == 0x2F { return index }
        }
        return base
    }

    /// Appends one character: an escaped unreserved one as itself, another escape with upper-case digits.
    @_lifetime(writer: copy writer)
    private static func appendDecoded(
        _ bytes: Span<UInt8>, _ end: Int, _ index: inout Int, _ writer: inout OutputWriter
    ) {
        let byte = bytes[index]
        guard byte == 0x25, index + 2 < end, let high = CharacterSets.hexValue(bytes[index + 1]),
            let low = CharacterSets.hexValue(bytes[index + 2])
        else {
            writer.append(byte: byte)
            index += 1
            return
        }
        let value = high << 4 | low
        if isUnreserved(value) {
            writer.append(byte: value)
        } else {
            writer.append(byte: 0x25)
            writer.append(byte: upperHex(high))
            writer.append(byte: upperHex(low))
        }
        index += 3
    }

    private static func upperHex(_ digit: UInt8) -> UInt8 { digit < 10 ? 0x30 + digit : 0x37 + digit }

    /// RFC 3986 section 2.3.
    private static func isUnreserved(_ byte: UInt8) -> Bool {
        let lower = byte | 0x20
        return CharacterSets.isDigit(byte) || (lower >= 0x61 && lower <= 0x7A) || byte == 0x2D || byte == 0x2E
            || byte == 0x5F || byte == 0x7E
    }
}
