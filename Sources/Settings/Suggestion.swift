// Owns the "did you mean" of messages: which known word is near the one that was written.

/// Finds the known word that a misspelt one was probably meant to be.
package enum Suggestion {
    /// The candidate nearest to `word`, the first of equals; nil when none is near.
    ///
    /// Near is at most two edits, one for words of up to four bytes; case and `-` for `_` cost nothing. Where none is,
    /// the first candidate that goes on where the word ends: `expires_in` for `expires`.
    package static func nearest(to word: String, among candidates: some Sequence<String>) -> String? {
        guard (1...80).contains(word.utf8.count) else { return nil }
        let folded = fold(word)
        let allowed = folded.count <= 4 ? 1 : 2
        var best: (distance: Int, candidate: String)?
        for candidate in candidates where candidate != word {
            let known = fold(candidate)
            guard abs(known.count - folded.count) <= allowed else { continue }
            let distance = distance(folded, known)
            // A word of one letter is one edit away from every other: only as near as its length.
            guard distance <= allowed, distance < max(known.count, 1), distance < best?.distance ?? .max else {
                continue
            }
            best = (distance, candidate)
        }
        return best?.candidate ?? candidates.first { fold($0).starts(with: folded + [0x5F]) }
    }

    /// The number of insertions, deletions, replacements and swaps of neighbours that turn one text into the other
    /// (Damerau-Levenshtein, optimal string alignment). Time is the product of the lengths.
    static func distance(_ left: [UInt8], _ right: [UInt8]) -> Int {
        var beforeLast: [Int] = []
        var last = Array(0...right.count)
        for (row, byte) in left.enumerated() {
            var current = [row + 1]
            for (column, other) in right.enumerated() {
                var cost = min(last[column + 1] + 1, current[column] + 1, last[column] + (byte == other ? 0 : 1))
                if row > 0, column > 0, byte == right[column - 1], left[row - 1] == other {
                    cost = min(cost, beforeLast[column - 1] + 1)
                }
                current.append(cost)
            }
            (beforeLast, last) = (last, current)
        }
        return last[right.count]
    }

    private static func fold(_ word: String) -> [UInt8] {
        word.utf8.map { byte in
            switch byte {
            case 0x41...0x5A: byte | 0x20
            case 0x2D: 0x5F
            default: byte
            }
        }
    }
}
