// Owns the text of a settings file as problems show it: its lines, cut to what a terminal shows.

/// The lines of a file. Lines end where libyaml ends them (YAML 1.1 §4.2), so that its marks fit.
struct SourceText: Sendable {
    /// The most of a line that an excerpt shows, in Unicode scalars.
    static let widthLimit = 110
    private let lines: [Substring.UnicodeScalarView]

    init(_ text: String) {
        var lines: [Substring.UnicodeScalarView] = []
        let scalars = text[...].unicodeScalars
        var start = scalars.startIndex
        var index = start
        while index < scalars.endIndex {
            let scalar = scalars[index]
            var next = scalars.index(after: index)
            if ["\n", "\r", "\u{85}", "\u{2028}", "\u{2029}"].contains(scalar) {
                lines.append(scalars[start..<index])
                if scalar == "\r", next < scalars.endIndex, scalars[next] == "\n" { next = scalars.index(after: next) }
                start = next
            }
            index = next
        }
        lines.append(scalars[start...])
        self.lines = lines
    }

    /// A line without its end; nil when there is no such line.
    func line(_ number: Int) -> Substring.UnicodeScalarView? {
        lines.indices.contains(number - 1) ? lines[number - 1] : nil
    }

    /// The mark itself, or the end of the text for one beyond it: libyaml counts a line end that is not there.
    func clamped(_ mark: Mark) -> Mark {
        guard mark.line > lines.count else { return mark }
        return Mark(line: lines.count, column: lines[lines.count - 1].count + 1)
    }

    /// The line of `mark` and a line with `^~~~` under `width` scalars of it; empty when there is no such line.
    func excerpt(at mark: Mark, width: Int) -> [String] {
        guard let line = line(mark.line) else { return [] }
        var shown = line.map(Self.printable)
        var caret = min(max(mark.column - 1, 0), shown.count)
        // A long line is cut to a window that begins a little before the caret.
        if shown.count > Self.widthLimit {
            let first = max(0, min(caret - 30, shown.count - Self.widthLimit))
            let last = min(shown.count, first + Self.widthLimit)
            let cutsEnd = last < shown.count
            shown = (first > 0 ? ["…"] : []) + shown[first..<last] + (cutsEnd ? ["…"] : [])
            caret += (first > 0 ? 1 : 0) - first
        }
        let tail = max(0, min(width - 1, shown.count - caret - 1))
        let pointer = String(repeating: " ", count: caret) + "^" + String(repeating: "~", count: tail)
        return [String(String.UnicodeScalarView(shown)), pointer]
    }

    /// The scalar itself, or a stand-in of the same width for what would move the caret or drive the terminal.
    private static func printable(_ scalar: Unicode.Scalar) -> Unicode.Scalar {
        switch scalar.properties.generalCategory {
        case .control: scalar == "\t" ? " " : "\u{FFFD}"
        case .format, .lineSeparator, .paragraphSeparator, .surrogate: "\u{FFFD}"
        default: scalar
        }
    }
}

/// The text in quotes as a message shows it: at most 60 scalars, nothing that drives a terminal.
func quoted(_ text: String) -> String {
    var shown = ""
    for (count, scalar) in text.unicodeScalars.enumerated() {
        if count == 60 { return "'\(shown)…'" }
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator: shown += scalar == "\n" ? "\\n" : "\u{FFFD}"
        default: shown.unicodeScalars.append(scalar)
        }
    }
    return "'\(shown)'"
}
