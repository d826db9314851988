// Owns the tests of the arrows in Package.swift: the package's own, and that wrong ones are found.
import Foundation
import Testing

@Suite("The manifest's arrows are those of the import table")
struct ManifestTests {
    @Test("Package.swift")
    func package() throws {
        let text = try String(contentsOf: SourceTree.root.appending(path: "Package.swift"), encoding: .utf8)
        let targets = Manifest.targets(text)
        #expect(targets.count > 10)
        // Every folder with sources is a target that was understood, or one that is not built yet.
        #expect(targets.contains { $0.name == "meridian" && $0.dependencies.contains("ArgumentParser") })
        #expect(targets.contains { $0.name == "Topology" && $0.dependencies.isEmpty })
        var imports: [String: Set<String>] = [:]
        for file in SourceTree.swiftFiles {
            guard let target = file.target else { continue }
            imports[target, default: []].formUnion(file.imports.map(\.text))
        }
        let violations = ManifestRule.check(targets, imports: imports)
        #expect(violations.isEmpty, "\n\(violations.map(\.description).joined(separator: "\n"))")
    }

    static let text = """
        func pure(_ name: String) {}
        let package = Package(
            targets: [
                // pure("Commented", ["Out"]),
                pure("Topology"),
                pure("Health", ["Topology", "Proactor"]),  // "Routing"
                .target(name: "CLinux"),
                shell("Proactor", ["CLinux", "Topology"]),
                .executableTarget(
                    name: "meridian",
                    dependencies: [
                        "Proactor", .product(name: "ArgumentParser", package: "swift-argument-parser"),
                    ],
                    swiftSettings: settings),
                shell("Stuff", []),
                tests("HealthTests", ["Anything"]),
            ]
        )
        """

    @Test("The forms of a target are understood")
    func forms() {
        #expect(
            Manifest.targets(Self.text) == [
                ManifestTarget(name: "Topology", line: 5, dependencies: []),
                ManifestTarget(name: "Health", line: 6, dependencies: ["Topology", "Proactor"]),
                ManifestTarget(name: "CLinux", line: 7, dependencies: []),
                ManifestTarget(name: "Proactor", line: 8, dependencies: ["CLinux", "Topology"]),
                ManifestTarget(name: "meridian", line: 9, dependencies: ["Proactor", "ArgumentParser"]),
                ManifestTarget(name: "Stuff", line: 15, dependencies: []),
            ])
    }

    @Test("Wrong arrows, arrows without an import and imports without an arrow are found")
    func wrong() {
        let imports: [String: Set<String>] = [
            "Health": ["Topology", "Proactor"], "Proactor": ["Topology", "Glibc", "CURing"],
            "meridian": ["Proactor", "ArgumentParser", "Logging"],
        ]
        #expect(
            ManifestRule.check(Manifest.targets(Self.text), imports: imports).map(\.description) == [
                "Package.swift:6: Health may not depend on Proactor: see Architecture",
                "Package.swift:8: Proactor imports CURing and does not depend on it",
                "Package.swift:8: Proactor depends on CLinux and never imports it",
                "Package.swift:15: target Stuff is not in the import table",
            ])
    }
}
