// Owns the tests of the rules themselves: each on snippets that break it, and on near ones that do not.
import Testing

/// A snippet and the lines at which a rule objects.
struct Snippet: Sendable, CustomTestStringConvertible {
    let rule: String
    let path: String
    let text: String
    let lines: [Int]

    init(_ rule: Rule, in path: String = "Sources/Topology/File.swift", _ text: String, _ lines: [Int]) {
        self.rule = rule.name
        self.path = path
        self.text = text
        self.lines = lines
    }

    var testDescription: String { "\(rule): \(text.prefix(60).split(separator: "\n").joined(separator: "⏎"))" }
}

@Suite("The rules object to what they are for")
struct RuleTests {
    @Test("A snippet", arguments: importing + lengths + calls + unsafe + words)
    func snippet(_ snippet: Snippet) throws {
        let rule = try #require(Rule.all.first { $0.name == snippet.rule })
        let found = rule.check(SwiftSource(path: snippet.path, text: snippet.text))
        #expect(found.map(\.line) == snippet.lines, "\(found)")
    }

    @Test("Every rule has a snippet that breaks it")
    func everyRuleCanFail() {
        let broken = (Self.importing + Self.lengths + Self.calls + Self.unsafe + Self.words).filter {
            !$0.lines.isEmpty
        }
        #expect(Set(broken.map(\.rule)) == Set(Rule.all.map(\.name)))
    }

    @Test(
        "A committed path",
        arguments: [
            ("Package.swift", true), ("Sources/Topology/Tick.swift", true), (".ci/run", true), ("LICENSE", true),
            ("Tests/run", true), ("Tests/RaftTests/Transcripts/a.txt", true), ("deploy/demo", true),
            ("notes.md", false), ("scripts/x", false), ("Sources/Stuff/A.swift", false), ("Sources/A.swift", false),
            ("Tests/MoreTests/A.swift", false), ("deploy/misc/x", false), ("Package.resolved", false),
            (".build/debug.yaml", false), ("Tests/Benchmarks/__pycache__/a.pyc", false),
        ])
    func layout(_ path: String, _ isRight: Bool) {
        #expect((Layout.objection(to: path) == nil) == isRight)
    }

    @Test("Texts and comments are no code")
    func lexer() {
        let text = """
            let a = "func \\(b("}") + c) {" // try! {
            /* { /* nested */ fatalError */ let d = #"\\(e) " {"#
            """
        let words = SwiftSource(path: "Tests/A.swift", text: text).tokens.map(\.text)
        #expect(words == ["let", "a", "=", "b", "(", ")", "+", "c", ")", "let", "d", "="])
    }
}

extension RuleTests {
    static let importing = [
        Snippet(.imports, "import Foundation", [1]),
        Snippet(.imports, "internal import Glibc\npublic import Synchronization\nimport Dispatch", [1, 2, 3]),
        Snippet(.imports, "public import struct Catalog.Catalog", [1]),
        Snippet(
            .imports, "// import Foundation\nlet a = \"\"\"\n  import Glibc\n  \"\"\"\ninternal import DequeModule", []),
        Snippet(.imports, in: "Sources/Catalog/A.swift", "public import Topology\nimport Health", [2]),
        Snippet(
            .imports, in: "Sources/Routing/A.swift", "public import Topology\nimport Catalog\nimport Proactor", [3]),
        Snippet(
            .imports, in: "Sources/Proactor/A.swift", "import CURing\nimport Glibc\nimport Topology\nimport Logging", []
        ),
        Snippet(.imports, in: "Sources/Proactor/A.swift", "import HTTPTransport\nimport Foundation", [1, 2]),
        Snippet(.imports, in: "Sources/Settings/A.swift", "import CYAML\nimport Yams\nimport Proactor", [2, 3]),
        Snippet(.imports, in: "Sources/ControlPlane/A.swift", "import Probing\nimport DataPlane", [2]),
        Snippet(.imports, in: "Sources/meridian/A.swift", "import ArgumentParser\nimport Admin\nimport NIOCore", [3]),
        Snippet(.imports, in: "Sources/Strange/A.swift", "let a = 1", [1]),
        Snippet(.imports, in: "Sources/Admin/A.swift", "@_exported import Topology", [1]),
        Snippet(.imports, in: "Tests/TopologyTests/A.swift", "import Foundation", []),
    ]

    private static func lines(_ count: Int) -> String { String(repeating: "    step()\n", count: count) }

