// Owns the reading of Package.swift: which target depends on which, as far as its few forms go.
import Foundation

/// One target of the package and what it says it depends on.
struct ManifestTarget: Equatable {
    let name: String
    /// Where it stands in Package.swift, counted from 1.
    let line: Int
    /// Targets and products by name.
    let dependencies: [String]
}

/// The targets of Package.swift that are written as `pure(…)`, `shell(…)`, `.target(…)`, `.executableTarget(…)`.
enum Manifest {
    static let heads = ["pure", "shell", ".target", ".executableTarget"]

    /// The targets of a manifest's text. Tests are left out: they may depend on what they like.
    static func targets(_ text: String) -> [ManifestTarget] {
        let plain = withoutComments(text)
        // What is above are the functions that the list is written with.
        guard let list = plain.range(of: "targets: [\n") else { return [] }
        let pattern = /(?<head>\.?\w+)\(\s*(?:name:\s*)?"(?<name>\w+)"/
        return plain[list.upperBound...].matches(of: pattern).compactMap { match in
            guard heads.contains(String(match.output.head)) else { return nil }
            let line = plain[..<match.range.lowerBound].count { $0 == "\n" } + 1
            let rest = arguments(plain[match.range.upperBound...])
            return ManifestTarget(name: String(match.output.name), line: line, dependencies: dependencies(rest))
        }
    }

    /// Comments become nothing; their line ends stay.
    private static func withoutComments(_ text: String) -> String {
        text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
            line.firstRange(of: /(^|\s)\/\//).map { line[..<$0.lowerBound] } ?? line
        }.joined(separator: "\n")
    }

    /// What follows up to the parenthesis that ends the call.
    private static func arguments(_ text: Substring) -> Substring {
        var depth = 1
        let end = text.firstIndex { character in
            if character == "(" { depth += 1 } else if character == ")" { depth -= 1 }
            return depth == 0
        }
        return text[..<(end ?? text.endIndex)]
    }

    /// The names in the first list: texts, and products by their own name and not their package's.
    private static func dependencies(_ arguments: Substring) -> [String] {
        guard let opening = arguments.firstIndex(of: "["), !arguments[..<opening].contains("ettings:"),
            let closing = arguments[opening...].firstIndex(of: "]")
        else { return [] }
        let list = arguments[opening..<closing].replacing(/,\s*package:\s*"[^"]*"/, with: "")
        return list.matches(of: /"([^"]+)"/).map { String($0.output.1) }
    }
}

/// Which arrows of the manifest are wrong.
enum ManifestRule {
    /// What every shell gets from the function that makes it.
    static let implied: Set<String> = ["Logging"]

    /// - Parameter imports: what the files of each target import.
    static func check(_ targets: [ManifestTarget], imports: [String: Set<String>]) -> [Violation] {
        let ours = Set(targets.map(\.name)).union(ImportTable.targets)
        return targets.flatMap { target -> [Violation] in
            guard !ImportTable.modulesInC.contains(target.name) else { return [] }
            func violation(_ message: String) -> Violation {
                Violation(path: "Package.swift", line: target.line, message: message)
            }
            guard let allowed = ImportTable.allowed(target.name) else {
                return [violation("target \(target.name) is not in the import table")]
            }
            let declared = Set(target.dependencies)
            let imported = imports[target.name] ?? []
            let wrong = declared.subtracting(allowed).sorted().map {
                violation("\(target.name) may not depend on \($0): see Architecture")
            }
            let missing = imported.intersection(ours).subtracting(declared).subtracting([target.name]).sorted().map {
                violation("\(target.name) imports \($0) and does not depend on it")
            }
            let idle = declared.subtracting(imported).subtracting(implied).sorted().map {
                violation("\(target.name) depends on \($0) and never imports it")
            }
            return wrong + missing + idle
        }
    }
}
