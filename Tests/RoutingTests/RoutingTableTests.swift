// Tests how settings, catalog and health become the table that workers route by.
import Balancing
import Catalog
import Health
import Routing
import Testing
import Topology

private let shop = ServiceName("shop")
private let east = DatacenterName("us-east")
private let west = DatacenterName("eu-west")

/// `e0`, `e1` in us-east; `w0`, `w1` in eu-west.
private func address(_ name: String) -> Address { .host(name, port: 80) }

private func datacenter(of name: String) -> DatacenterName { name.hasPrefix("e") ? east : west }

private func id(_ name: String) -> EndpointID {
    EndpointID(service: shop, datacenter: datacenter(of: name), address: address(name))
}

private func target(_ name: String) -> OverrideTarget {
    OverrideTarget(service: shop, datacenter: datacenter(of: name), endpoint: address(name))
}

private let wholeEast = OverrideTarget(service: shop, datacenter: east)

/// What is done to a service of two datacenters with two endpoints each, and the table that must follow.
struct TableCase: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var policy = DatacenterPolicyKind.weighted
    /// Weights in the settings that are not 1.
    var settings: [String: Int] = [:]
    var changes: [CatalogChange] = []
    var conditions: [String: EndpointCondition] = [:]
    var nearestFirst: [DatacenterName] = []
    var local: DatacenterName?
    var slowStart = Duration.zero
    /// Shares of us-east and eu-west in percent.
    var shares: [Int]
    var panics = [false, false]
    /// Effective weights of e0, e1, w0, w1.
    var weights: [Int]

    func table() throws -> RoutingTable {
        var service = ServiceDefinition(name: shop)
        service.datacenterPolicy = policy
        service.slowStart.window = slowStart
        service.datacenters = [("e", east), ("w", west)].map { letter, name in
            DatacenterDefinition(
                name: name, weight: settings[letter] ?? 1,
                endpoints: [0, 1].map { number in
                    let name = "\(letter)\(number)"
                    return EndpointDefinition(address: address(name), weight: settings[name] ?? 1)
                })
        }
        var catalog = Catalog()
        let layout = try RoutingLayout(services: [service], listeners: [])
        let registration = CatalogChange.registerService(layout.registrations[0])
        for (index, change) in ([registration] + changes).enumerated() {
            let time = UnixTime(milliseconds: 1)
            let command = CatalogCommand(change, author: "ada", proposedAt: time, force: true)
            let outcome = catalog.apply(command, at: UInt64(index + 1))
            #expect(outcome == .applied(index: UInt64(index + 1), changed: true))
        }
        var inputs = RoutingTable.Inputs(catalog: catalog, nearestFirst: nearestFirst, local: local)
        for (name, condition) in conditions { inputs.conditions[id(name)] = condition }
        return RoutingTable(layout, inputs, version: 1, now: Tick(nanoseconds: 10_000_000_000))
    }
}

private let down = EndpointCondition(health: .down)
private let ejected = EndpointCondition(health: .up, isEjected: true)

