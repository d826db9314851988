// Owns the proof that traffic and checks change the routing table, and that a reload keeps what still holds.
import Catalog
import ControlPlane
import Health
import Proactor
import Routing
import Synchronization
import Testing
import Topology

@Suite struct Conditions {
    private func id(_ place: DatacenterName, _ address: Address) -> EndpointID {
        EndpointID(service: ServiceName("shop"), datacenter: place, address: address)
    }

    private var first: EndpointID { id(World.west, .host("127.0.0.1", port: 8000)) }

    private func isEjected(_ id: EndpointID) -> (RoutingTable) -> Bool {
        { $0.endpoint(id)?.condition.isEjected == true }
    }

    @Test func errorsInARowEjectAndComeBack() throws {
        var service = World.shop()
        service.outlier.baseEjection = .milliseconds(300)
        let world = try World([service])
        world.traffic.set(first, errors: 4)
        _ = try world.propose(.setFrozen(true))
        world.traffic.set(first, errors: 5)
        // On a busy machine it may already be back.
        _ = try world.await("the endpoint was ejected") { _ in world.sink.all.contains(where: isEjected(first)) }
        let ejected = try #require(world.sink.all.first(where: isEjected(first)))
        #expect(ejected.endpoint(first)?.effectiveWeight == 0)
        let back = try world.await("the endpoint is back") { !isEjected(first)($0) }
        #expect((back.endpoint(first)?.effectiveWeight ?? 0) > 0)
        #expect(world.traffic.errors(of: first) == 0)
    }

    @Test func reloadKeepsEjectionsOfThoseWhoStay() throws {
        let world = try World([World.shop()])
        world.traffic.set(first, errors: 9)
        _ = try world.await("the endpoint is ejected", isEjected(first))
        var more = World.shop(perPlace: 3)
        more.outlier.baseEjection = .seconds(60)
        #expect(try world.reload([more]) == [])
        #expect(isEjected(first)(try #require(world.sink.last)))
        // Gone and back: a fresh start.
        _ = try world.reload([])
        world.traffic.set(first, errors: 0)
        _ = try world.reload([World.shop()])
        #expect(!isEjected(first)(try #require(world.sink.last)))
    }

    @Test func checksDecideAndEndWithTheirSettings() throws {
        let listener = try ListeningSocket.bind(try #require(SocketAddress(numeric: .host("127.0.0.1", port: 0))))[0]
        defer { listener.close() }
        var check = HealthCheckPolicy()
        check.interval = .milliseconds(100)
        // Nobody listens there, and the system never assigns that port to anybody.
        let addresses: [Address] = [
            .host("127.0.0.1", port: listener.address.port), .host("127.77.6.1", port: 1),
        ]
        let world = try World([World.shop(perPlace: 1, check: check, addresses: addresses)])
        let alive = id(World.west, addresses[0])
        let gone = id(World.east, addresses[1])
        let table = try world.await("both have a verdict") {
            $0.endpoint(alive)?.condition.health == .up && $0.endpoint(gone)?.condition.health == .down
        }
        #expect(try table.place(World.east).healthyShare == 0)
        // Without checks nothing could ever bring it back: the verdict goes with them.
        _ = try world.reload([World.shop(perPlace: 1, check: nil, addresses: addresses)])
        #expect(world.sink.last?.endpoint(gone)?.condition.health == .unknown)
        _ = try world.reload([World.shop(perPlace: 1, check: check, addresses: addresses)])
        _ = try world.await("the verdict is back") { $0.endpoint(gone)?.condition.health == .down }
    }

    @Test func refusedConnectsOfTrafficCount() throws {
        let listener = try ListeningSocket.bind(try #require(SocketAddress(numeric: .host("127.0.0.1", port: 0))))[0]
        defer { listener.close() }
        var check = HealthCheckPolicy()
        check.interval = .milliseconds(100)
        let addresses: [Address] = [
            .host("127.0.0.1", port: listener.address.port), .host("127.0.0.2", port: listener.address.port),
        ]
        let world = try World([World.shop(perPlace: 1, check: check, addresses: addresses)])
        let alive = id(World.west, addresses[0])
        _ = try world.await("the first check") { $0.endpoint(alive)?.condition.health == .up }
        // At most one more check comes in time; what follows is caused by traffic.
        check.interval = .seconds(600)
        _ = try world.reload([World.shop(perPlace: 1, check: check, addresses: addresses)])
        world.traffic.set(alive, connectFailures: check.fall)
        _ = try world.await("traffic's word") { $0.endpoint(alive)?.condition.health == .down }
    }

    @Test func namesOfEndpointsAreLookedUp() throws {
        let listener = try ListeningSocket.bind(try #require(SocketAddress(numeric: .host("127.0.0.1", port: 0))))[0]
        defer { listener.close() }
        var check = HealthCheckPolicy()
        check.interval = .milliseconds(100)
        let named = Address.host("localhost", port: listener.address.port)
        let world = try World([
            World.shop(perPlace: 1, check: check, addresses: [named, .host("127.0.0.2", port: 1)])
        ])
        _ = try world.await("the named endpoint is up") { $0.endpoint(id(World.west, named))?.condition.health == .up }
    }
}
