// Owns the tests of the control plane's calls: replies, refusals, deadlines and bounds.
import Proactor
import Raft
import Testing
import Topology

@testable import RaftRuntime

@Suite("Calls between nodes", .serialized)
struct CallTests {
    private func pair(_ limits: PeerLimits = TransportBench.limits) throws -> (TransportBench, TestNode, TestNode) {
        let bench = try TransportBench()
        let a = try bench.add("a", limits: limits)
        let b = try bench.add("b", limits: limits)
        try bench.connectAll()
        return (bench, a, b)
    }

    /// Calls and keeps the outcomes in order.
    final class Outcomes { var all: [PeerCallOutcome] = [] }

    private func call(
        _ from: TestNode, _ to: TestNode, _ bytes: [UInt8] = [], within timeout: Duration = .seconds(10),
        into outcomes: Outcomes
    ) {
        from.transport.call(to.id, PeerCall(kind: 5, bytes: bytes), within: timeout) { outcomes.all.append($0) }
    }

    @Test("Both sides may ask; small and large; answered at once or later, in any order")
    func replies() throws {
        let (bench, a, b) = try pair()
        let outcomes = Outcomes()
        b.onRequest = { request in request.answer([UInt8(request.call.kind)] + request.call.bytes) }
        call(a, b, [1], into: outcomes)
        let large = [UInt8](repeating: 7, count: 300_000)
        call(a, b, large, into: outcomes)
        try bench.turn("both are answered") { outcomes.all.count == 2 }
        #expect(Set(outcomes.all) == [.reply([5, 1]), .reply([5] + large)])

        call(b, a, [1], into: outcomes)
        call(b, a, [2], within: .seconds(7), into: outcomes)
        try bench.turn("both are asked") { a.requests.count == 2 }
        #expect(a.requests[0].peer == b.transport.identity && a.requests[1].timeout == .seconds(7))
        a.requests[1].answer([22])
        a.requests[0].refuse("no")
        a.requests[0].answer([11])
        try bench.turn("both are answered") { outcomes.all.count == 4 }
        #expect(outcomes.all[2...] == [.reply([22]), .refused("no")])
    }

    @Test("A call over the peer's own connection, where this node has none")
    func reverse() throws {
        let bench = try TransportBench()
        let a = try bench.add("a")
        let b = try bench.add("b")
        a.transport.update(members: [b.contact()])
        try bench.turn("connected") { b.met.count == 2 }
        let outcomes = Outcomes()
        a.onRequest = { $0.answer([1]) }
        call(b, a, into: outcomes)
        try bench.turn("answered") { outcomes.all == [.reply([1])] }
    }

    @Test("A request that nobody answers is refused")
    func forgotten() throws {
        let (bench, a, b) = try pair()
        let outcomes = Outcomes()
        b.onRequest = { _ in }
        call(a, b, into: outcomes)
        try bench.turn("refused") { outcomes.all == [.refused("no answer")] }
    }

    @Test("Without a reply in time nobody knows; a late reply goes nowhere")
    func deadline() throws {
        let (bench, a, b) = try pair()
        let outcomes = Outcomes()
        call(a, b, within: .milliseconds(200), into: outcomes)
        try bench.turn("over") { !outcomes.all.isEmpty }
        #expect(outcomes.all == [.unknown("no reply in time")])
        #expect(b.requests.count == 1)
        b.requests[0].answer([1])
        call(a, b, into: outcomes)
        try bench.turn("the next is asked") { b.requests.count == 2 }
        b.requests[1].answer([2])
        try bench.turn("answered") { outcomes.all.count == 2 }
        #expect(outcomes.all[1] == .reply([2]))
    }

    @Test("What was not sent is said to be so: no such peer, no connection, too large")
    func notSent() throws {
        let (bench, a, b) = try pair()
        let outcomes = Outcomes()
        a.transport.call(NodeID("nobody"), PeerCall(kind: 1, bytes: []), within: .seconds(1)) {
            outcomes.all.append($0)
        }
        call(a, b, [UInt8](repeating: 0, count: 1 << 20 + 1), into: outcomes)
        try bench.kill(b)
        try bench.turn("it is missed") { !a.transport.isConnected(b.id) }
        call(a, b, into: outcomes)
        #expect(
            outcomes.all == [
                .notSent("nobody is not connected"), .notSent("1048577 bytes, where 1048576 are the limit"),
                .notSent("b is not connected"),
            ])
    }

    @Test("When the peer dies, what it was asked is unknown, and what was not sent yet is not")
    func death() throws {
        let (bench, a, b) = try pair()
        let outcomes = Outcomes()
        call(a, b, [1], into: outcomes)
        try bench.turn("asked") { b.requests.count == 1 }
        call(a, b, [2], into: outcomes)
        b.transport.stop()
        // The second is still in the queue of this turn when the connection is taken away.
        a.transport.update(members: [])
        #expect(outcomes.all == [.unknown("the connection ended: finished"), .notSent("finished")])
        b.requests[0].answer([1])
        bench.turn(for: .milliseconds(50))
        #expect(outcomes.all.count == 2)
    }

    @Test("Too many calls are not sent, and a peer that sends too many is refused them")
    func bounds() throws {
        var few = TransportBench.limits
        few.openCalls = 3
        let bench = try TransportBench()
        let a = try bench.add("a", limits: few)
        let b = try bench.add("b")
        try bench.connectAll()
        let outcomes = Outcomes()
        for number in 0..<4 { call(a, b, [UInt8(number)], into: outcomes) }
        #expect(outcomes.all == [.notSent("too many calls wait for it")])
        for _ in 0..<5 { call(b, a, into: outcomes) }
        try bench.turn("two are refused") { outcomes.all.count == 3 }
        #expect(outcomes.all[1...] == [.refused("too many calls"), .refused("too many calls")])
        try bench.turn("asked") { b.requests.count == 3 && a.requests.count == 3 }
        for request in b.requests + a.requests { request.answer([]) }
        try bench.turn("answered") { outcomes.all.count == 9 }
        call(a, b, into: outcomes)
        call(b, a, into: outcomes)
        try bench.turn("there is room again") { b.requests.count == 4 && a.requests.count == 4 }
    }

    @Test("A reply of too many bytes is a refusal")
    func largeReply() throws {
        let (bench, a, b) = try pair()
        let outcomes = Outcomes()
        b.onRequest = { $0.answer([UInt8](repeating: 0, count: 1 << 20 + 1)) }
        call(a, b, into: outcomes)
        try bench.turn("refused") { outcomes.all == [.refused("the reply has too many bytes: 1048577")] }
    }
}
