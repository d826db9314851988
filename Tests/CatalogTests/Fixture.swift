// Owns what the tests of the catalog share: two services and a short way to apply commands.
import Catalog
import Topology

let shop = ServiceName("shop")
let files = ServiceName("files")
let east = DatacenterName("us-east")
let west = DatacenterName("eu-west")
let south = DatacenterName("ap-south")

func address(_ text: String) -> Address { Address(text) ?? .unix(path: "/not-an-address") }

/// A registration with `endpoints` of weight 1 in each datacenter, at 10.<datacenter>.0.<endpoint>:80.
func registration(
    _ name: ServiceName, hasPrimary: Bool, datacenters: [DatacenterName] = [east, west], weight: Int = 1,
    endpoints: Int = 2, consistency: Consistency = .strict
) -> ServiceRegistration {
    ServiceRegistration(
        name: name, hasPrimary: hasPrimary,
        datacenters: datacenters.enumerated().map { place, datacenter in
            .init(
                name: datacenter, weight: weight,
                endpoints: (0..<endpoints).map { .init(address: address("10.\(place).0.\($0):80"), weight: 1) })
        }, consistency: consistency)
}

/// Applies commands at growing indexes, one second apart.
struct Log {
    var catalog: Catalog
    var index: UInt64 = 0
    var now = UnixTime(milliseconds: 1_000_000)
    var term: UInt64 = 0

    init(formation: UInt32 = 0) { catalog = Catalog(formation: formation) }

    /// `shop` follows a primary, `files` does not; both have two datacenters of two endpoints. Indexes 1 and 2.
    static func withServices(formation: UInt32 = 0) -> Log {
        var log = Log(formation: formation)
        log.apply(.registerService(registration(shop, hasPrimary: true)))
        log.apply(.registerService(registration(files, hasPrimary: false)))
        return log
    }

    @discardableResult
    mutating func apply(
        _ change: CatalogChange, key: String? = nil, expectedIndex: UInt64? = nil, force: Bool = false
    ) -> CatalogOutcome {
        index += 1
        now.milliseconds += 1_000
        return catalog.apply(
            CatalogCommand(
                change, author: "ada", reason: "test", proposedAt: now, idempotencyKey: key,
                expectedIndex: expectedIndex, force: force),
            at: index, term: term)
    }
}

func place(_ service: ServiceName, _ datacenter: DatacenterName, _ endpoint: String? = nil) -> OverrideTarget {
    OverrideTarget(service: service, datacenter: datacenter, endpoint: endpoint.map(address))
}
