// Tests what the node's log says of changes that the group agreed on, and of endpoints.
import Health
import Logging
import Routing
import Testing
import Topology

@testable import Catalog
@testable import ControlPlane

@Suite("Lines of the log")
struct LogLineTests {
    private let shop = ServiceName("shop")
    private let west = DatacenterName("west")
    private let east = DatacenterName("east")

    private struct Case {
        var kind: CatalogEvent.Kind
        var level: Logger.Level
        var message: String
        var metadata: [String: String]
    }

    private var cases: [Case] {
        let epoch = Epoch(formation: 7)
        let place = OverrideTarget(service: shop, datacenter: west)
        let endpoint = OverrideTarget(service: shop, datacenter: west, endpoint: .host("127.0.0.1", port: 8_000))
        let move = ["service": "shop", "from": "west", "to": "east", "epoch": "1"]
        return [
            Case(
                kind: .switchBegan(shop, from: west, to: east, epoch: epoch, cause: .automatic), level: .notice,
                message: "the primary begins to move", metadata: move.merging(["cause": "failover"]) { $1 }),
            Case(
                kind: .primaryChanged(shop, from: west, to: east, epoch: epoch, cause: .operatorRequest),
                level: .notice, message: "the primary moved", metadata: move.merging(["cause": "operator"]) { $1 }),
            Case(
                kind: .primaryChanged(shop, from: west, to: west, epoch: epoch, cause: .removedFromSettings),
                level: .notice, message: "the primary stays",
                metadata: [
                    "service": "shop", "from": "west", "to": "west", "epoch": "1",
                    "cause": "removed from the settings",
                ]),
            Case(
                kind: .stateChanged(place, to: .draining), level: .notice, message: "draining",
                metadata: ["service": "shop", "datacenter": "west"]),
            Case(
                kind: .stateChanged(endpoint, to: .active), level: .notice, message: "no longer draining",
                metadata: ["service": "shop", "datacenter": "west", "endpoint": "127.0.0.1:8000"]),
            Case(
                kind: .weightChanged(place, from: nil, to: 3), level: .info, message: "a weight was changed",
                metadata: ["service": "shop", "datacenter": "west", "from": "settings", "to": "3"]),
            Case(
                kind: .overrideExpired(place, .state), level: .notice, message: "an override expired",
                metadata: ["service": "shop", "datacenter": "west", "override": "state"]),
            Case(
                kind: .leaseChanged(from: .seconds(6), to: .seconds(9)), level: .notice,
                message: "leases have another length", metadata: ["from": "6.0 seconds", "to": "9.0 seconds"]),
            Case(
                kind: .leaseChanged(from: .seconds(6), to: .seconds(6)), level: .info,
                message: "leases have a length", metadata: ["from": "6.0 seconds", "to": "6.0 seconds"]),
            Case(
                kind: .frozen(true), level: .notice, message: "automatic moves of primaries are frozen", metadata: [:]),
            Case(
                kind: .memberForgotten(NodeID("n4")), level: .debug, message: "what a member said was forgotten",
                metadata: ["member": "n4"]),
        ]
    }

    @Test func everyChangeSaysWhatWhoAndWhy() {
        for each in cases {
            let event = CatalogEvent(
                index: 9, time: UnixTime(milliseconds: 1_000), author: "ada", reason: "work", kind: each.kind)
            let about = each.metadata.merging(["index": "9", "author": "ada", "reason": "work"]) { $1 }
            let line = event.logLine(now: UnixTime(milliseconds: 10_999))
            #expect(line == LogLine(each.level, each.message, about.mapValues { $0 }))
        }
    }

    /// A node that was away tells late what happened, and says so.
    @Test func lateNewsSaysHowLate() {
        let event = CatalogEvent(
            index: 1, time: UnixTime(milliseconds: 0), author: "ada", reason: "", kind: .frozen(false))
        let line = event.logLine(now: UnixTime(milliseconds: 83_900))
        #expect(line.metadata == ["index": "1", "author": "ada", "ago": "83 s"])
    }

    @Test func endpointsSayWhy() {
        let id = EndpointID(service: shop, datacenter: west, address: .host("127.0.0.1", port: 8_000))
        let about = ["service": "shop", "datacenter": "west", "endpoint": "127.0.0.1:8000"]
        let down = id.logLine(HealthTransition(from: .up, to: .down, reason: .status(500)))
        #expect(
            down
                == LogLine(
                    .warning, "an endpoint is down", about.merging(["reason": "status 500"]) { $1 }.mapValues(\.self)))
        let up = id.logLine(HealthTransition(from: .down, to: .up, reason: nil))
        #expect(up == LogLine(.notice, "an endpoint is up again", about.mapValues(\.self)))
        let first = id.logLine(HealthTransition(from: .unknown, to: .up, reason: nil))
        #expect(first.level == .debug)
        let second = Int64(1_000_000_000)
        let ejection = id.ejectionLine(
            Ejection(index: 0, until: Tick(nanoseconds: 40 * second), times: 2), errors: 5,
            now: Tick(nanoseconds: 10 * second))
        #expect(ejection.message == "an endpoint was ejected" && ejection.metadata["reason"] == "5 errors in a row")
        #expect(ejection.metadata["for"] == "30 s" && ejection.metadata["times"] == "2")
    }
}
