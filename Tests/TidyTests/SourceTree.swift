// Owns the view of the repository: its Swift files, and what is committed.
import Foundation

/// The repository that these tests were built from.
enum SourceTree {
    /// Links are followed, so that the tests find the repository from a package that links to them.
    static let root = URL(filePath: #filePath).resolvingSymlinksInPath()
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    /// Every Swift file below `Sources` and `Tests` that was not generated, by path.
    static let swiftFiles: [SwiftSource] = paths(below: ["Sources", "Tests"])
        .filter { $0.hasSuffix(".swift") && !$0.hasSuffix(".pb.swift") }
        .compactMap { path in
            guard let text = try? String(contentsOf: root.appending(path: path), encoding: .utf8) else { return nil }
            return SwiftSource(path: path, text: text)
        }

    /// The other texts below `Sources` and `Tests`, and the README: articles, C, scripts; by path, in lines.
    static let otherTexts: [(path: String, lines: [Substring])] = (["README.md"] + paths(below: ["Sources", "Tests"]))
        .filter { !$0.hasSuffix(".swift") || $0.hasSuffix(".pb.swift") }
        .compactMap { path in
            guard let text = try? String(contentsOf: root.appending(path: path), encoding: .utf8) else { return nil }
            return (path, text.split(separator: "\n", omittingEmptySubsequences: false))
        }

    /// The targets that have a folder.
    static let targets: [String] = folders(of: "Sources")

    static func folders(of path: String) -> [String] {
        let entries = try? FileManager.default.contentsOfDirectory(
            at: root.appending(path: path), includingPropertiesForKeys: [.isDirectoryKey], options: .skipsHiddenFiles)
        return (entries ?? []).filter { (try? $0.resourceValues(forKeys: [.isDirectoryKey]).isDirectory) == true }
            .map(\.lastPathComponent).sorted()
    }

    private static func paths(below tops: [String]) -> [String] {
        tops.flatMap { top in
            let found = FileManager.default.enumerator(atPath: root.appending(path: top).path)
            return (found?.compactMap { $0 as? String } ?? []).map { "\(top)/\($0)" }
        }
        .filter { !$0.contains("/.") }.sorted()
    }

    /// What Git tracks. Nil: this is no clone, as in an unpacked archive.
    static func trackedFiles() throws -> [String]? {
        guard FileManager.default.fileExists(atPath: root.appending(path: ".git").path) else { return nil }
        let git = Process()
        git.executableURL = URL(filePath: "/usr/bin/env")
        git.arguments = ["git", "-c", "safe.directory=*", "-C", root.path, "ls-files", "-z"]
        let output = Pipe()
        git.standardOutput = output
        try git.run()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        git.waitUntilExit()
        return git.terminationStatus == 0 ? text.split(separator: "\0").map(String.init) : nil
    }
}
