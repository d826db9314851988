// Owns the tests of when a loop waits for several completions.
import Testing

@testable import Proactor

@Suite struct GatheringTests {
    private func gathering(afterTurnsOf receives: Int, count: Int = 500) -> Gathering {
        var gathering = Gathering(isPossible: true)
        for _ in 0..<count { gathering.note(receives: receives) }
        return gathering
    }

    @Test func oneReceiveATurnIsNotWaitedWith() {
        #expect(!Gathering(isPossible: true).isOn)
        #expect(!gathering(afterTurnsOf: 1).isOn)
    }

    @Test func aBurstAloneIsNoReason() { #expect(!gathering(afterTurnsOf: 16, count: 1).isOn) }

    @Test func denseReceivesAreGathered() { #expect(gathering(afterTurnsOf: 12, count: 500).isOn) }

    @Test func aTurnOfManyCountsNoMoreThanItShould() {
        var gathering = gathering(afterTurnsOf: 1)
        for _ in 0..<3 { gathering.note(receives: 1_000_000) }
        #expect(gathering.isOn)
        for _ in 0..<100 { gathering.note(receives: 1) }
        #expect(!gathering.isOn)
    }

    @Test(arguments: [1, 4, 7])
    func waitingThatBringsLittleIsGivenUp(_ receives: Int) {
        var gathering = gathering(afterTurnsOf: 16)
        #expect(gathering.isOn)
        var turns = 0
        while gathering.isOn, turns < 1_000 {
            gathering.note(receives: receives)
            turns += 1
        }
        #expect(turns < 100)
    }

    @Test func anOldKernelIsNotAskedToWait() {
        var gathering = Gathering(isPossible: false)
        for _ in 0..<500 { gathering.note(receives: 16) }
        #expect(!gathering.isOn)
    }
}
