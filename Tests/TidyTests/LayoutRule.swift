// Owns what may be committed and where: the folders that the article Architecture names, and nothing that a build
// makes.

/// The layout.
enum Layout {
    static let topLevel: Set<String> = ["Package.swift", "Sources", "Tests", "deploy", "README.md", "LICENSE"]
    /// Folders of `Tests` beside `<Target>Tests`.
    static let tests: Set<String> = ["EndToEnd", "TidyTests", "SimulationTests", "Fuzz", "Benchmarks", "run"]
    static let deploy: Set<String> = [
        "demo", "packages", "picture", "systemd", "debian", "docker", "kubernetes", "prometheus", "grafana",
    ]
    /// Anywhere in a path.
    static let made: Set<String> = [
        ".build", ".swiftpm", "Package.resolved", "__pycache__", ".DS_Store", "node_modules",
    ]

    /// What is wrong with a path that is committed; nil: nothing.
    static func objection(to path: String) -> String? {
        let parts = path.split(separator: "/").map(String.init)
        guard let first = parts.first else { return nil }
        if let part = parts.first(where: { made.contains($0) || $0.hasSuffix(".pyc") }) {
            return "\(path): \(part) is made by a build and not committed"
        }
        if !first.hasPrefix("."), !topLevel.contains(first) { return "\(path): nothing else lives at the top level" }
        guard parts.count > 1 else { return nil }
        switch first {
        case "Tests":
            let targets = ImportTable.targets
            let isKnown = tests.contains(parts[1]) || targets.contains { "\($0)Tests" == parts[1] }
            return isKnown ? nil : "\(path): folders of Tests are named `<Target>Tests`"
        case "deploy": return deploy.contains(parts[1]) ? nil : "\(path): \(parts[1]) is not a folder of deploy"
        case "Sources":
            let isKnown = parts.count > 2 && ImportTable.targets.contains(parts[1])
            return isKnown ? nil : "\(path): \(parts[1]) is not a target of the import table"
        default: return nil
        }
    }
}

extension ImportTable {
    /// Every target that there is or will be.
    static let targets: Set<String> = modulesInC.union(pure.keys).union(shells.keys).union(["meridian"])
}
