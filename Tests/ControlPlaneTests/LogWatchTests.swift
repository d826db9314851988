// Tests that each change of services, leases and members is logged once, and that floods are bounded.
import Logging
import Testing
import Topology

@testable import ControlPlane

@Suite("What is watched for the log")
struct LogWatchTests {
    private let shop = ServiceName("shop")

    private func at(_ milliseconds: Int64) -> Tick { Tick(nanoseconds: milliseconds * 1_000_000) }

    // MARK: Services

    private func view(_ usable: [Bool], primary: Int? = nil, drained: Int? = nil) -> ServiceWatch.View {
        let names = ["a", "b"].map { DatacenterName($0) }
        return ServiceWatch.View(
            name: shop, primary: primary.map { names[$0] },
            places: usable.enumerated().map { .init(name: names[$0], isUsable: $1, isActive: $0 != drained) })
    }

    private func words(_ lines: [LogLine]) -> [String] {
        lines.map { "\($0.level) \($0.message) \($0.metadata["datacenter"] ?? $0.metadata["primary"] ?? "-")" }
    }

    @Test func aServiceWithoutEndpointsIsToldOnceAndItsRecoveryToo() {
        var watch = ServiceWatch()
        #expect(watch.look(view([true, true])) == [])
        #expect(
            words(watch.look(view([false, true]))) == [
                "warning a datacenter of a service has no usable endpoint left a"
            ])
        #expect(watch.look(view([false, true])) == [])
        #expect(
            words(watch.look(view([false, false]))) == [
                "warning a datacenter of a service has no usable endpoint left b",
                "error a service has no usable endpoint left -",
            ])
        #expect(watch.look(view([false, false])) == [])
        #expect(
            words(watch.look(view([true, true]))) == [
                "notice a datacenter of a service has a usable endpoint again a",
                "notice a datacenter of a service has a usable endpoint again b",
                "notice a service has a usable endpoint again -",
            ])
    }

    /// Nothing is sent to the other datacenter, so its being up does not help; nor does a drained one.
    @Test func onlyWhereTrafficGoesCounts() {
        var watch = ServiceWatch()
        #expect(
            words(watch.look(view([false, true], primary: 0))).last == "error a service has no usable endpoint left a")
        #expect(
            words(watch.look(view([false, true], primary: 1))) == ["notice a service has a usable endpoint again b"])
        var other = ServiceWatch()
        #expect(
            words(other.look(view([false, true], drained: 1))).last == "error a service has no usable endpoint left -")
        other.keep(only: [])
        #expect(other.look(view([true, true])) == [])
    }

    // MARK: Leases

    @Test func aLeaseThatWasLostAndHeldAgainIsOneLineEach() {
        var watch = LeaseWatch()
        let both = [shop, ServiceName("cart")]
        func look(_ isHeld: Bool, _ now: Int64, leader: String? = nil) -> [LogLine] {
            watch.look(both.map { ($0, isHeld) }, leader: leader.map { NodeID($0) }, now: at(now))
        }
        // A process starts without one.
        #expect(look(false, 0) == [])
        #expect(look(true, 500) == [])
        let lost = look(false, 8_000)
        #expect(lost.map(\.metadata) == [["services": "cart, shop", "reason": "the group has no leader here"]])
        #expect(lost.map(\.level) == [.error])
        #expect(look(false, 9_000) == [])
        #expect(watch.leases[shop] == ServiceLease.none(since: at(8_000)))
        let held = look(true, 10_000, leader: "n1")
        #expect(held.map(\.metadata) == [["services": "cart, shop"]])
        #expect(look(true, 10_100) == [] && watch.leases[shop] == .held)
    }

    /// A lease that never comes is logged, too, after a while.
    @Test func aLeaseThatNeverComesIsTold() {
        var watch = LeaseWatch()
        let leader = NodeID("n2")
        #expect(watch.look([(shop, false)], leader: leader, now: at(1_000)) == [])
        let told = watch.look([(shop, false)], leader: leader, now: at(11_000))
        #expect(told.map { $0.metadata["reason"] } == ["n2 leads the group, and has not renewed it"])
        // Gone from the settings, and back: a new service.
        #expect(watch.look([], leader: leader, now: at(12_000)) == [])
        #expect(watch.look([(shop, false)], leader: leader, now: at(13_000)) == [])
    }

    // MARK: Members

    @Test func membersThatComeAndGoAreTold() {
        var watch = MembershipWatch()
        func look(_ members: [(String, Bool, UInt64)], isChanging: Bool = false) -> [String] {
            let standing = GroupStanding(
                hasQuorum: true, leader: nil, term: 1,
                members: members.map {
                    GroupStanding.Member(
                        id: NodeID($0.0), datacenter: DatacenterName("a"), isVoter: $0.1, isReachable: true,
                        incarnation: $0.2)
                }, isChanging: isChanging)
            return watch.look(standing).map { "\($0.message): \($0.metadata["member"] ?? "")" }
        }
        #expect(look([]) == [])
        #expect(look([("n1", true, 1), ("n2", true, 1)]) == [])
        #expect(look([("n1", true, 1), ("n2", true, 1), ("n3", false, 1)]) == ["a member joined the group: n3"])
        #expect(look([("n1", true, 1), ("n2", true, 1), ("n3", true, 1)], isChanging: true) == [])
        #expect(look([("n1", true, 1), ("n2", true, 1), ("n3", true, 1)]) == ["a member has a vote now: n3"])
        // Another disk is another member.
        #expect(
            look([("n1", true, 1), ("n3", true, 2)])
                == ["a member joined the group: n3", "a member left the group: n2", "a member left the group: n3"])
    }

    @Test(arguments: [(3, 3, 1), (3, 2, 0), (3, 1, 0), (5, 5, 2), (5, 4, 1), (5, 3, 0), (4, 4, 1), (1, 1, 0)])
    func aVoterThatIsLostIsNotSpare(_ voters: Int, _ reachable: Int, _ spare: Int) {
        var members = (0..<voters).map {
            GroupStanding.Member(
                id: NodeID("n\($0)"), datacenter: DatacenterName("a"), isVoter: true, isReachable: $0 < reachable)
        }
        members.append(.init(id: NodeID("o"), datacenter: DatacenterName("a"), isVoter: false, isReachable: true))
        let standing = GroupStanding(hasQuorum: true, leader: nil, term: 1, members: members)
        #expect(standing.voters == voters && standing.reachableVoters == reachable)
        #expect(standing.spareVoters == spare)
    }

    // MARK: Storms

    @Test func aBurstThenAFewASecondAndTheRestIsCounted() {
        var budget = LogBudget(burst: 4, interval: .milliseconds(500))
        var taken: [Int64] = []
        // 1,000 a second, for four seconds.
        for now in 0..<4_000 where budget.takes(now: at(10_000 + Int64(now))) {
            if taken.count == 4 { #expect(budget.takeLeftOut() == 496) }
            taken.append(Int64(now))
        }
        #expect(taken == [0, 1, 2, 3, 500, 1_000, 1_500, 2_000, 2_500, 3_000, 3_500])
        #expect(!budget.hasRest(now: at(13_999)) && budget.hasRest(now: at(14_000)))
        #expect(budget.takeLeftOut() == 4_000 - 496 - 11 && !budget.hasRest(now: at(20_000)))
    }
}
