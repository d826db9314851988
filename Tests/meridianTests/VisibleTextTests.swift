// Owns the proof that no text from outside controls the terminal that it is printed on.
import Admin
import ControlPlane
import Foundation
import HTTPTransport
import Testing

@testable import meridian

@Suite struct VisibleTexts {
    static let texts: [(String, String)] = [
        ("plain, with ü, 日本 and 🚀", "plain, with ü, 日本 and 🚀"), ("", ""),
        ("\u{1B}[2Jgone", #"\u001b[2Jgone"#), ("\u{9B}31m", #"\u009b31m"#), ("\u{7}\u{7F}", #"\u0007\u007f"#),
        ("a\nb\rc\td", #"a\nb\rc\td"#), ("a\r\nb", #"a\r\nb"#), ("\u{202E}evil\u{2066}", #"\u202eevil\u2066"#),
        ("\u{2028}", #"\u2028"#), (#"a\b"c"#, #"a\b"c"#),
    ]

    @Test(arguments: texts) func textsAreShown(_ text: String, _ shown: String) throws {
        #expect(VisibleText.of(text) == shown)
        #expect(VisibleText.of(shown) == shown)
        // So are they in documents, however the node has written them.
        let plain = try #require(DocumentForm.encode(["text": text]))
        let other = Array(try JSONSerialization.data(withJSONObject: ["text": text]))
        let escapes = text.utf16.map { unit in
            let digits = String(unit, radix: 16)
            return "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
        }
        for document in [plain, other, Array("{\"text\":\"\(escapes.joined())\"}".utf8)] {
            #expect(try decode([String: String].self, document) == ["text": shown])
            // What is printed as JSON still says the same.
            let printed = VisibleText.ofJSON(document)
            #expect(try DocumentForm.decode([String: String].self, Array(printed.utf8)) == ["text": text])
            #expect(isHarmless(printed))
        }
    }

    @Test func linesOfExcerptsStay() throws {
        #expect(VisibleText.of("a\n\tb\u{1B}\r", keepsLines: true) == "a\n\tb\\u001b\\r")
        let document = Array(#"{"text":"a\n\tb\u001b\r"}"#.utf8)
        #expect(try decode([String: String].self, document, keepsLines: true) == ["text": "a\n\tb\\u001b\\r"])
    }

    @Test(arguments: [
        "", "\"", "\"\\", "\"\\u", "\"\\u00", "\"\\ud83d", "{\u{1B}}", "\u{1B}]0;title\u{7}", "\"\\\u{1B}",
    ])
    func whatIsNoDocumentDoesNoHarm(_ text: String) {
        let bytes = Array(text.utf8)
        #expect(isHarmless(VisibleText.ofJSON(bytes)))
        #expect(throws: Failure.self) { try decode([String: String].self, bytes) }
    }

    /// What people are shown, with control characters in each text that a node may send.
    @Test func noAnswerControlsTheTerminal() throws {
        func document<Value: Decodable>(_ type: Value.Type, _ text: String) throws -> Value {
            try decode(type, Array(text.replacing("BAD", with: #"\u001b[31m\u009b\n\u202e"#).utf8))
        }
        let difference = try document(
            DifferenceDocument.self,
            """
            {"node":"BAD","index":1,"agrees":false,"cluster":[{"key":"BAD","file":"BAD","group":"BAD"}],
             "frozen":true,"freeze":{"frozen":true,"author":"BAD","reason":"BAD"},
             "services":[{"name":"BAD","drift":[{"key":"BAD","file":"BAD","group":"BAD"}],"overrides":[
              {"kind":"BAD","datacenter":"BAD","endpoint":"BAD","file":"BAD","now":"BAD","author":"BAD","reason":"BAD",
               "since_ms":1}]}]}
            """)
        let cluster = try document(
            ClusterDocument.self,
            """
            {"node":"BAD","leader":"BAD","term":1,"quorum":true,"changing":false,"voters":1,"reachable_voters":1,
             "spare_voters":0,"members":[{"id":"BAD","datacenter":"BAD","role":"BAD","address":"BAD","rank":0,
              "reachable":false,"failure":"BAD","version":"BAD","admin":"BAD","incarnation":"BAD"}]}
            """)
        let event = try document(
            EventDocument.self, #"{"index":1,"time_ms":2,"author":"BAD","reason":"BAD","event":"BAD"}"#)
        let explanation = try document(
            FailoverReport.self,
            """
            {"service":"BAD","leader":"BAD","primary":"BAD","epoch":3,"state":"BAD","target":"BAD","home":"BAD",
             "holds":[{"kind":"BAD","text":"BAD"}],"heard":1,"voting":1,
             "datacenters":[{"name":"BAD","votes":{"BAD":"BAD"},"primary":false,"objection":{"kind":"BAD","text":"BAD"}}],
             "observers":[{"id":"BAD","datacenter":"BAD","voter":true,"counts":true}]}
            """)
        let lines =
            DifferenceText(difference).lines + ClusterText(cluster).lines + ExplanationText(explanation).lines
            + [EventsCommand.line(event)]
        #expect(lines.count >= 14)
        for line in lines { #expect(isHarmless(line, lines: 1), "\(line)") }
        #expect(lines.count { $0.contains(#"\u001b[31m\u009b\n\u202e"#) } >= 10)
    }

    /// The excerpts of a file have lines of their own; nothing else that a refusal says has.
    @Test func noRefusalControlsTheTerminal() {
        let problem = #"{"title":"t","status":409,"detail":"a\u001b\nb","problems":["f:1:2: \u009b\n  x"]}"#
        let failure = AdminClient.failure(HTTPResponse(status: 409, body: Array(problem.utf8)))
        #expect(failure.message == "f:1:2: \\u009b\n  x\na\\u001b\\nb")
    }

    /// Whether a text of so many lines moves no cursor and turns no direction.
    private func isHarmless(_ text: String, lines: Int = 2) -> Bool {
        text.unicodeScalars.count { $0 == "\n" } < lines
            && text.unicodeScalars.allSatisfy { scalar in
                scalar == "\n"
                    || scalar.properties.generalCategory != .control && !scalar.properties.isBidiControl
                        && scalar != "\u{2028}"
            }
    }
}
