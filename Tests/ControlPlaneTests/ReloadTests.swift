// Owns the proof that new settings take effect as a whole, with one table, and leave overrides in force.
import Balancing
import Catalog
import ControlPlane
import Routing
import Testing
import Topology

@Suite struct Reloads {
    @Test func oneTableChangesEverything() throws {
        let world = try World([World.shop()])
        let before = world.sink.all.count
        var other = World.shop(weight: 5)
        other.name = ServiceName("other")
        #expect(try world.reload([World.shop(weight: 3), other]) == [])
        #expect(world.sink.all.count == before + 1)
        let table = try #require(world.sink.last)
        #expect(table.services.map(\.name.text) == ["shop", "other"])
        #expect(try table.place(World.west).weight == 3)
        #expect(table.services.allSatisfy { !$0.hasConfigurationDrift })
    }

    @Test func overridesAndEpochsOutliveIt() throws {
        let world = try World([World.shop(policy: .primary)])
        let name = ServiceName("shop")
        _ = try world.propose(
            .setPrimary(of: name, to: World.east, expectedEpoch: nil, cause: .operatorRequest))
        let west = OverrideTarget(service: name, datacenter: World.west)
        _ = try world.propose(.setWeight(9, of: west, until: nil))
        #expect(try world.reload([World.shop(policy: .primary, weight: 4, perPlace: 3)]) == [])
        let table = try #require(world.sink.last)
        #expect(try table.place(World.west).weight == 9)
        #expect(try table.place(World.west).endpoints.count == 3)
        #expect(table.services[0].primary?.datacenter == World.east)
        #expect(table.services[0].primary?.epoch.count == 2)
    }

    @Test func removedServiceIsRetired() throws {
        let world = try World([World.shop()])
        _ = try world.reload([])
        #expect(world.control.snapshot?.catalog.services == [])
        #expect(world.sink.last?.services.isEmpty == true)
        let target = OverrideTarget(service: ServiceName("shop"), datacenter: World.west)
        #expect(
            try world.propose(.setWeight(2, of: target, until: nil))
                == .refused(.unknownService(ServiceName("shop"))))
    }

    @Test func whatTheCatalogRefusesIsTold() throws {
        let world = try World([World.shop()])
        var empty = World.shop()
        empty.name = ServiceName("empty")
        empty.datacenters = []
        let refused = try world.reload([World.shop(), empty])
        #expect(refused.count == 1)
        #expect(refused.first?.contains("empty") == true)
        #expect(world.control.snapshot?.catalog.services == [ServiceName("shop")])
    }
}
