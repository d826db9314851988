// Tests how replication lag is read and asked for.
import HTTPTransport
import Proactor
import Testing
import Topology

@testable import Probing

@Suite struct LagTests {
    @Test(arguments: [
        ("0", 0), ("12", 12_000), ("1.25", 1_250), (" 0.5\r\n", 500), ("604800", 604_800_000), ("0.0010", 1),
        ("3.000000000999", 3_000),
    ])
    func secondsAreRead(_ text: String, _ milliseconds: Int) {
        let lag = LagText.read(Array(text.utf8))
        #expect(lag == .milliseconds(milliseconds), "\(text)")
    }

    @Test(arguments: ["", " ", "-1", "+1", "1.", ".5", "1,5", "1e3", "0x1", "1 2", "604801", "9999999", "NaN", "1.2.3"])
    func anythingElseIsNoLag(_ text: String) { #expect(LagText.read(Array(text.utf8)) == nil, "\(text)") }

    private static func answer(_ body: String, _ status: String = "200 OK") -> String {
        "HTTP/1.1 \(status)\r\nContent-Length: \(body.utf8.count)\r\nConnection: close\r\n\r\n\(body)"
    }

    private func target(_ servers: [SocketAddress]) -> LagTarget {
        LagTarget(
            service: ServiceName("shop"), path: "/lag?of=shop",
            endpoints: servers.map { .init(name: .host("db.example", port: $0.port), address: $0) })
    }

    /// The datacenter is as far behind as the endpoint that says the most; those that say nothing do not count.
    @Test func theGreatestAnswerCounts() throws {
        let place = try Place()
        let servers = try [Self.answer("0.2"), Self.answer("1.5\n"), Self.answer("9", "500 No"), Self.answer("soon")]
            .map { try ScriptedServer(place.loop, answers: [$0]) }
        var reports: [Duration] = []
        let sampler = LagSampler(place.loop) { _, lag in reports.append(lag) }
        sampler.update([target(servers.map(\.address) + [try place.deadAddress()])])
        place.turn { !reports.isEmpty }
        #expect(reports == [.milliseconds(1_500)])
        #expect(servers[0].received.hasPrefix("GET /lag?of=shop HTTP/1.1\r\n"))
        #expect(servers[0].received.contains("Host: db.example:\(servers[0].port)\r\n"))
        sampler.update([])
    }

    @Test func withoutAnAnswerThereIsNoSample() throws {
        let place = try Place()
        let good = try ScriptedServer(place.loop, answers: [Self.answer("1")])
        let bad = try ScriptedServer(place.loop, answers: [Self.answer("", "503 No")])
        var reports: [ServiceName] = []
        let sampler = LagSampler(place.loop) { service, _ in reports.append(service) }
        var other = target([good.address])
        other.service = ServiceName("files")
        sampler.update([target([bad.address]), other])
        place.turn { !reports.isEmpty && bad.accepted == 1 && bad.openConnections == 0 }
        #expect(reports == [ServiceName("files")])
        sampler.update([])
    }
}
