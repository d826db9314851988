// Tests `${NAME}` in values.
import Testing
import Topology

@testable import Settings

@Suite struct EnvironmentTests {
    private let variables = ["ID": "n1", "EMPTY": "", "N": "3", "LIST": "[a, b]: c"]

    @Test(arguments: [
        ("${ID}", "n1"), ("x-${ID}.${N}", "x-n1.3"), ("${NONE:-d1}", "d1"), ("${EMPTY:-d2}", "d2"),
        ("${ID:-d3}", "n1"), ("a${EMPTY}b", "ab"),
    ])
    func replaces(_ text: String, _ expected: String) throws {
        #expect(try settings(minimal("node:\n  id: \(text)"), environment: variables).node.id.text == expected)
        #expect(try settings(minimal("node: { id: \"\(text)\" }"), environment: variables).node.id.text == expected)
    }

    @Test func whatAVariableHoldsIsNeverStructure() throws {
        let read = try settings(minimal("admin:\n  token_file: ${LIST}"), environment: variables)
        #expect(read.admin.tokenFile == "[a, b]: c")
    }

    @Test(arguments: [("$${ID}", "${ID}"), ("a$b", "a$b"), ("cost: $", "cost: $"), ("$$", "$$"), ("$$${ID}", "$${ID}")])
    func leavesTheRestAlone(_ text: String, _ expected: String) throws {
        let read = try settings(minimal("admin: { token_file: \"\(text)\" }"), environment: variables)
        #expect(read.admin.tokenFile == expected)
    }

    @Test func anyScalarMayBeOne() throws {
        let read = try settings(minimal("workers: ${N}\nvia: ${NONE:-off}"), environment: variables)
        #expect(read.workers == 3)
        #expect(!read.addsVia)
    }

    @Test(arguments: [
        ("${NONE}", 1, "the environment variable NONE is not set; '${NONE:-…}' gives a default"),
        ("a${NONE}", 2, "the environment variable NONE is not set; '${NONE:-…}' gives a default"),
        ("${ID", 1, "'${' without '}'; write '$${' for the text itself"),
        ("${}", 1, "'' is no name of an environment variable; write '$${' for the text itself"),
        ("${1A}", 1, "'1A' is no name of an environment variable; write '$${' for the text itself"),
    ])
    func saysWhatIsWrongAndNothingThatFollows(_ text: String, _ column: Int, _ message: String) {
        guard case .failure(let invalid) = read("workers: \"\(text)\"\n" + minimal()) else {
            Issue.record("accepted")
            return
        }
        #expect(invalid.problems.map(\.message) == [message])
        #expect(invalid.problems.first?.mark == Mark(line: 1, column: 10 + column))
    }

    @Test func insideBracesItNeedsQuotesAndTheMessageSaysSo() {
        let found = messages(minimal("node: { id: ${ID} }"))
        #expect(found.count == 1)
        #expect(found[0].hasSuffix("inside { } and [ ] put quotes round \"${NAME}\""))
    }

    @Test func valuesAreBounded() {
        let found = messages(
            minimal("node: { id: \"\(String(repeating: "${BIG}", count: 100))\" }"),
            environment: ["BIG": String(repeating: "x", count: 1000)])
        #expect(found.first == "the value has more than 64 KiB after expansion")
    }
}
