// Owns the two forms of a path: the one that is forwarded and the one that routes are matched on.

/// Whether paths are brought into their normal form.
public enum PathRule: Sendable {
    case normalized
    /// Matched and forwarded as they came, dot segments included.
    case asIs
}

/// Where a writer holds the forms of a path.
public struct NormalizedPath: Hashable, Sendable {
    /// The path to send.
    public let forwarded: Range<Int>
    /// The path to match routes on; the same as `forwarded` when one form serves both.
    public let matched: Range<Int>
}

/// Brings a path into the form that every backend reads alike, so that none sees another path than the one that was routed.
///
/// **Forwarded** is the path without dot segments and needless escapes (RFC 3986 sections 5.2.4 and 6.2.2). `%2F` and
/// `%5C` stay as they are, repeated slashes are kept, nothing climbs above the root.
///
/// **Matched** is the forwarded path with every run of slashes, encoded ones among them, read as one: `/` when a slash
/// of the run came as it is, else `%2F`. That is how nginx with `merge_slashes` (its default) finds the location for it:
/// it decodes the path, merges slashes and compares then. So `//admin` and `/%2Fadmin` are matched as `/admin`, and
/// `a%2F%2Fb` is matched as `a%2Fb`. A single `%2F` stays one, since many backends take it for a part of a name.
///
/// A dot segment beside an encoded slash or backslash, or a raw backslash, is one to the servers that decode before they
/// resolve dots and none to the others, so it is refused: `/a/..%2Fadmin`, `/a%5C..`, `/..\x`.
///
/// A dot segment with parameters (`..;x`) counts as one. RFC 3986 section 3.3 would have it pass as a name, and other
/// proxies let it pass: but Java's servers cut parameters off before they resolve dots (Servlet 6.0 section 3.5.2), so that
/// `/public/..;/admin` would be routed by the one path and served by the other.
public enum PathNormalizer {
    /// Bytes in which both forms of a path always fit.
    public static func room(for path: ByteRange) -> Int { 2 * max(1, Int(path.count)) }

    /// Appends the forms of `bytes[path]`, which is not empty: the forwarded one, and behind it the matched one when it is
    /// another. Neither is longer than the path itself. One pass over it, and one over what came out.
    ///
    /// - Throws: 400 `dot_segment_escape`; what was appended is of no use then.
    @_lifetime(writer: copy writer)
    public static func normalize(
        _ bytes: Span<UInt8>, _ path: ByteRange, into writer: inout OutputWriter
    ) throws(WireError) -> NormalizedPath {
        let base = writer.count
        var index = path.lower
        while index < path.upper {
            // At a slash: write it and the segment behind it, then look at what it reads once decoded.
            let segment = writer.count
            writer.append(byte: 0x2F)
            index += 1
            var hidesSeparators = false
            while index < path.upper, bytes[index] != 0x2F {
                if appendDecoded(bytes, path.upper, &index, &writer) { hidesSeparators = true }
            }
            if hidesSeparators, hasDotPiece(writer, segment + 1) { throw WireError(400, "dot_segment_escape") }
            let dots = dotCount(writer, segment + 1, writer.count)
            if dots == 0 { continue }
            writer.rewind(to: dots == 1 ? segment : parent(writer, base, segment))
            if index >= path.upper { writer.append(byte: 0x2F) }
        }
        if writer.count == base { writer.append(byte: 0x2F) }
        let forwarded = base..<writer.count
        appendMerged(forwarded, &writer)
        return NormalizedPath(
            forwarded: forwarded,
            matched: writer.count > forwarded.upperBound ? forwarded.upperBound..<writer.count : forwarded)
    }

    /// Appends a path with its runs of slashes read as one; nothing when it has none that is longer than that.
    @_lifetime(writer: copy writer)
    private static func appendMerged(_ path: Range<Int>, _ writer: inout OutputWriter) {
        guard hasRun(path, writer) else { return }
        var index = path.lowerBound
        while index < path.upperBound {
            let run = endOfRun(index, path.upperBound, writer)
            if run.end == index {
                let byte = writer.byte(at: index)
                writer.append(byte: byte)
                index += 1
            } else {
                if run.isRaw { writer.append(byte: 0x2F) } else { writer.append("%2F") }
                index = run.end
            }
        }
    }

