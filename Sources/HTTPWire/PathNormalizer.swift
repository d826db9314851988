// Owns the normal form of a path: what is matched is what is forwarded.

/// Removes dot segments and needless escapes (RFC 3986 sections 5.2.4 and 6.2.2), so that no backend sees another path
/// than the one that was routed. `%2F` and `%5C` stay as they are, `//` is kept, nothing climbs above the root.
public enum PathNormalizer {
    /// Appends the normal form of `bytes[path]`, never longer than the path itself.
    @_lifetime(writer: copy writer)
    public static func normalize(_ bytes: Span<UInt8>, _ path: ByteRange, into writer: inout OutputWriter) {
        var output: [UInt8] = []
        output.reserveCapacity(Int(path.count))
        var index = path.lower
        while index < path.upper {
            // At a slash: read one segment behind it.
            index += 1
            var segment: [UInt8] = []
            while index < path.upper, bytes[index] != 0x2F { appendDecoded(bytes, path.upper, &index, &segment) }
            let isLast = index >= path.upper
            if segment == [0x2E] {
                if isLast { output.append(0x2F) }
            } else if segment == [0x2E, 0x2E] {
                removeLastSegment(&output)
                if isLast { output.append(0x2F) }
            } else {
                output.append(0x2F)
                output.append(contentsOf: segment)
            }
        }
        if output.isEmpty { output.append(0x2F) }
        writer.append(all: output.span)
    }

    private static func removeLastSegment(_ output: inout [UInt8]) {
        while let last = output.popLast() {
            if last == 0x2F { return }
        }
    }

    /// Appends one character: an escaped unreserved one as itself, another escape with upper-case digits.
    private static func appendDecoded(_ bytes: Span<UInt8>, _ end: Int, _ index: inout Int, _ segment: inout [UInt8]) {
        let byte = bytes[index]
        guard byte == 0x25, index + 2 < end, let high = CharacterSets.hexValue(bytes[index + 1]),
            let low = CharacterSets.hexValue(bytes[index + 2])
        else {
            segment.append(byte)
            index += 1
            return
        }
        let value = high << 4 | low
        if isUnreserved(value) {
            segment.append(value)
        } else {
            segment += [0x25, upperHex(high), upperHex(low)]
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