@Suite struct RoutingTableTests {
    @Test(arguments: [
        TableCase(
            testDescription: "endpoints without a verdict take traffic", shares: [50, 50],
            weights: [256, 256, 256, 256]),
        TableCase(
            testDescription: "weights of the settings", settings: ["e": 3, "w1": 2], shares: [75, 25],
            weights: [256, 256, 256, 512]),
        TableCase(
            testDescription: "a datacenter's weight overridden", settings: ["e": 3],
            changes: [.setWeight(1, of: wholeEast, until: nil)], shares: [50, 50], weights: [256, 256, 256, 256]),
        TableCase(
            testDescription: "an endpoint's weight overridden",
            changes: [.setWeight(256, of: target("e1"), until: nil)],
            shares: [50, 50], weights: [256, 65_536, 256, 256]),
        TableCase(
            testDescription: "a datacenter at 0", changes: [.setWeight(0, of: wholeEast, until: nil)],
            shares: [0, 100],
            weights: [256, 256, 256, 256]),
        TableCase(
            testDescription: "a drained datacenter", changes: [.setState(.draining, of: wholeEast, until: nil)],
            shares: [0, 100], weights: [256, 256, 256, 256]),
        TableCase(
            testDescription: "an endpoint at 0 takes nothing and counts for nothing", settings: ["e0": 0],
            conditions: ["e0": down], shares: [50, 50], weights: [0, 256, 256, 256]),
        TableCase(
            testDescription: "a drained endpoint likewise",
            changes: [.setState(.draining, of: target("e0"), until: nil)],
            shares: [50, 50], weights: [0, 256, 256, 256]),
        TableCase(
            testDescription: "half of a datacenter down: 70 % of its share", conditions: ["e0": down],
            shares: [41, 59],
            weights: [0, 256, 256, 256]),
        TableCase(
            testDescription: "an ejected endpoint is as good as down", conditions: ["e0": ejected], shares: [41, 59],
            weights: [0, 256, 256, 256]),
        TableCase(
            testDescription: "a datacenter down while the other can carry all", conditions: ["e0": down, "e1": down],
            shares: [0, 100], weights: [0, 0, 256, 256]),
        TableCase(
            testDescription: "panic: the rest cannot carry all", conditions: ["e0": down, "e1": down, "w0": down],
            shares: [0, 100], panics: [true, false], weights: [256, 256, 0, 256]),
        TableCase(
            testDescription: "all down: all are tried",
            conditions: ["e0": down, "e1": down, "w0": down, "w1": down], shares: [50, 50], panics: [true, true],
            weights: [256, 256, 256, 256]),
        TableCase(
            testDescription: "all down: drained and 0 stay out", settings: ["w0": 0],
            changes: [.setState(.draining, of: target("e0"), until: nil)],
            conditions: ["e0": down, "e1": down, "w0": down, "w1": down], shares: [50, 50], panics: [true, true],
            weights: [0, 256, 0, 256]),
        TableCase(
            testDescription: "everything at 0", settings: ["e": 0, "w": 0], shares: [0, 0],
            weights: [256, 256, 256, 256]),
        TableCase(
            testDescription: "a primary takes all", policy: .primary, settings: ["w": 9], shares: [100, 0],
            weights: [256, 256, 256, 256]),
        TableCase(
            testDescription: "a moved primary", policy: .primary,
            changes: [.setPrimary(of: shop, to: west, expectedEpoch: nil, cause: .operatorRequest)], shares: [0, 100],
            weights: [256, 256, 256, 256]),
        TableCase(
            testDescription: "a primary that is down does not spill", policy: .primary,
            conditions: ["e0": down, "e1": down], shares: [100, 0], panics: [true, false],
            weights: [256, 256, 256, 256]),
        TableCase(
            testDescription: "a drained primary takes nothing, nor does the other", policy: .primary,
            changes: [.setState(.draining, of: wholeEast, until: nil)], shares: [0, 0], weights: [256, 256, 256, 256]),
        TableCase(
            testDescription: "nearest: as listed", policy: .nearest, shares: [100, 0], weights: [256, 256, 256, 256]),
        TableCase(
            testDescription: "nearest: the local one without measurements", policy: .nearest, local: west,
            shares: [0, 100], weights: [256, 256, 256, 256]),
        TableCase(
            testDescription: "nearest: as measured", policy: .nearest, nearestFirst: [DatacenterName("x"), west, east],
            local: east, shares: [0, 100], weights: [256, 256, 256, 256]),
        TableCase(
            testDescription: "nearest: what the first cannot take", policy: .nearest, conditions: ["e0": down],
            shares: [70, 30], weights: [0, 256, 256, 256]),
        TableCase(
            testDescription: "slow start: 10 %, half way, over, never down",
            conditions: [
                "e0": EndpointCondition(health: .up, upSince: Tick(nanoseconds: 10_000_000_000)),
                "e1": EndpointCondition(health: .up, upSince: Tick(nanoseconds: 5_000_000_000)),
                "w0": EndpointCondition(health: .up, upSince: .zero), "w1": EndpointCondition(health: .up),
            ], slowStart: .seconds(10), shares: [50, 50], weights: [25, 140, 256, 256]),
    ])
    func follows(_ row: TableCase) throws {
        let table = try row.table()
        let service = try #require(table.service(shop))
        #expect(service.datacenters.map { ($0.share.share * 100 + 32_768) / 65_536 } == row.shares)
        #expect(service.shares == service.datacenters.map(\.share))
        #expect(service.datacenters.map(\.share.panics) == row.panics)
        #expect(service.datacenters.flatMap(\.weights) == row.weights)
        #expect(service.datacenters.flatMap(\.endpoints).map(\.effectiveWeight) == row.weights)
    }

