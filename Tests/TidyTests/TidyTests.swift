// Owns the tests of this repository: each rule over every file.
import Testing

@Suite("The repository keeps its habits")
struct TidyTests {
    @Test("Every Swift file keeps the rule", arguments: Rule.all.map(\.name))
    func rule(_ name: String) throws {
        let rule = try #require(Rule.all.first { $0.name == name })
        let violations = SourceTree.swiftFiles.flatMap(rule.check)
        #expect(violations.isEmpty, "\n\(violations.map(\.description).joined(separator: "\n"))")
    }

    @Test("Articles, scripts and the README cite what is here")
    func citations() {
        let violations = SourceTree.otherTexts.flatMap { Citation.violations(in: $0.lines, of: $0.path) }
        #expect(violations.isEmpty, "\n\(violations.map(\.description).joined(separator: "\n"))")
    }

    @Test("Links of the README and of articles lead to files that exist")
    func links() {
        let pages = SourceTree.otherTexts.filter { $0.path.hasSuffix(".md") }
        #expect(pages.contains { $0.path == "README.md" } && pages.count > 10)
        let dead = pages.flatMap { Links.dead(in: $0.lines, of: $0.path, below: SourceTree.root) }
        #expect(dead.isEmpty, "\n\(dead.map(\.description).joined(separator: "\n"))")
    }

    @Test("Dead links are found, and only those")
    func deadLinks() {
        let text = "[a](Sources) [b](Sources/Nowhere.swift)\n[c](https://example.com) ![d](#here) [e](../Sources/Raft)"
        let lines = text.split(separator: "\n")
        #expect(Links.dead(in: lines, of: "README.md", below: SourceTree.root).map(\.line) == [1, 2])
        #expect(Links.dead(in: lines, of: "Tests/A.md", below: SourceTree.root).map(\.line) == [1, 1])
    }

    @Test("The files are found")
    func files() {
        #expect(SourceTree.swiftFiles.count > 100)
        #expect(SourceTree.targets.contains("Topology") && SourceTree.targets.contains("meridian"))
    }

    @Test("What is committed lies where it belongs")
    func layout() throws {
        // An unpacked archive has no list of what is committed; then the folders are looked at.
        let paths = try SourceTree.trackedFiles() ?? SourceTree.folders(of: "").map { "\($0)/" }
        let objections = paths.compactMap(Layout.objection)
        #expect(objections.isEmpty, "\n\(objections.joined(separator: "\n"))")
    }

    @Test("Exceptions name files that exist, each with a reason")
    func exceptions() {
        let paths = Set(SourceTree.swiftFiles.map(\.path))
        for (path, reason) in UnsafePlaces.exceptions {
            #expect(paths.contains(path), "\(path) is gone: take it off the list")
            #expect(reason.count > 20)
        }
    }
}
