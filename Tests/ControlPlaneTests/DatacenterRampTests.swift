// Tests which datacenters come back slowly, and how far they are.
import Balancing
import Catalog
import Failover
import Routing
import Testing
import Topology

@testable import ControlPlane

@Suite("Datacenters that come back")
struct DatacenterRampTests {
    private static let west = OverrideTarget(service: ServiceName("shop"), datacenter: World.west)

    private func at(_ seconds: Int64) -> Tick { Tick(nanoseconds: seconds * 1_000_000_000) }

    /// What each datacenter of the services gets when these have this many healthy endpoints of two.
    private func percents(
        _ ramps: inout DatacenterRamps, _ services: [ServiceDefinition], west: Int, east: Int = 2, at seconds: Int64
    ) -> [OverrideTarget: Int] {
        ramps.percents(services, now: at(seconds)) { _, datacenter in
            HealthShare(healthy: datacenter.name == World.west ? west : east, total: 2)
        }
    }

    @Test func whatWasDownComesBackInSteps() {
        var ramps = DatacenterRamps()
        let services = [World.shop()]
        #expect(percents(&ramps, services, west: 2, at: 0) == [:])
        #expect(ramps.nextStep == nil)
        #expect(percents(&ramps, services, west: 0, at: 10) == [:])
        #expect(percents(&ramps, services, west: 1, at: 20) == [Self.west: 10])
        #expect(ramps.nextStep == at(50))
        #expect(percents(&ramps, services, west: 2, at: 50) == [Self.west: 25])
        #expect(percents(&ramps, services, west: 2, at: 80) == [Self.west: 50])
        #expect(percents(&ramps, services, west: 2, at: 110) == [:])
        #expect(ramps.nextStep == nil)
    }

    /// Where one datacenter takes all there is nothing to share; with one only, nobody to make up for it.
    @Test func primariesAndOnlyOnesComeBackAtOnce() {
        var ramps = DatacenterRamps()
        var alone = World.shop()
        alone.datacenters.removeLast()
        for service in [World.shop(policy: .primary), alone] {
            _ = percents(&ramps, [service], west: 0, at: 0)
            #expect(percents(&ramps, [service], west: 2, at: 1) == [:])
        }
    }
}
