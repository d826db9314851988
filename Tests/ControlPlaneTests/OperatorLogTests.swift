// Tests that a control plane logs what operators do and what happens to endpoints, once, and only a little of a flood.
import Balancing
import Catalog
import ControlPlane
import Foundation
import Health
import Logging
import Proactor
import Routing
import Synchronization
import Testing
import Topology

/// Keeps all lines.
private final class Lines: Sendable {
    private let kept = Mutex<[String]>([])
    var all: [String] { kept.withLock { $0 } }

    func logger(_ level: Logger.Level = .info) -> Logger {
        Logger(label: "test") { _ in Handler(lines: self, logLevel: level) }
    }

    /// Waits, ten seconds at most, for a line that has all of these words.
    func await(_ words: String...) throws -> String {
        let end = ContinuousClock.now + .seconds(10)
        while ContinuousClock.now < end {
            if let line = all.first(where: { line in words.allSatisfy(line.contains) }) { return line }
            Thread.sleep(forTimeInterval: 0.002)
        }
        Issue.record("in vain: \(words) in \(all)")
        throw Timeout()
    }

    private struct Handler: LogHandler {
        let lines: Lines
        var metadata: Logger.Metadata = [:]
        var logLevel: Logger.Level

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let pairs = (event.metadata ?? [:]).map { "\($0.key)=\($0.value)" }.sorted().joined(separator: " ")
            lines.kept.withLock { $0.append("\(event.level) \(event.message) \(pairs)") }
        }
    }
}

@Suite("The log of operators")
struct OperatorLogTests {
    private let target = OverrideTarget(service: ServiceName("shop"), datacenter: World.east)

    @Test func changesAreToldOnceWithAuthorAndIndex() throws {
        let lines = Lines()
        let world = try World([World.shop(policy: .primary)], log: lines.logger())
        // What the settings define at the start is not logged.
        #expect(lines.all == [])
        _ = try world.propose(.setState(.draining, of: target, until: nil))
        _ = try world.propose(.setState(.draining, of: target, until: nil))
        _ = try world.propose(.setState(.active, of: target, until: nil))
        _ = try world.propose(
            .setPrimary(of: target.service, to: World.east, expectedEpoch: nil, cause: .operatorRequest))
        _ = try lines.await("the primary moved")
        #expect(
            lines.all == [
                "notice draining author=test datacenter=east index=2 service=shop",
                "notice no longer draining author=test datacenter=east index=4 service=shop",
                "notice the primary moved author=test cause=operator epoch=2 from=west index=5 service=shop to=east",
            ])
    }

    @Test func endpointsAndServicesThatFailAreTold() throws {
        let dead = try ListeningSocket.bind(try #require(SocketAddress(numeric: .host("127.0.0.1", port: 0))))[0]
        dead.close()
        var check = HealthCheckPolicy()
        check.interval = .milliseconds(100)
        let lines = Lines()
        let addresses = [
            Address.host("127.0.0.1", port: dead.address.port), .host("127.0.0.2", port: dead.address.port),
        ]
        let world = try World([World.shop(perPlace: 1, check: check, addresses: addresses)], log: lines.logger())
        _ = try lines.await("warning an endpoint is down", "datacenter=west", "reason=connection refused")
        _ = try lines.await("warning an endpoint is down", "datacenter=east")
        _ = try lines.await("error a service has no usable endpoint left", "service=shop")
        let listener = try ListeningSocket.bind(dead.address)[0]
        defer { listener.close() }
        _ = try lines.await("notice an endpoint is up again", "endpoint=127.0.0.1:\(dead.address.port)")
        _ = try lines.await("notice a service has a usable endpoint again")
        withExtendedLifetime(world) {}
    }

    @Test func ejectionsAreTold() throws {
        let lines = Lines()
        var service = World.shop()
        service.outlier.baseEjection = .milliseconds(200)
        let world = try World([service], log: lines.logger())
        let id = EndpointID(service: service.name, datacenter: World.west, address: .host("127.0.0.1", port: 8_000))
        world.traffic.set(id, errors: 5)
        _ = try lines.await("warning an endpoint was ejected", "reason=5 errors in a row")
        _ = try lines.await("notice an endpoint was readmitted", "reason=its ejection is over")
    }

    /// Thousands of changes a second give some dozens of lines and the count of the rest; a move among them is logged.
    @Test func aStormIsCounted() throws {
        let lines = Lines()
        let world = try World([World.shop(policy: .primary)], log: lines.logger())
        let last = Latch<Bool>()
        for weight in 0..<2_000 {
            let command = CatalogCommand(
                .setWeight(1 + weight % 200, of: target, until: nil), author: "bulk",
                proposedAt: ControlPlane.wallClock())
            while !world.control.propose(command, completion: { _ in if weight == 1_999 { last.set(true) } }) {}
        }
        _ = try last.wait()
        _ = try world.propose(
            .setPrimary(of: target.service, to: World.east, expectedEpoch: nil, cause: .operatorRequest))
        _ = try lines.await("the primary moved")
        let rest = try lines.await("lines were left out", "subject=changes")
        let told = lines.all.count { $0.contains("a weight was changed") }
        #expect(told >= 32 && told < 100)
        let counted = lines.all.reduce(0) { sum, line in
            let count = line.split(separator: " ").first { $0.hasPrefix("left_out_before=") || $0.hasPrefix("count=") }
            return sum + (count.flatMap { Int($0.split(separator: "=")[1]) } ?? 0)
        }
        #expect(told + counted == 2_000, "\(rest)")
    }
}
