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
