// Owns the text of a whole run, compared with the one in Transcripts/, or written there when MERIDIAN_REWRITE_TRANSCRIPTS=1.
import Foundation
import Testing
import Topology

struct Transcript {
    private var lines: [String] = []

    mutating func add(_ line: String, _ now: Tick) {
        let microseconds = now.nanoseconds / 1_000
        let milliseconds = "\(microseconds / 1_000).\((microseconds % 1_000) / 100)"
        lines.append(String(repeating: " ", count: max(0, 8 - milliseconds.count)) + milliseconds + "  " + line)
    }

    /// Opens a section, with what it shows.
    mutating func title(_ text: String) { lines.append("# " + text) }

    func compare(with name: String, file: String = #filePath) throws {
        let url = URL(fileURLWithPath: file).deletingLastPathComponent().appendingPathComponent(
            "Transcripts/\(name).txt")
        let text = lines.joined(separator: "\n") + "\n"
        if ProcessInfo.processInfo.environment["MERIDIAN_REWRITE_TRANSCRIPTS"] == "1" {
            try text.write(to: url, atomically: true, encoding: .utf8)
            return
        }
        let expected = try String(contentsOf: url, encoding: .utf8).split(
            separator: "\n", omittingEmptySubsequences: false)
        let found = text.split(separator: "\n", omittingEmptySubsequences: false)
        let differing = zip(expected, found).enumerated().first { $0.element.0 != $0.element.1 }
        if let differing {
            Issue.record(
                "\(name), line \(differing.offset + 1): expected \"\(differing.element.0)\", found \"\(differing.element.1)\""
            )
        }
        #expect(expected.count == found.count, "\(name) has another number of lines")
    }
}