    static let lengths = [
        Snippet(.fileLength, lines(400), []),
        Snippet(.fileLength, lines(401), [401]),
        Snippet(.functionLength, "func long() {\n\(lines(68))}", []),
        Snippet(.functionLength, "func long() {\n\(lines(69))}", [1]),
        Snippet(.functionLength, "\ninit<T>(_ a: T = { 1 }()) throws where T == Int {\n\(lines(69))}", [2]),
        Snippet(.functionLength, "var long: [Int] {\n\(lines(69))}", [1]),
        Snippet(.functionLength, "let table = [\n\(lines(90))]\nfunc short() { self.init(1) }", []),
        Snippet(
            .functionLength, "protocol P {\n  func f() -> Int\n  var g: Int { get }\n  func h()\n}\n\(lines(90))", []),
        Snippet(.functionLength, "func f(_ a: String = \"{\") {\n\(lines(60))// }}}\n}", []),
        Snippet(.functionLength, "func f() {", [1]),
    ]

    static let calls = [
        Snippet(.pureCalls, "let now = ContinuousClock.now\nlet then = Date()", [1, 2]),
        Snippet(.pureCalls, "let n = Int.random(in: 0..<5)\nlet m = Int.random(in: (0)..<5, using: &bits)", [1]),
        Snippet(
            .pureCalls, "var g = SystemRandomNumberGenerator()\nlet a = b.shuffled()\nlet c = b.shuffled(using: &g)",
            [1, 2]),
        Snippet(.pureCalls, "var h = Hasher()\nlet v = name.hashValue", [1, 2]),
        Snippet(.pureCalls, "func hash(into hasher: inout Hasher) { hasher.combine(a) }\nlet p = Kind.async", []),
        Snippet(.pureCalls, "print(\"x\")\nTask { await f() }\nlet m = Mutex(1)", [1, 2, 2, 3]),
        Snippet(.pureCalls, in: "Sources/meridian/A.swift", "print(\"x\")", []),
        Snippet(
            .calls, in: "Sources/Admin/A.swift",
            "let a = try! f()\nfatalError(\"no\")\nlet b = c as! D\nlet e = try? f()",
            [1, 2, 3]),
    ]

    static let unsafe = [
        Snippet(.unsafeCode, "func f(_ p: UnsafePointer<Int>) {}", [1]),
        Snippet(
            .unsafeCode, in: "Sources/Admin/A.swift", "// SAFETY: no place for it\nclass A: @unchecked Sendable {}", [2]
        ),
        Snippet(.unsafeCode, in: "Sources/Admin/A.swift", "nonisolated(unsafe) var a = 1", [1]),
        Snippet(.unsafeCode, in: "Sources/Proactor/A.swift", "class A: @unchecked Sendable {}", [1]),
        Snippet(
            .unsafeCode, in: "Sources/Proactor/A.swift", "// SAFETY: one thread.\nclass A: @unchecked Sendable {}", []),
        Snippet(
            .unsafeCode, in: "Sources/Proactor/A.swift",
            "// SAFETY: far\n\(lines(15))let a = unsafeBitCast(b, to: C.self)",
            [17]),
        Snippet(
            .unsafeCode, in: "Sources/Proactor/A.swift",
            "class A: @unchecked Sendable {\n    // SAFETY: one thread.\n}", []
        ),
        Snippet(.unsafeCode, "// about UnsafePointer\nlet a = \"unsafe\"", []),
    ]

    static let words = [
        Snippet(.names, "struct SocketManager {}\nenum StringUtils {}\nclass PathHelper {}", [1, 2, 3]),
        Snippet(.names, in: "Sources/Topology/Helpers.swift", "struct A {}", [1]),
        Snippet(.names, "struct Routing {}\nlet utility = 1", []),
        Snippet(.opening, "import Topology\n", [1]),
        Snippet(.opening, "// owns this\nlet a = 1", [1]),
        Snippet(.opening, "/// Owns the doc comment of the file.\nlet a = 1", [1]),
        Snippet(.opening, "// Owns the tick, which goes on\n// to the next line.\nlet a = 1", []),
        Snippet(.citations, "let a = 1  // as in design" + " §4\n/// See ../shared" + "/facts.md.", [1, 2]),
        Snippet(.citations, in: "Tests/RaftTests/A.swift", "/// Design" + " §4: so it is.", [1]),
        Snippet(.citations, "// Raft §5.2, the article Elections (V4), shared state, by design", []),
    ]
}
