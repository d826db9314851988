// Owns the proof that commands reach the routing table, soon and together.
import Balancing
import Catalog
import ControlPlane
import Routing
import Synchronization
import Testing
import Topology

@Suite struct Commands {
    private let service = ServiceName("shop")
    private var west: OverrideTarget { OverrideTarget(service: service, datacenter: World.west) }

    @Test func firstTableIsThereAtOnce() throws {
        let world = try World([World.shop()])
        let table = try #require(world.sink.last)
        #expect(table.services.map(\.name) == [service])
        #expect(try table.place(World.west).weight == 1)
        #expect(world.control.snapshot?.table === table)
        #expect(world.control.age < .seconds(5))
    }

    @Test func outcomeComesWithItsTable() throws {
        let world = try World([World.shop()])
        let seen = Latch<Int?>()
        let control = world.control
        let command = CatalogCommand(
            .setWeight(7, of: west, until: nil), author: "test", reason: "", proposedAt: ControlPlane.wallClock())
        let isAccepted = control.propose(command) { _ in
            seen.set(control.snapshot?.table.services.first?.datacenters.first?.weight)
        }
        #expect(isAccepted)
        #expect(try seen.wait() == 7)
        #expect(try #require(world.sink.last).place(World.west).weight == 7)
    }

    @Test func manyCommandsMakeFewTables() throws {
        let world = try World([World.shop()])
        let before = world.sink.all.count
        let last = Latch<Void>()
        let count = 2_000
        let left = Counter(count)
        // The control thread starts when all are there; if it were as quick as the test, it would answer each before
        // the next comes.
        let allAreThere = Latch<Void>()
        let first = CatalogCommand(
            .setWeight(1, of: west, until: nil), author: "test", reason: "", proposedAt: ControlPlane.wallClock())
        #expect(world.control.propose(first) { _ in try? allAreThere.wait() })
        for number in 0..<count {
            let command = CatalogCommand(
                .setWeight(1 + number % 200, of: west, until: nil), author: "test", reason: "",
                proposedAt: ControlPlane.wallClock())
            #expect(world.control.propose(command) { _ in if left.countDown() { last.set(()) } })
        }
        allAreThere.set(())
        try last.wait()
        #expect(world.sink.all.count - before < count / 4)
        #expect(try #require(world.sink.last).place(World.west).weight == 1 + (count - 1) % 200)
    }

    @Test func refusalChangesNoTable() throws {
        let world = try World([World.shop()])
        let before = world.sink.all.count
        let nowhere = OverrideTarget(service: service, datacenter: DatacenterName("north"))
        let outcome = try world.propose(.setWeight(2, of: nowhere, until: nil))
        #expect(outcome == .refused(.unknownDatacenter(DatacenterName("north"), service: service)))
        #expect(world.sink.all.count == before)
    }

    @Test func primaryMovesWithItsEpoch() throws {
        let world = try World([World.shop(policy: .primary)])
        #expect(world.sink.last?.services.first?.primary?.datacenter == World.west)
        let change = CatalogChange.setPrimary(
            of: service, to: World.east, expectedEpoch: nil, cause: .operatorRequest)
        guard case .applied(_, changed: true) = try world.propose(change) else {
            Issue.record("not applied")
            return
        }
        let primary = try #require(world.sink.last?.services.first?.primary)
        #expect(primary.datacenter == World.east)
        #expect(primary.epoch.count == 2)
    }

    @Test func overrideEndsByItself() throws {
        let world = try World([World.shop()])
        let until = UnixTime(milliseconds: ControlPlane.wallClock().milliseconds + 300)
        _ = try world.propose(.setWeight(9, of: west, until: until))
        // It must be in one of the tables; on a busy machine it may already have ended.
        #expect(try world.sink.all.contains { try $0.place(World.west).weight == 9 })
        let table = try world.await("the override ends") { $0.services[0].datacenters[0].weight == 1 }
        #expect(ControlPlane.wallClock() >= until)
        #expect(table.services[0].datacenters[0].weight == 1)
    }
}

/// Counts to zero over threads.
final class Counter: Sendable {
    private let left: Mutex<Int>
    init(_ count: Int) { left = Mutex(count) }

    /// Whether this was the last.
    func countDown() -> Bool {
        left.withLock { left in
            left -= 1
            return left == 0
        }
    }
}
