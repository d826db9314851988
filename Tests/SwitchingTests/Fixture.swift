// Owns what the tests of switching share: names, services and a short way to write ticks.
import Catalog
import Switching
import Topology

let shop = ServiceName("shop")
let east = DatacenterName("us-east")
let west = DatacenterName("eu-west")
let south = DatacenterName("ap-south")

/// Milliseconds after the origin.
func at(_ milliseconds: Int64) -> Tick { Tick(nanoseconds: milliseconds * 1_000_000) }

func epoch(_ count: Int) -> Epoch {
    var epoch = Epoch(formation: 1_800_000_000)
    for _ in 1..<count { epoch = epoch.next ?? epoch }
    return epoch
}

func holder(_ name: String, _ incarnation: UInt64 = 1) -> LeaseHolder {
    LeaseHolder(id: NodeID(name), incarnation: incarnation)
}

/// The service `shop` in a state that entry `index` made.
func service(
    _ state: PrimaryState, index: UInt64, consistency: Consistency = .strict,
    name: ServiceName = shop
) -> ServiceSwitch {
    ServiceSwitch(service: name, state: state, consistency: consistency, index: index)
}
