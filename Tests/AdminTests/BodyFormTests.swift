// Owns the proof of how bodies are read: every form of JSON that they may have, and what is said of all others.
import Testing

@testable import Admin

@Suite struct BodyForms {
    struct Sample: Codable, Equatable {
        var weight: Int
        var expiresIn: String?
        var dryRun: Bool?
    }

    private func fault(_ text: String) -> BodyFault? {
        do throws(BodyFault) {
            _ = try BodyForm.decode(Sample.self, Array(text.utf8))
            return nil
        } catch {
            return error
        }
    }

    static let good: [(String, Sample)] = [
        (#"{"weight":5}"#, Sample(weight: 5)),
        (" {\t\"weight\" :\r\n -5 , \"dry_run\":true} ", Sample(weight: -5, dryRun: true)),
        (#"{"dry_run":false,"expires_in":"","weight":0}"#, Sample(weight: 0, expiresIn: "", dryRun: false)),
        (#"{"weight":5,"expires_in":null,"dry_run":null}"#, Sample(weight: 5)),
        (#"{"weight":50e-1}"#, Sample(weight: 5)),
        (#"{"weight":9223372036854775807}"#, Sample(weight: .max)),
        (#"{"\u0077eight":5,"expires_in":"ä€😀"}"#, Sample(weight: 5, expiresIn: "ä€😀")),
        (
            #"{"weight":5,"expires_in":"\u00e4\u20AC\ud83d\uDE00\"\\\/\b\f\n\r\t"}"#,
            Sample(weight: 5, expiresIn: "ä€😀\"\\/\u{8}\u{C}\n\r\t")
        ),
    ]

    @Test(arguments: good.indices)
    func isRead(_ row: Int) throws {
        #expect(try BodyForm.decode(Sample.self, Array(Self.good[row].0.utf8)) == Self.good[row].1)
    }

    @Test(arguments: [
        "", " ", "{", "}", "[]", "5", "null", "{]", #"{"weight"}"#, #"{"weight":}"#, #"{"weight":5"#, #"{"weight":5,}"#,
        #"{,"weight":5}"#, #"{"weight":5}}"#, #"{"weight":5} x"#, #"{weight:5}"#, #"{'weight':5}"#, #"{"weight":05}"#,
        #"{"weight":+5}"#, #"{"weight":-}"#, #"{"weight":5.}"#, #"{"weight":.5}"#, #"{"weight":5e}"#,
        #"{"weight":0x5}"#,
        #"{"weight":NaN}"#, #"{"weight":tru}"#, #"{"weight":True}"#, #"{"weight":5 6}"#, #"{"a":"b}"#, "{\"a\":\"\n\"}",
        #"{"a":"\x"}"#, #"{"a":"\u12"}"#, #"{"a":"\u12G4"}"#, #"{"a":"\ud83d"}"#, #"{"a":"\ud83d\u0041"}"#,
        #"{"a":"\ude00"}"#, #"{"a":"\"#, #"{"a":[1"#, #"{"a":["]}"#, #"{"a":{"b":1}"#, "// no\n{}",
    ])
    func isNoObject(_ text: String) { #expect(fault(text) == .noObject) }

    @Test func bytesThatAreNoTextAreNone() {
        let bytes = Array(#"{"expires_in":"?"}"#.utf8).map { $0 == 0x3F ? 0xFF : $0 }
        #expect(throws: BodyFault.noObject) { try BodyForm.decode(Sample.self, bytes) }
    }

    static let known = ["dry_run", "expires_in", "weight"]
    static let faults: [(String, BodyFault)] = [
        ("{}", .missing("weight")),
        (#"{"weight":null}"#, .misfit("weight", expected: "a whole number")),
        (#"{"weight":"5"}"#, .misfit("weight", expected: "a whole number")),
        (#"{"weight":[5]}"#, .misfit("weight", expected: "a whole number")),
        (#"{"weight":1.5}"#, .misfit("weight", expected: "a whole number of 64 bits")),
        (#"{"weight":1e999}"#, .misfit("weight", expected: "a whole number of 64 bits")),
        (#"{"weight":9223372036854775808}"#, .misfit("weight", expected: "a whole number of 64 bits")),
        (#"{"weight":5,"expires_in":5}"#, .misfit("expires_in", expected: "a text")),
        (#"{"weight":5,"dry_run":"true"}"#, .misfit("dry_run", expected: "true or false")),
        (#"{"weight":5,"dryRun":true}"#, .unknown("dryRun", known: known)),
        (#"{"wight":5}"#, .unknown("wight", known: known)),
        (#"{"weight":5,"":0}"#, .unknown("", known: known)),
        (#"{"weight":5,"later":{"weight":[{"a":"]}"}]}}"#, .unknown("later", known: known)),
        // What is unknown is told before what is missing, which follows from it, and before what does not fit.
        (#"{"weight":"5","later":1}"#, .unknown("later", known: known)),
        (#"{"weight":5,"weight":5}"#, .twice("weight")),
    ]

    @Test(arguments: faults.indices)
    func isRefused(_ row: Int) { #expect(fault(Self.faults[row].0) == Self.faults[row].1) }

    @Test(arguments: [
        ("dryRun", "; did you mean \"dry_run\"?"), ("dry-run", "; did you mean \"dry_run\"?"),
        ("expires", "; did you mean \"expires_in\"?"), ("Weight", "; did you mean \"weight\"?"),
        ("later", "; it may have \"dry_run\", \"expires_in\", \"weight\""),
    ])
    func whatWasMeantIsSuggested(_ name: String, _ hint: String) {
        #expect("\(BodyFault.unknown(name, known: Self.known))" == "the body has an unknown field \"\(name)\"" + hint)
    }

    @Test func depthCostsNothing() {
        let deep = #"{"weight":"# + String(repeating: "[", count: 60_000)
        #expect(fault(deep) == .noObject)
        let whole = deep + String(repeating: "]", count: 60_000) + "}"
        #expect(fault(whole) == .misfit("weight", expected: "a whole number"))
    }
}
