// Owns the tests of when names are looked up, and of what is news in the answers.
import Proactor
import Testing
import Topology

@testable import DataPlane

@Suite("Watched names")
struct NameWatchTests {
    private let good = Address.host("good", port: 1)
    private let dead = Address.host("dead", port: 2)

    private func at(_ seconds: Int64) -> Tick { Tick(nanoseconds: seconds * 1_000_000_000) }
    private func socket(_ text: String) throws -> SocketAddress {
        try #require(Address(text).flatMap { SocketAddress(numeric: $0) })
    }

    @Test("Each name has its own rhythm, and new ones come first")
    func rhythm() throws {
        var watch = NameWatch()
        watch.watch([good, dead], now: at(0))
        var due = watch.due(now: at(0))
        #expect(due.map(\.name) == [dead, good])
        due = watch.due(now: at(1))
        #expect(due.isEmpty, "both are under way")
        let first = try socket("10.0.0.1:1")
        // The good one's answer counts at once; the other is still out.
        #expect(watch.answered(good, [first], now: at(1)) == NameWatch.Change(address: first))
        #expect(watch.next == at(31))
        #expect(watch.answered(dead, [], now: at(20)) == NameWatch.Change(hasBegunToFail: true))
        #expect(watch.next == at(25), "somebody waits for it")
        due = watch.due(now: at(25))
        #expect(due.map(\.urgency) == [.doubtful])
        #expect(watch.answered(dead, [], now: at(31)) == NameWatch.Change(), "told once")
        let new = Address.host("a-new", port: 1)
        watch.watch([good, dead, new], now: at(36))
        due = watch.due(now: at(36))
        #expect(due.map(\.urgency) == [.first, .renewal, .doubtful])
    }

    @Test("An address that is still among the answers stays, and a failure changes nothing")
    func steady() throws {
        var watch = NameWatch()
        watch.watch([good], now: at(0))
        let (one, two) = (try socket("10.0.0.1:1"), try socket("10.0.0.2:1"))
        #expect(watch.answered(good, [one, two], now: at(0)) == NameWatch.Change(address: one))
        #expect(watch.answered(good, [two, one], now: at(30)) == NameWatch.Change())
        #expect(watch.answered(good, [], now: at(60)) == NameWatch.Change(hasBegunToFail: true))
        #expect(watch.answered(good, [two], now: at(90)) == NameWatch.Change(address: two))
    }

    @Test("A question that could not be asked is asked a second later; a name that left is forgotten")
    func refusedAndGone() throws {
        var watch = NameWatch()
        watch.watch([good], now: at(0))
        let due = watch.due(now: at(0))
        #expect(due.count == 1)
        watch.refused(good, now: at(0))
        #expect(watch.next == at(1))
        watch.watch([], now: at(1))
        #expect(watch.next == nil)
        #expect(watch.answered(good, [try socket("10.0.0.1:1")], now: at(2)) == NameWatch.Change())
    }
}
