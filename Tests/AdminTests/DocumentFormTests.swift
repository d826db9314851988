// Owns the proof of how documents look on the wire, and that both sides read what the other writes.
import Foundation
import Testing

@testable import Admin

@Suite struct DocumentForms {
    private struct Sample: Codable, Equatable {
        var requestsPerSecond = 1.5
        var soFarMs: Int64? = 7
        var uptimeS = 3
        var sha256 = "ab"
        var absent: String?
        var votes = ["us_east": "up", "euWest": "down"]
    }

    private enum Keys: String, CodingKey {
        case requestsPerSecond, soFarMs, uptimeS, sha256
        case sinceMs = "since_ms"
    }

    @Test func keysAreInSnakeCaseButNamesOfMapsStay() throws {
        let bytes = try #require(DocumentForm.encode(Sample()))
        #expect(
            String(decoding: bytes, as: UTF8.self)
                == #"{"requests_per_second":1.5,"sha256":"ab","so_far_ms":7,"uptime_s":3,"#
                + #""votes":{"euWest":"down","us_east":"up"}}"#)
        #expect(try DocumentForm.decode(Sample.self, bytes) == Sample())
    }

    @Test(
        "Keys are told as they are on the wire",
        arguments: [
            (Keys.requestsPerSecond, "requests_per_second"), (.soFarMs, "so_far_ms"), (.uptimeS, "uptime_s"),
            (.sha256, "sha256"), (.sinceMs, "since_ms"),
        ])
    private func name(_ key: Keys, _ name: String) {
        #expect(DocumentForm.name(of: key) == name)
        #expect(DocumentForm.isName(name, ofKey: key.stringValue))
        for other in ["", name + "s", String(name.dropLast()), name.uppercased(), "x" + name.dropFirst()] {
            #expect(!DocumentForm.isName(other, ofKey: key.stringValue))
        }
    }

    @Test func aKeyAsItIsInSwiftIsNotItsName() {
        #expect(!DocumentForm.isName("soFarMs", ofKey: "soFarMs"))
        #expect(!DocumentForm.isName("so_Far_ms", ofKey: "soFarMs"))
    }

    @Test func anOlderReaderPassesOverWhatItDoesNotKnow() throws {
        let later = #"{"reloaded":true,"warnings":[],"added_later":{"a":1}}"#
        #expect(try DocumentForm.decode(ReloadAnswer.self, Array(later.utf8)).reloaded)
    }
}

@Suite struct DocumentWriting {
    private struct Parts: Encodable {
        struct Part: Encodable {
            var zeta: String
            var alphaBeta: Double?
            var alpha: [Int64]
        }

        var texts: [String]
        var numbers: [Double]
        var parts: [Part]
        var none: [Part] = []
        var byName: [String: Part]
        var empty: [String: String] = [:]
        var stateOf: Bool
        var state: UInt64
        var states: Int
        var tree: JSONTree
    }

    /// Foundation's encoder set as the form of documents was first defined.
    private func expected(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }

    private func written(_ value: some Encodable) throws -> String {
        String(decoding: try #require(DocumentForm.encode(value)), as: UTF8.self)
    }

    @Test func bytesAreThoseOfFoundation() throws {
        let controls = String(String.UnicodeScalarView((0..<0x80).compactMap { Unicode.Scalar($0) }))
        let parts = [
            Parts.Part(zeta: "z", alphaBeta: 0.1, alpha: [.min, .max]), Parts.Part(zeta: "", alphaBeta: nil, alpha: []),
        ]
        let value = Parts(
            texts: ["", controls, "/a\"b\\", "ä€😀\u{2028}\u{FEFF}", "\u{80}"],
            numbers: [
                0, -0.0, 1, -1, 0.5, 100_000, 1e15, 1e16, 1e20, 1e-5, .leastNonzeroMagnitude, .greatestFiniteMagnitude,
                1 / 3,
            ],
            parts: parts, byName: ["b.c": parts[0], "B_c": parts[1], "a-b": parts[1], "éa": parts[0]], stateOf: true,
            state: .max, states: .min,
            tree: ["$ref": "#/a", "/v1/{x}": [1, false, ["bC": []], [:]], "200": "x", "bothWays": ["a": -7]])
        #expect(try written(value) == expected(value))
        for scalar in [0.5, 2] { #expect(try written(scalar) == expected(scalar)) }
        #expect(try written("a\n") == expected("a\n"))
    }

    @Test func documentsAreThoseOfFoundation() throws {
        let site = try Site()
        for path in ["/v1/status", "/v1/services/shop", "/v1/cluster", "/v1/diff", "/openapi.json"] {
            let text = try site.ask("GET", path).text
            let tree = try JSONDecoder().decode(JSONValue.self, from: Data(text.utf8))
            #expect(try expected(tree) + "\n" == text, "\(path)")
        }
    }

    @Test func manyRandomTreesAreThoseOfFoundation() throws {
        var random = SystemRandomNumberGenerator()
        for _ in 0..<300 {
            let tree = Self.tree(depth: 4, &random)
            #expect(try written(tree) == expected(tree))
        }
    }

    private static func tree(depth: Int, _ random: inout SystemRandomNumberGenerator) -> JSONTree {
        let text = String((0..<Int.random(in: 0...6, using: &random)).map { _ in "aB_-.1é\"\n".randomElement() ?? "x" })
        switch Int.random(in: depth == 0 ? 2...4 : 0...4, using: &random) {
        case 0: return .list((0..<Int.random(in: 0...4, using: &random)).map { _ in tree(depth: depth - 1, &random) })
        case 1:
            let pairs = (0..<Int.random(in: 0...6, using: &random)).map { number in
                ("\(text)\(number)", tree(depth: depth - 1, &random))
            }
            return .object(Dictionary(pairs, uniquingKeysWith: { $1 }))
        case 2: return .text(text)
        case 3: return .number(Int.random(in: .min ... .max, using: &random))
        default: return .flag(Bool.random(using: &random))
        }
    }

    private struct Strange: Encodable {
        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: Keys.self)
            try container.encode(1, forKey: .a)
            var nested = container.nestedUnkeyedContainer(forKey: .b)
            try nested.encode(2)
        }
        enum Keys: String, CodingKey { case a, b }
    }

    @Test func whatHasNoJSONIsNotWritten() {
        #expect(DocumentForm.encode(["share": Double.nan]) == nil)
        #expect(DocumentForm.encode([-Double.infinity]) == nil)
        #expect(DocumentForm.encode([String?.none]) == nil)
        #expect(DocumentForm.encode(Strange()) == nil)
    }
}
