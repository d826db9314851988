// Tests what the group replicates about itself and about settings: registration by compare-and-set, drift, members,
// leases, and the rule that at most half of a service's datacenters is taken out.
import Catalog
import Testing
import Topology

@Suite struct GroupTests {
    private let first = registration(shop, hasPrimary: true)
    private let second = registration(shop, hasPrimary: true, datacenters: [east, west, south])

    @Test func theFirstNodeToSeeAServiceDefinesIt() {
        var log = Log()
        #expect(log.apply(.registerService(first, replacing: .absent)) == .applied(index: 1, changed: true))
        #expect(log.apply(.registerService(first, replacing: .absent)) == .applied(index: 2, changed: false))
        #expect(
            log.apply(.registerService(second, replacing: .absent))
                == .refused(.registrationChanged(current: first.digest)))
        log.apply(.retireService(shop))
        #expect(log.apply(.registerService(second, replacing: .absent)) == .applied(index: 5, changed: true))
    }

    @Test func aReloadReplacesOnlyWhatItSaw() {
        var log = Log()
        log.apply(.registerService(first))
        #expect(
            log.apply(.registerService(second, replacing: .digest(second.digest &+ 1)))
                == .refused(.registrationChanged(current: first.digest)))
        #expect(
            log.apply(.registerService(second, replacing: .digest(first.digest))) == .applied(index: 3, changed: true))
        // Another node reloads the same file a moment later.
        #expect(
            log.apply(.registerService(second, replacing: .digest(first.digest))) == .applied(index: 4, changed: false))
        #expect(log.catalog.registration(of: shop) == second)
        log.apply(.retireService(shop))
        #expect(
            log.apply(.registerService(second, replacing: .digest(second.digest)))
                == .refused(.registrationChanged(current: nil)))
    }

    @Test func aFreezeRemembersWhoAndWhy() throws {
        var log = Log()
        #expect(!log.catalog.isFrozen && log.catalog.freeze.index == 0)
        #expect(log.apply(.setFrozen(true), expectedIndex: 0) == .applied(index: 1, changed: true))
        let record = log.catalog.freeze
        #expect(record.isFrozen && log.catalog.isFrozen)
        #expect(record.author == "ada" && record.reason == "test" && record.since == log.now && record.index == 1)
        // Asked again, nothing changes; an author who saw an older state is told so.
        #expect(log.apply(.setFrozen(true)) == .applied(index: 2, changed: false))
        #expect(log.catalog.freeze == record)
        #expect(log.apply(.setFrozen(false), expectedIndex: 0) == .refused(.indexMismatch(current: 1)))
        #expect(log.apply(.setFrozen(false), expectedIndex: 1) == .applied(index: 4, changed: true))
        #expect(!log.catalog.isFrozen && log.catalog.freeze.index == 4)
        #expect(try Catalog(snapshot: log.catalog.snapshot).freeze == log.catalog.freeze)
    }

    @Test func driftIsADifferenceOfAnySetting() {
        var log = Log()
        log.apply(.registerService(first))
        let digest = log.catalog.registration(of: first.name)?.digest
        #expect(digest == first.digest)
        var other = first
        other.failover.confirm = .seconds(6)
        #expect(digest != other.digest)
        other = first
        other.consistency = .available
        #expect(digest != other.digest)
        other = first
        other.datacenters[0].endpoints[0].weight = 2
        #expect(digest != other.digest)
        #expect(log.catalog.registration(of: files)?.digest != registration(files, hasPrimary: false).digest)
    }

    @Test func refusesImpossibleSettings() {
        let cases: [((inout FailoverSettings) -> Void, CatalogRefusal)] = [
            ({ $0.confirm = .seconds(-1) }, .valueOutOfRange("confirm")),
            ({ $0.hold = .seconds(8 * 24 * 3600) }, .valueOutOfRange("hold")),
            ({ $0.failbackAfter = .seconds(-1) }, .valueOutOfRange("failback")),
            ({ $0.downBelowPercent = 0 }, .valueOutOfRange("down_below")),
            ({ $0.minimumTargetPercent = 101 }, .valueOutOfRange("min_target_health")),
            (
                { $0.lagGate = .init(path: String(repeating: "x", count: 2_000), limit: .seconds(1)) },
                .textTooLong(field: "lag_gate path", limit: 1_024)
            ),
        ]
        for (change, refusal) in cases {
            var log = Log()
            var impossible = first
            change(&impossible.failover)
            #expect(log.apply(.registerService(impossible)) == .refused(refusal))
        }
    }

    private func member(_ id: String, incarnation: UInt64 = 7, level: UInt16 = 1) -> MemberDescription {
        MemberDescription(
            id: NodeID(id), incarnation: incarnation, datacenter: east, admin: "http://127.0.0.1:9901", version: "0.1",
            formatLevel: level)
    }

    @Test func membersDescribeThemselves() {
        var log = Log()
        log.apply(.describeMember(member("b")))
        log.apply(.describeMember(member("a", level: 3)))
        #expect(log.apply(.describeMember(member("a", level: 3))) == .applied(index: 3, changed: false))
        #expect(log.catalog.members.map(\.id.text) == ["a", "b"])
        #expect(log.catalog.members.map(\.formatLevel) == [3, 1])
        log.apply(.describeMember(member("a", incarnation: 8)))
        #expect(log.apply(.forgetMember(NodeID("a"), incarnation: 7)) == .refused(.unknownMember(NodeID("a"))))
        #expect(log.apply(.forgetMember(NodeID("a"), incarnation: 8)) == .applied(index: 6, changed: true))
        #expect(log.catalog.members.map(\.id.text) == ["b"])
        let long = member(String(repeating: "x", count: 129))
        #expect(log.apply(.describeMember(long)) == .refused(.textTooLong(field: "id", limit: 128)))
    }

    @Test func membersAreBounded() {
        var log = Log()
        for number in 0..<Catalog.maximumMembers { log.apply(.describeMember(member("n\(number)"))) }
        #expect(log.apply(.describeMember(member("one more"))) == .refused(.tableFull("members", limit: 256)))
    }

    @Test func theLongerOfTheLastTwoLeasesCounts() {
        var log = Log()
        #expect(log.apply(.setLease(.seconds(2))) == .applied(index: 1, changed: true))
        #expect(log.apply(.setLease(.seconds(2))) == .applied(index: 2, changed: false))
        let changed = UnixTime(milliseconds: 1_001_000)
        log.now = changed.later(by: .seconds(2))
        #expect(log.apply(.setLease(.seconds(1))) == .refused(.leaseChangedRecently))
        log.now = changed.later(by: .seconds(10))
        #expect(log.apply(.setLease(.seconds(1))) == .applied(index: 4, changed: true))
        #expect(log.catalog.lease.lease == .seconds(1) && log.catalog.lease.previous == .seconds(2))
        #expect(log.catalog.lease.longest == .seconds(2))
        #expect(log.apply(.setLease(.milliseconds(99))) == .refused(.valueOutOfRange("lease")))
        #expect(log.apply(.setLease(.seconds(301))) == .refused(.valueOutOfRange("lease")))
    }

    /// Nobody holds a lease of the placeholder length from before the group agreed on one.
    @Test(arguments: [2, 6])
    func theFirstLeaseCountsAlone(_ seconds: Int) {
        var log = Log()
        #expect(!log.catalog.lease.isDecided)
        #expect(log.apply(.setLease(.seconds(seconds))) == .applied(index: 1, changed: true))
        #expect(log.catalog.lease.isDecided)
        #expect(log.catalog.lease.longest == .seconds(seconds))
    }

    /// The number of datacenters, how many are drained one after another, and how many of these drains succeed.
    @Test(arguments: [(2, 1), (3, 1), (4, 2), (5, 2)])
    func atMostHalfIsTakenOut(_ datacenters: Int, _ allowed: Int) {
        var log = Log()
        let names = (0..<datacenters).map { DatacenterName("d\($0)") }
        log.apply(.registerService(registration(files, hasPrimary: false, datacenters: names)))
        for name in names.prefix(allowed) {
            #expect(
                log.apply(.setState(.draining, of: place(files, name), until: nil))
                    == .applied(index: log.index, changed: true))
        }
        let next = CatalogChange.setWeight(0, of: place(files, names[allowed]), until: nil)
        let refusal: CatalogRefusal = datacenters == 2 ? .wouldStopService(files) : .wouldRemoveMost(files)
        #expect(log.apply(next) == .refused(refusal))
        #expect(log.apply(next, force: true) == .applied(index: log.index, changed: true))
        let (removed, total) = log.catalog.removedDatacenters(of: files)
        #expect(removed == allowed + 1 && total == datacenters)
    }

    @Test func endpointsAreBounded() {
        var log = Log()
        let wide = registration(files, hasPrimary: false, datacenters: [east], endpoints: 65_536)
        for number in 0..<4 {
            var registration = wide
            registration.name = ServiceName("s\(number)")
            log.apply(.registerService(registration))
        }
        #expect(log.apply(.registerService(first)) == .refused(.tableFull("endpoints", limit: 262_144)))
        #expect(log.catalog.services.count == 4)
    }
}
