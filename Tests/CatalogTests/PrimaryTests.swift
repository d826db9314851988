// Tests the primary of a service, its epochs, and what registering does to them.
import Catalog
import Testing
import Topology

@Suite struct PrimaryTests {
    private func move(_ to: DatacenterName, _ epoch: Epoch? = nil, _ cause: PrimaryCause = .operatorRequest)
        -> CatalogChange
    {
        .setPrimary(of: shop, to: to, expectedEpoch: epoch, cause: cause)
    }

    @Test func theFirstListedIsTheFirstPrimary() {
        let log = Log.withServices()
        #expect(log.catalog.primary(of: shop)?.datacenter == east)
        #expect(log.catalog.primary(of: shop)?.epoch.value == 1)
        #expect(log.catalog.primary(of: files) == nil)
        #expect(log.catalog.services == [files, shop])
    }

    @Test func theEpochGrowsByOneWithEveryChange() {
        var log = Log.withServices()
        #expect(log.apply(move(west)) == .applied(index: 3, changed: true))
        #expect(log.apply(move(west)) == .applied(index: 4, changed: false))
        #expect(log.apply(move(east)) == .applied(index: 5, changed: true))
        #expect(log.catalog.primary(of: shop)?.epoch.count == 3)
        #expect(log.catalog.changeIndex(of: shop) == 5)
        #expect(log.catalog.changeIndex(of: files) == 2)
    }

    @Test func theEpochAndTheIndexAreCompared() throws {
        var log = Log.withServices()
        let first = try #require(log.catalog.primary(of: shop)?.epoch)
        log.apply(move(west, first))
        let second = try #require(log.catalog.primary(of: shop)?.epoch)
        #expect(second == first.next)
        #expect(log.apply(move(east, first)) == .refused(.epochMismatch(current: second)))
        #expect(log.apply(move(east), expectedIndex: 1) == .refused(.indexMismatch(current: 3)))
        #expect(log.apply(move(east), expectedIndex: 3) == .applied(index: 6, changed: true))
    }

    @Test func refusesWhatCannotBePrimary() {
        var log = Log.withServices()
        #expect(log.apply(move(south)) == .refused(.unknownDatacenter(south, service: shop)))
        let files = CatalogChange.setPrimary(of: files, to: east, expectedEpoch: nil, cause: .operatorRequest)
        #expect(log.apply(files) == .refused(.noPrimary(ServiceName("files"))))
        log.apply(.setState(.draining, of: place(shop, west), until: nil))
        #expect(log.apply(move(west)) == .refused(.targetTakesNoTraffic(west, service: shop)))
        #expect(log.apply(move(west), force: true) == .applied(index: log.index, changed: true))
    }

    @Test func theFreezeStopsOnlyAutomaticChanges() {
        var log = Log.withServices()
        #expect(log.apply(.setFrozen(true)) == .applied(index: 3, changed: true))
        #expect(log.apply(move(west, nil, .automatic)) == .refused(.frozen))
        #expect(log.apply(move(west)) == .applied(index: 5, changed: true))
        log.apply(.setFrozen(false))
        #expect(log.apply(move(east, nil, .automatic)) == .applied(index: 7, changed: true))
    }

    @Test func registeringAgainKeepsThePrimaryWhileItIsListed() {
        var log = Log.withServices()
        log.apply(move(west))
        log.apply(.registerService(registration(shop, hasPrimary: true, datacenters: [south, east, west])))
        #expect(log.catalog.primary(of: shop)?.datacenter == west)
        #expect(log.catalog.primary(of: shop)?.epoch.count == 2)
    }

    @Test func aPrimaryThatVanishedFromTheSettingsMoves() {
        var log = Log.withServices()
        let fresh = CatalogChange.registerService(registration(shop, hasPrimary: true, datacenters: [south, west]))
        // Not because of the file of one node among several.
        #expect(log.apply(fresh) == .refused(.wouldStopPrimary(east, service: shop)))
        #expect(log.catalog.registration(of: shop)?.datacenters.contains { $0.name == east } == true)
        log.apply(fresh, force: true)
        #expect(log.catalog.primary(of: shop)?.datacenter == south)
        #expect(log.catalog.primary(of: shop)?.epoch.count == 2)
        guard
            case .primaryChanged(shop, from: east, to: south, _, cause: .removedFromSettings)? =
                log.catalog.events().last?.kind
        else {
            Issue.record("the event does not tell: \(log.catalog.events())")
            return
        }
    }

    @Test func aServiceThatReturnsMayHaveLostThePrimaryMeanwhile() {
        var log = Log.withServices()
        log.apply(.retireService(shop))
        let fresh = CatalogChange.registerService(registration(shop, hasPrimary: true, datacenters: [south, west]))
        #expect(log.apply(fresh) == .applied(index: 4, changed: true))
        #expect(log.catalog.primary(of: shop)?.datacenter == south)
    }

    @Test func aServiceThatReturnsGoesOnWithItsEpochAndOverrides() {
        var log = Log.withServices()
        log.apply(move(west))
        log.apply(.setWeight(5, of: place(shop, west), until: nil))
        log.apply(.retireService(shop))
        #expect(log.catalog.services == [files])
        #expect(log.catalog.primary(of: shop) == nil)
        #expect(log.apply(move(east)) == .refused(.unknownService(shop)))
        #expect(log.catalog.overrides.count == 1)
        log.apply(.registerService(registration(shop, hasPrimary: true)))
        #expect(log.catalog.primary(of: shop)?.datacenter == west)
        #expect(log.catalog.primary(of: shop)?.epoch.count == 2)
        #expect(log.catalog.weight(of: place(shop, west), otherwise: 1) == 5)
    }

    @Test(arguments: [
        (registration(shop, hasPrimary: true, datacenters: []), CatalogRefusal.noDatacenters(shop)),
        (registration(shop, hasPrimary: true, datacenters: [east, east]), .listedTwice("us-east")),
        (registration(shop, hasPrimary: true, weight: 300), .weightOutOfRange(300)),
    ])
    func refusesImpossibleRegistrations(_ registration: ServiceRegistration, _ refusal: CatalogRefusal) {
        var log = Log()
        #expect(log.apply(.registerService(registration)) == .refused(refusal))
        #expect(log.catalog.services.isEmpty)
    }

    @Test func epochsCarryTheFormation() throws {
        let epoch = Epoch(formation: 1_800_000_000)
        #expect(epoch.formation == 1_800_000_000 && epoch.count == 1)
        #expect(try #require(epoch.next) > epoch)
        #expect(epoch > Epoch(formation: 1_799_999_999))
        #expect(Epoch(formation: .max).value <= UInt64(Int64.max))
    }
}
