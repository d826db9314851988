// Tests how soon a routing table may follow another.
import Testing
import Topology

@testable import ControlPlane

@Suite("The pace of routing tables")
struct TablePaceTests {
    private func at(_ milliseconds: Int) -> Tick { Tick(nanoseconds: Int64(milliseconds) * 1_000_000) }

    /// Publishes as soon as it may, so many times from `start` on.
    private func times(_ count: Int, _ pace: inout TablePace, from start: Int, waiting: Int) -> [Tick] {
        var now = at(start)
        return (0..<count).map { _ in
            now = max(now, pace.next(waiting: waiting))
            pace.published(now, now + .microseconds(100))
            return now
        }
    }

    /// The first comes at once, a burst at one each five milliseconds, and if it lasts at one each twenty.
    @Test func stormsAreSlowedDown() {
        var pace = TablePace()
        let storm = times(60, &pace, from: 1_000, waiting: 0)
        #expect(storm[0] == at(1_000))
        #expect(storm[1] == at(1_005) && storm[10] == at(1_050))
        #expect(zip(storm.suffix(10), storm.suffix(9)).allSatisfy { $1 - $0 <= .milliseconds(20) })
        #expect(storm[59] - storm[39] == .milliseconds(400))
        // After a while of quiet a burst is free again.
        let later = times(8, &pace, from: 5_000, waiting: 0)
        #expect(later == (0..<8).map { at(5_000 + 5 * $0) })
    }

    /// A table that somebody waits for comes at once, unless many wait or tables are large.
    @Test func answersWaitForNoPace() {
        var pace = TablePace()
        pace.published(at(100), at(100))
        #expect(pace.next(waiting: 1) <= at(100))
        #expect(pace.next(waiting: 64) == at(101))
        pace.published(at(200), at(203))
        #expect(pace.next(waiting: 1) == at(224))
    }

    /// Large tables leave most of the time to other things, and are never late by more than half a second.
    @Test(arguments: [(0, 5), (1, 8), (10, 80), (60, 480), (70, 500), (5_000, 500)])
    func largeTablesAreFewer(_ build: Int, _ rest: Int) {
        var pace = TablePace()
        pace.published(at(1_000), at(1_000 + build))
        #expect(pace.next(waiting: 0) == at(1_000 + rest))
    }
}
