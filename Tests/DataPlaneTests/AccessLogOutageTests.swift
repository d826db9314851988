// Owns the tests of when lost log lines are told of.
import Proactor
import Testing
import Topology

@testable import DataPlane

@Suite("Outage of the access log")
struct AccessLogOutageTests {
    private let full = SystemError(code: 28, action: "write access log x")

    private func at(_ milliseconds: Int64) -> Tick { Tick(nanoseconds: milliseconds * 1_000_000) }

    @Test("The first loss is told with its reason, the end with all that was lost")
    func onceEach() {
        var outage = AccessLogOutage()
        #expect(outage.wrote(now: at(0)) == nil)
        #expect(outage.lose(0, because: full, now: at(1)) == nil)
        #expect(outage.lose(5, because: full, now: at(2)) == .failing(full))
        #expect(outage.lose(6, because: nil, now: at(900)) == nil)
        #expect(outage.wrote(now: at(1899)) == nil)
        #expect(outage.wrote(now: at(1900)) == .resumed(lost: 11))
        #expect(outage.wrote(now: at(9999)) == nil)
        #expect(outage.lose(1, because: nil, now: at(10_000)) == .failing(nil))
    }

    @Test("A log that loses lines by turns is told of once")
    func byTurns() {
        var outage = AccessLogOutage()
        var news: [AccessLogOutage.News] = []
        for turn in 0..<100 {
            let now = at(Int64(turn) * 500)
            let item = turn % 2 == 0 ? outage.lose(2, because: nil, now: now) : outage.wrote(now: now)
            if let item { news.append(item) }
        }
        #expect(news == [.failing(nil)])
        #expect(outage.wrote(now: at(60_000)) == .resumed(lost: 100))
    }
}
