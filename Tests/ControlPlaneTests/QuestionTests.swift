// Owns the proof that questions to the leader and its answers survive the way, and what a group of one says itself.
import Balancing
import Catalog
import Failover
import Proactor
import Routing
import Testing
import Topology

@testable import ControlPlane

@Suite struct QuestionTests {
    private static let by = LeaderQuestion.Request(author: "admin:ada", reason: "ü\"", force: true)

    @Test(arguments: [
        LeaderQuestion.explain(service: "shop"), .readIndex, .addVoter(id: "n4", by: by),
        .removeMember(id: "n4", by: by), .transfer(id: nil, by: by), .transfer(id: "n2", by: by),
    ])
    func questionsAreReadBack(_ question: LeaderQuestion) throws {
        let bytes = try #require(LeaderCoding.bytes(question))
        #expect(LeaderCoding.read(LeaderQuestion.self, bytes, limit: LeaderQuestion.mostBytes) == question)
        #expect(LeaderCoding.read(LeaderQuestion.self, bytes, limit: bytes.count - 1) == nil)
        #expect(LeaderCoding.read(LeaderQuestion.self, Array(bytes.dropLast()), limit: 1 << 14) == nil)
    }

    @Test(arguments: [
        LeaderAnswer.readable(7), .done(changed: true), .done(changed: false), .unknown,
        .refused(LeaderRefusal(kind: .notFound, reason: "no")), .unavailable("later", leader: "n1"),
        .explained(
            FailoverReport(
                undecided: .init(kind: "frozen", text: "it is"), of: ServiceName("shop"), nil, leader: NodeID("n1"))),
    ])
    func answersAreReadBack(_ answer: LeaderAnswer) throws {
        let bytes = try #require(LeaderCoding.bytes(answer))
        #expect(LeaderCoding.read(LeaderAnswer.self, bytes, limit: 1 << 20) == answer)
    }

    /// West is primary and down for the only voter, which is there; east is drained.
    @Test func explanationsBecomePlain() throws {
        let (west, east) = (World.west, World.east)
        var catalog = Catalog(formation: 9)
        let changes: [CatalogChange] = [
            .registerService(World.shop(policy: .primary).registration), .setFrozen(true),
            .setState(.draining, of: OverrideTarget(service: ServiceName("shop"), datacenter: east), until: nil),
        ]
        for (place, change) in changes.enumerated() {
            let command = CatalogCommand(change, author: "test", proposedAt: UnixTime(milliseconds: 1))
            _ = catalog.apply(command, at: UInt64(place + 1))
        }
        let now = Tick(nanoseconds: 9_000_000_000)
        let observation = Observation(
            node: NodeID("n1"), datacenter: west, service: ServiceName("shop"),
            views: [
                DatacenterView(
                    datacenter: west, share: HealthShare(healthy: 0, total: 2), downFor: .milliseconds(1_999)),
                DatacenterView(datacenter: east, share: HealthShare(healthy: 2, total: 2), fitFor: .seconds(9)),
            ], receivedAt: now)
        let situation = FailoverPlanner.Situation(
            catalog: catalog, nodes: [VotingNode(id: NodeID("n1"), datacenter: west, isVoter: true)],
            observations: [observation], now: now, wallClock: UnixTime(milliseconds: 1))
        let explanation = try #require(FailoverPlanner().explain(ServiceName("shop"), situation))
        let report = FailoverReport(explanation, leader: NodeID("n1"))
        #expect(report.holds.map(\.kind) == ["unconfirmed"])
        #expect(report.confirm == .init(soFarMs: 1_999, neededMs: 5_000))
        #expect(report.primary == "west" && report.epoch == 1 && report.state == "stable" && report.target == nil)
        #expect(report.datacenters[0].votes == ["west": "down"] && report.datacenters[0].primary)
        #expect(report.datacenters[1].objection?.kind == "target_drained")
        #expect(report.datacenters[1].healthyPercent == 100 && report.datacenters[1].fitForMs == 9_000)
        #expect(report.observers.map(\.heardMsAgo) == [0] && report.observers.map(\.counts) == [true])
    }

    @Test func aGroupOfOneAnswersItself() throws {
        let world = try World([World.shop(policy: .primary)])
        func ask(_ begin: (@escaping @Sendable (LeaderAnswer) -> Void) -> Bool) throws -> LeaderAnswer {
            let latch = Latch<LeaderAnswer>()
            #expect(begin { latch.set($0) })
            return try latch.wait()
        }
        let index = try #require(world.control.snapshot?.catalog.appliedIndex)
        #expect(try ask { world.control.confirmRead(completion: $0) } == .readable(index))
        guard case .explained(let report) = try ask({ world.control.explain(ServiceName("shop"), completion: $0) })
        else {
            Issue.record("no explanation")
            return
        }
        #expect(report.holds.map(\.kind) == ["alone"] && report.primary == "west")
        guard case .refused(let unknown) = try ask({ world.control.explain(ServiceName("no"), completion: $0) }) else {
            Issue.record("an unknown service was explained")
            return
        }
        #expect(unknown.kind == .notFound)
        let change = GroupChange(.transfer(to: nil), author: "test")
        guard case .refused(let alone) = try ask({ world.control.changeGroup(change, completion: $0) }) else {
            Issue.record("a group of one was changed")
            return
        }
        #expect(alone.kind == .conflict)
    }
}