    private static func hasRun(_ path: Range<Int>, _ writer: borrowing OutputWriter) -> Bool {
        var index = path.lowerBound
        while index < path.upperBound {
            let first = slashLength(index, path.upperBound, writer)
            if first > 0, slashLength(index + first, path.upperBound, writer) > 0 { return true }
            index += max(1, first)
        }
        return false
    }

    /// The end of the run of slashes at `start`, which is `start` when there is none, and whether one of them is raw.
    private static func endOfRun(
        _ start: Int, _ end: Int, _ writer: borrowing OutputWriter
    ) -> (end: Int, isRaw: Bool) {
        var index = start
        var isRaw = false
        while true {
            let length = slashLength(index, end, writer)
            if length == 0 { return (index, isRaw) }
            isRaw = isRaw || length == 1
            index += length
        }
    }

    /// 1 for a slash, 3 for an encoded one, which is in capitals by then, 0 for anything else.
    private static func slashLength(_ index: Int, _ end: Int, _ writer: borrowing OutputWriter) -> Int {
        guard index < end else { return 0 }
        if writer.byte(at: index) == 0x2F { return 1 }
        return isEscape(index, end, 0x32, 0x46, writer) ? 3 : 0
    }

    private static func isEscape(
        _ index: Int, _ end: Int, _ high: UInt8, _ low: UInt8, _ writer: borrowing OutputWriter
    ) -> Bool {
        index + 2 < end && writer.byte(at: index) == 0x25 && writer.byte(at: index + 1) == high
            && writer.byte(at: index + 2) == low
    }

    /// Whether a segment, taken apart at encoded slashes and at backslashes, has a piece that is a dot segment.
    private static func hasDotPiece(_ writer: borrowing OutputWriter, _ start: Int) -> Bool {
        let end = writer.count
        var piece = start
        var index = start
        while index < end {
            var separator = 0
            if writer.byte(at: index) == 0x5C {
                separator = 1
            } else if isEscape(index, end, 0x32, 0x46, writer) || isEscape(index, end, 0x35, 0x43, writer) {
                separator = 3
            }
            if separator > 0 {
                if dotCount(writer, piece, index) > 0 { return true }
                piece = index + separator
            }
            index += max(1, separator)
        }
        return dotCount(writer, piece, end) > 0
    }

    /// 1 for a segment that reads `.`, 2 for `..`, with parameters or without, 0 for any other.
    private static func dotCount(_ writer: borrowing OutputWriter, _ start: Int, _ end: Int) -> Int {
        var count = 0
        while start + count < end, writer.byte(at: start + count) == 0x2E { count += 1 }
        guard count == 1 || count == 2 else { return 0 }
        return start + count == end || writer.byte(at: start + count) == 0x3B ? count : 0
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
    ///
    /// - Returns: whether it is one that some servers take for a slash: `%2F`, `%5C` or a backslash.
    @_lifetime(writer: copy writer)
    private static func appendDecoded(
        _ bytes: Span<UInt8>, _ end: Int, _ index: inout Int, _ writer: inout OutputWriter
    ) -> Bool {
        let byte = bytes[index]
        guard byte == 0x25, index + 2 < end, let high = CharacterSets.hexValue(bytes[index + 1]),
            let low = CharacterSets.hexValue(bytes[index + 2])
        else {
            writer.append(byte: byte)
            index += 1
            return byte == 0x5C
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
        return value == 0x2F || value == 0x5C
    }

    private static func upperHex(_ digit: UInt8) -> UInt8 { digit < 10 ? 0x30 + digit : 0x37 + digit }

    /// RFC 3986 section 2.3.
    private static func isUnreserved(_ byte: UInt8) -> Bool {
        let lower = byte | 0x20
        return CharacterSets.isDigit(byte) || (lower >= 0x61 && lower <= 0x7A) || byte == 0x2D || byte == 0x2E
            || byte == 0x5F || byte == 0x7E
    }
}