    @Test func showsPrimaryStatesAndHealth() throws {
        let row = TableCase(
            testDescription: "", policy: .primary,
            changes: [
                .setPrimary(of: shop, to: west, expectedEpoch: nil, cause: .operatorRequest),
                .setState(.draining, of: wholeEast, until: nil), .setWeight(3, of: target("w0"), until: nil),
            ], conditions: ["w0": EndpointCondition(health: .up), "w1": down], shares: [], weights: [])
        let table = try row.table()
        let service = try #require(table.service(shop))
        #expect(table.catalogIndex == 4)
        #expect(service.primary?.epoch.count == 2 && service.primaryIndex == 1)
        #expect(service.datacenters.map(\.state) == [.draining, .active])
        #expect(service.datacenters[1].healthyShare == 0.75)
        #expect(service.datacenters[1].endpoints.map(\.weight) == [3, 1])
        #expect(service.datacenters[1].endpoints.map(\.condition.health) == [.up, .down])
        #expect(service.datacenters[1].endpoints[0].id == id("w0"))
    }

    @Test func tellsWhenTheGroupKnowsTheServiceOtherwise() throws {
        let row = TableCase(testDescription: "", shares: [], weights: [])
        #expect(try row.table().service(shop)?.hasConfigurationDrift == false)
        var other = row
        let registration = ServiceRegistration(
            name: shop, hasPrimary: true, datacenters: [.init(name: east, weight: 1, endpoints: [])])
        other.changes = [.registerService(registration)]
        #expect(try other.table().service(shop)?.hasConfigurationDrift == true)
    }

    @Test func tellsWhenASlowStartMovesOn() throws {
        var row = TableCase(testDescription: "", slowStart: .seconds(20), shares: [], weights: [])
        #expect(try row.table().nextRamp == nil)
        row.conditions["e0"] = EndpointCondition(health: .up, upSince: Tick(nanoseconds: 9_500_000_000))
        row.conditions["e1"] = EndpointCondition(health: .up, upSince: Tick(nanoseconds: 9_700_000_000))
        #expect(try row.table().nextRamp == Tick(nanoseconds: 10_500_000_000))
        row.conditions["e0"] = ejected
        #expect(try row.table().nextRamp == Tick(nanoseconds: 10_700_000_000))
    }

    @Test func identitiesDependOnNothingButTheNames() throws {
        let first = try #require(try TableCase(testDescription: "", shares: [], weights: []).table().service(shop))
        let row = TableCase(testDescription: "", settings: ["e0": 9], conditions: ["e1": down], shares: [], weights: [])
        let second = try #require(try row.table().service(shop))
        #expect(first.identities == second.identities)
        for (one, other) in zip(first.datacenters, second.datacenters) {
            #expect(one.identities == other.identities && one.endpoints.map(\.id) == other.endpoints.map(\.id))
        }
        #expect(first.datacenters[0].identities[0] == StableHash.of("e0:80"))
        #expect(Set(first.datacenters.flatMap(\.identities)).count == 4)
    }
}
