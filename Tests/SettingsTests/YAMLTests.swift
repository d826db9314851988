// Tests what of YAML is read, what is refused, and that no text does harm.
import Glibc
import Routing
import Testing
import Topology

@testable import Settings

@Suite struct YAMLTests {
    @Test(arguments: [
        ("", "the file is empty; it needs at least 'services' and 'listeners'"),
        ("# nothing\n", "the file is empty; it needs at least 'services' and 'listeners'"),
        ("a: [1", "not YAML: did not find expected ',' or ']' (while parsing a flow sequence that begins at line 1)"),
        ("a: 1\n\tb: 2", "a tab cannot indent YAML: use spaces"),
        ("a: \"x", "not YAML: found unexpected end of stream (while scanning a quoted scalar that begins at line 1)"),
        ("a: \u{1}", "not YAML: control characters are not allowed"),
        ("[]", "expected the keys of the file, found a list"),
        ("text", "expected the keys of the file, found 'text'"),
    ])
    func isRefused(_ text: String, _ message: String) { #expect(messages(text) == [message]) }

    @Test(arguments: [
        ("via: !!bool on", "tags are not supported"), ("via: &a on", "anchors are not supported: write the value out"),
        ("via: *a", "aliases are not supported: write the value out"),
        ("? [a]\n: b", "expected a key of the file, found a list"),
        ("--- \nvia: on", "a settings file is one YAML document; another begins here"),
        ("<<: { via: on }", "unknown key '<<' in the file"),
    ])
    func oneDocumentWithoutReferences(_ line: String, _ message: String) {
        let found = messages(minimal(line))
        #expect(found == [message])
    }

    @Test func aTextThatBreaksOffIsMarkedAtItsEnd() {
        guard case .failure(let invalid) = read("via: on\nlimits: { head: 1KiB") else {
            Issue.record("accepted")
            return
        }
        #expect(invalid.problems.map(\.mark) == [Mark(line: 2, column: 21)])
        #expect(invalid.problems.map(\.excerpt) == [["limits: { head: 1KiB", String(repeating: " ", count: 20) + "^"]])
    }

    @Test func depthIsBounded() {
        let deep = String(repeating: "[", count: 100_000)
        #expect(messages("a: " + deep) == ["not YAML: nested deeper than 64 levels"])
    }

    @Test func sizeIsBounded() {
        let large = "#" + String(repeating: "x", count: YAMLTree.byteLimit)
        #expect(messages(large) == ["the file has more than 4 MiB"])
    }

    @Test func theNumberOfValuesIsBounded() {
        let many = "via: [" + String(repeating: "1,", count: YAMLTree.nodeLimit) + "]"
        #expect(messages(many) == ["not YAML: more than 500000 values"])
    }

    @Test func theNumberOfProblemsIsBounded() {
        let many = (0..<1000).map { "unknown_\($0): 1\n" }.joined()
        let found = messages(many + minimal())
        #expect(found.count == Reading.problemLimit + 1)
        #expect(found.last == "900 further problems are not shown")
    }

    @Test func documentMarkersAndByteOrderMarksAreFine() throws {
        _ = try settings("\u{FEFF}---\n" + minimal() + "\n...\n")
        _ = try settings(minimal().split(separator: "\n").joined(separator: "\r\n"))
    }

    /// The time that the processor has spent on this thread.
    private static func ownTime() -> Duration {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
    }

    /// The limit only catches what grows with the square of the file: it takes two seconds in a debug build. It is one of this
    /// thread's own time: the runner's clock goes on while a test waits for one of its few threads.
    @Test func aLargeFileIsRead() throws {
        let endpoints = (0..<50).map { "\"10.0.0.1:\($0 + 1)\"" }.joined(separator: ", ")
        let services = (0..<100).map { "  - { name: s\($0), endpoints: [\(endpoints)] }\n" }.joined()
        let routes = (0..<100).map { "      - { path: /\($0), service: s\($0) }\n" }.joined()
        let text = "services:\n\(services)listeners:\n  - name: web\n    bind: \":1\"\n    routes:\n\(routes)"
        let began = Self.ownTime()
        let settings = try settings(text)
        #expect(Self.ownTime() - began < .seconds(60))
        #expect(settings.services.allSatisfy { $0.datacenters.first?.endpoints.count == 50 })
        #expect(settings.services.count == 100)
        #expect(settings.listeners.first?.routes.count == 100)
    }

    /// Whole lines removed, cut ends and changed bytes: nothing crashes, and every problem points into the file.
    @Test func brokenFilesNeverCrash() throws {
        let bytes = Array(try Golden.text("everything.yaml").utf8)
        var random = RandomBits(seed: 0x5E77_1265)
        let alphabet = Array("{}[]:,-\"'#&*!|>%@`~?$\n\t .0aé\u{0}\u{85}".utf8)
        for round in 0..<1500 {
            var mutated = bytes
            if round % 3 == 0 { mutated.removeLast(random.below(bytes.count)) }
            for _ in 0..<random.below(6) where !mutated.isEmpty {
                let position = random.below(mutated.count)
                switch random.below(3) {
                case 0: mutated.remove(at: position)
                case 1: mutated[position] = alphabet[random.below(alphabet.count)]
                default: mutated.insert(alphabet[random.below(alphabet.count)], at: position)
                }
            }
            let text = String(decoding: mutated, as: UTF8.self)
            guard case .failure(let invalid) = read(text) else { continue }
            #expect(invalid.problems.contains { $0.severity == .error })
            let lines = SourceText(text)
            for problem in invalid.problems {
                guard let mark = problem.mark else { continue }
                #expect(lines.line(mark.line) != nil, "round \(round): \(problem)")
                #expect(problem.excerpt.allSatisfy { $0.unicodeScalars.count <= SourceText.widthLimit + 2 })
            }
        }
    }
}

@Suite struct ExcerptTests {
    @Test func aLongLineIsCutToAWindow() {
        let line = String(repeating: "a", count: 300) + "X" + String(repeating: "b", count: 300)
        let excerpt = SourceText(line).excerpt(at: Mark(line: 1, column: 301), width: 1)
        let caret = excerpt[1].unicodeScalars.count - 1
        #expect(Array(excerpt[0].unicodeScalars)[caret] == "X")
        #expect(excerpt[0].hasPrefix("…"))
        #expect(excerpt[0].hasSuffix("…"))
    }

    @Test func nothingDrivesTheTerminal() {
        let excerpt = SourceText("a\u{1B}[31m\tb").excerpt(at: Mark(line: 1, column: 7), width: 1)
        #expect(excerpt == ["a\u{FFFD}[31m b", "      ^"])
        #expect(quoted("a\u{1B}\u{202E}b\nc") == "'a\u{FFFD}\u{FFFD}b\\nc'")
        #expect(quoted(String(repeating: "x", count: 100)) == "'\(String(repeating: "x", count: 60))…'")
    }

    @Test func lineEndsAreThoseOfYAML() {
        let text = SourceText("a\nb\r\nc\rd\u{2028}e")
        #expect((1...5).map { text.line($0).map { String($0) } } == ["a", "b", "c", "d", "e"])
        #expect(text.line(0) == nil)
        #expect(text.line(6) == nil)
    }
}
