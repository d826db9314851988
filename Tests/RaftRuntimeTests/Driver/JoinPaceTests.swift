// Tests that a node that is not admitted asks all members at first, then seldom, and whoever leads.
import Testing
import Topology

@testable import RaftRuntime

@Suite("Asking to be admitted")
struct JoinPaceTests {
    private func at(_ seconds: Int) -> Tick { Tick(nanoseconds: Int64(seconds) * 1_000_000_000) }

    /// Asks whenever it may, looking each second; gives when and whom.
    private func wishes(
        _ pace: inout JoinPace, through end: Int, _ answer: (Int) -> JoinPace.Answer
    ) -> [String] {
        var asked: [String] = []
        for second in 0...end {
            guard let place = pace.next(of: 3, now: at(second)) else { continue }
            asked.append("\(second): \(place)")
            pace.concluded(answer(place), members: 3, now: at(second))
        }
        return asked
    }

    @Test func whoIsRefusedAsksLessAndLess() {
        var pace = JoinPace()
        #expect(!pace.isRepeated)
        // A round, then waits of 1, 2, 4, 8, 16, 30 and 30 seconds between rounds.
        let asked = wishes(&pace, through: 110) { _ in .failed }
        #expect(asked.prefix(9) == ["0: 0", "1: 1", "2: 2", "3: 0", "4: 1", "5: 2", "7: 0", "8: 1", "9: 2"])
        #expect(asked.count == 24 && asked.suffix(3) == ["105: 0", "106: 1", "107: 2"])
        #expect(pace.isRepeated)
    }

    @Test func whoIsSaidToLeadIsAskedNext() {
        var pace = JoinPace()
        // The leader refuses for good: it alone is asked, for nobody else can decide; and when it no longer leads, the others.
        let asked = wishes(&pace, through: 12) { $0 == 2 ? .admitted : .elsewhere(2) }
        #expect(asked == ["0: 0", "1: 2", "6: 2", "11: 2"])
    }

    /// Two that name each other cost no more than others.
    @Test func whoNamesEachOtherIsWaitedFor() {
        var pace = JoinPace()
        let asked = wishes(&pace, through: 60) { $0 == 0 ? .elsewhere(1) : .elsewhere(0) }
        #expect(asked == ["0: 0", "1: 1", "2: 0", "4: 1", "8: 0", "16: 1", "32: 0"])
    }
}
