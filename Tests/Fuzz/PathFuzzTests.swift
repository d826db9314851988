// Owns the fuzzing of paths: both forms of them, against a slow reading of the rules.
import HTTPWire
import Testing

@Suite("Fuzz: paths")
struct PathFuzzTests {
    static let segments = [
        ".", "..", "a", "", "%2e", "%2E%2e", ".%2e", "%2f", "%5C", "%41", "b.c", "...", "%c3%a9", "..;", "%25", "\\",
        "~", "a%2f", "%2Fb", "a%2F%2fb", "c", "d", "e%5Cf",
    ]

    /// The normal form, by the book: segments decoded where that changes nothing else, then dot segments removed, those
    /// with parameters, too.
    static func slowNormalForm(_ path: String) -> String {
        var kept: [String] = []
        let segments = path.dropFirst().split(separator: "/", omittingEmptySubsequences: false).map(decodeUnreserved)
        for (index, segment) in segments.enumerated() {
            let isLast = index == segments.count - 1
            let name = segment.prefix { $0 != ";" }
            if name == ".." { _ = kept.popLast() }
            if name == "." || name == ".." {
                if isLast { kept.append("") }
            } else {
                kept.append(segment)
            }
        }
        return "/" + kept.joined(separator: "/")
    }

    private static func decodeUnreserved(_ segment: Substring) -> String {
        let parts = segment.split(separator: "%", omittingEmptySubsequences: false)
        return parts.dropFirst().reduce(into: String(parts[0])) { text, part in
            let value = UInt8(part.prefix(2), radix: 16) ?? 0
            let character = Character(UnicodeScalar(value))
            let isUnreserved = value < 0x80 && (character.isLetter || character.isNumber || "-._~".contains(character))
            text += (isUnreserved ? String(character) : "%" + part.prefix(2).uppercased()) + part.dropFirst(2)
        }
    }

    /// Whether a server that decodes slashes, or takes backslashes for slashes, sees a dot segment that others do not.
    static func hidesDots(_ path: String) -> Bool {
        path.split(separator: "/").contains { segment in
            let text = decodeUnreserved(segment)
            let pieces = text.replacing("%2F", with: "\\").replacing("%5C", with: "\\").split(
                separator: "\\", omittingEmptySubsequences: false)
            return pieces.count > 1
                && pieces.contains { [".", ".."].contains($0.prefix { $0 != ";" }) }
        }
    }

    /// The path by which nginx finds a location, as far as slashes go: decoded, then merged.
    static func servedPath(_ path: String) -> String {
        path.replacing("%2F", with: "/").reduce(into: "") { text, character in
            if character != "/" || text.last != "/" { text.append(character) }
        }
    }

    struct Forms {
        var forwarded = ""
        var matched = ""
        var isRefused = false

        init(_ path: String) {
            let bytes = Array(path.utf8)
            let range = ByteRange(start: 0, count: bytes.count)
            var output = [UInt8](repeating: 0, count: PathNormalizer.room(for: range))
            var writer = OutputWriter(output.mutableSpan)
            guard let found = try? PathNormalizer.normalize(bytes.span, range, into: &writer), !writer.overflowed else {
                isRefused = true
                return
            }
            forwarded = String(decoding: output[found.forwarded], as: UTF8.self)
            matched = String(decoding: output[found.matched], as: UTF8.self)
        }
    }

    static func path(_ bits: inout SeededBits) -> String {
        "/" + (0..<bits.below(7)).map { _ in bits.pick(segments) }.joined(separator: bits.once(in: 6) ? "%2F" : "/")
    }

    @Test("Paths have the normal form that the book gives them, or are refused for what they hide")
    func forwarded() {
        var reached = 0
        let rounds = FuzzRun.rounds(times: 2) { bits in
            let path = Self.path(&bits)
            let found = Forms(path)
            if found.isRefused != Self.hidesDots(path) { return "\(path) is refused: \(found.isRefused)" }
            if found.isRefused { return nil }
            reached += 1
            let expected = Self.slowNormalForm(path)
            return found.forwarded == expected ? nil : "\(path) became \(found.forwarded), not \(expected)"
        }
        FuzzRun.expectMany(reached, of: rounds)
    }

    @Test("Routes are matched on what nginx serves, and neither form has another one")
    func matched() {
        var merged = 0
        let rounds = FuzzRun.rounds(times: 2) { bits in
            let path = Self.path(&bits)
            let found = Forms(path)
            if found.isRefused { return nil }
            if found.matched != found.forwarded { merged += 1 }
            // Decoded, the matched path has nothing left to merge.
            guard found.matched.replacing("%2F", with: "/") == Self.servedPath(found.forwarded) else {
                return "\(path) is matched as \(found.matched)"
            }
            let again = Forms(found.forwarded)
            let twice = Forms(found.matched)
            guard again.forwarded == found.forwarded, again.matched == found.matched, twice.forwarded == found.matched,
                twice.matched == found.matched
            else { return "\(path): \(found), then \(again) and \(twice)" }
            return nil
        }
        FuzzRun.expectMany(merged, of: rounds)
    }
}
