// Tests that both backends work here at all; the contract suite tests how.
import Testing

@testable import Proactor

@Suite(.serialized) struct SelfTestTests {
    @Test(arguments: IOKind.allCases) func everyOperationWorks(_ io: IOKind) throws { try SelfTest.run(io) }
}
