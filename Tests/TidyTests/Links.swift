// Owns the rule that a link in a page of text leads to a file of this repository, or away from it.
import Foundation

enum Links {
    /// The links to files that do not exist; relative ones begin at the page's folder.
    static func dead(in lines: [Substring], of path: String, below root: URL) -> [Violation] {
        let folder = root.appending(path: path).deletingLastPathComponent()
        return lines.enumerated().flatMap { index, line in
            targets(of: line).filter { target in
                !FileManager.default.fileExists(atPath: folder.appending(path: target).standardized.path)
            }.map { Violation(path: path, line: index + 1, message: "there is no file \($0)") }
        }
    }

    /// What stands in `](…)`, without fragments, addresses on the web and symbols.
    private static func targets(of line: Substring) -> [String] {
        line.components(separatedBy: "](").dropFirst().compactMap { rest in
            guard let end = rest.firstIndex(of: ")") else { return nil }
            let target = rest[..<end].prefix { $0 != "#" }
            return target.isEmpty || target.contains(":") ? nil : String(target)
        }
    }
}
