// Owns what the tests of settings share: reading a text, and files of expected output.
import Foundation
import Testing

@testable import Settings

/// Reads a text as `meridian.yaml`.
func read(
    _ text: String, environment: [String: String] = [:]
) -> Result<ValidSettings, InvalidSettings> {
    SettingsReader.read(text: text, path: "meridian.yaml", environment: { environment[$0] })
}

/// The settings of a text that has no error.
func settings(_ text: String, environment: [String: String] = [:]) throws -> Settings {
    try read(text, environment: environment).get().settings
}

/// The messages of all problems of a text, without place and excerpt.
func messages(_ text: String, environment: [String: String] = [:]) -> [String] {
    switch read(text, environment: environment) {
    case .success(let valid): valid.warnings.map(\.message)
    case .failure(let invalid): invalid.problems.map(\.message)
    }
}

/// The smallest useful file, with more keys at its top level.
func minimal(_ more: String = "", service: String = "", listener: String = "") -> String {
    """
    services:
      - name: shop
        endpoints: ["10.0.0.1:80"]
    \(indented(service, by: 4))
    listeners:
      - name: web
        bind: ":8080"
        service: shop
    \(indented(listener, by: 4))
    \(more)
    """
}

private func indented(_ text: String, by count: Int) -> String {
    text.split(separator: "\n").map { String(repeating: " ", count: count) + $0 }.joined(separator: "\n")
}

/// Files beside the tests: inputs, and outputs that MERIDIAN_REGENERATE_GOLDEN=1 writes again.
enum Golden {
    static func text(_ name: String) throws -> String {
        let file = try #require(Bundle.module.url(forResource: name, withExtension: nil, subdirectory: "Golden"))
        return try String(contentsOf: file, encoding: .utf8)
    }

    /// Compares with the file, or writes it into the source folder when asked to.
    static func expect(_ actual: String, equals name: String, source: String = #filePath) throws {
        let actual = actual.hasSuffix("\n") ? actual : actual + "\n"
        if ProcessInfo.processInfo.environment["MERIDIAN_REGENERATE_GOLDEN"] == "1" {
            let folder = URL(filePath: source).deletingLastPathComponent().appending(path: "Golden")
            try actual.write(to: folder.appending(path: name), atomically: true, encoding: .utf8)
        } else {
            let expected = try text(name)
            #expect(actual == expected, "run with MERIDIAN_REGENERATE_GOLDEN=1 when the change is meant")
        }
    }
}
