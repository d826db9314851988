// Owns the proof that a strict service is never written to in two places: what is in flight ends or is cut, what comes waits.
import Foundation
import Testing

extension EndToEnd {
    @Suite struct Switches {
        /// A backend that keeps `/slow` waiting for ever, makes an echo of upgrades, and answers others with its name and
        /// the epoch that it was told.
        private static func backend(_ name: String) throws -> ScriptedServer {
            try ScriptedServer { connection in
                while true {
                    let head = try connection.receive(through: "\r\n\r\n")
                    if head.contains(" /slow ") { while true { _ = try connection.receive() } }
                    if head.lowercased().contains("upgrade: websocket") {
                        try connection.send(
                            "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                                + "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n")
                        return try connection.echo()
                    }
                    let epoch = head.split(separator: "\r\n").first { $0.hasPrefix("Meridian-Epoch: ") } ?? ""
                    let body = "\(name) \(epoch)"
                    try connection.send("HTTP/1.1 200 OK\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)")
                }
            }
        }

        private static func group(
            _ inputOutput: InputOutput, failover: String
        ) throws -> (group: ProxyGroup, backends: [ScriptedServer]) {
            let backends = try ["one", "two", "three"].map(backend)
            let group = try ProxyGroup(inputOutput, backends: backends.map(\.port), failover: failover)
            try group.awaitLeader(seenBy: [0, 1, 2])
            for node in group.nodes {
                try eventually("a lease of \(node.name)") { try get(node.port).text.hasPrefix("one") }
            }
            return (group, backends)
        }

        /// What has not ended by the drain is cut: a request that may be repeated goes to the new primary and carries its
        /// epoch, another one fails, and a connection that became a tunnel ends.
        @Test(arguments: InputOutput.available)
        func whatIsInFlightIsCutAtTheDrain(_ inputOutput: InputOutput) throws {
            let (group, backends) = try Self.group(inputOutput, failover: "drain: 300ms,")
            defer { withExtendedLifetime(backends) {} }
            let port = group.nodes[1].port
            let repeatable = try Connection(port)
            try repeatable.send("GET /slow HTTP/1.1\r\nHost: shop\r\n\r\n")
            let unrepeatable = try Connection(port)
            try unrepeatable.send("POST /slow HTTP/1.1\r\nHost: shop\r\nContent-Length: 2\r\n\r\nhi")
            let tunnel = try Connection(port)
            try tunnel.send(
                "GET /chat HTTP/1.1\r\nHost: shop\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                    + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
            #expect(try tunnel.receiveResponse().status == 101)
            try eventually("three requests in flight") { try group.state(1)?.inFlight(at: "dc1") == 3 }
            let epoch = try #require(try group.state(1)?.services.first?.epoch)
            try group.change(0, "primary", "set", "shop", "dc2")
            #expect(try unrepeatable.receiveResponse().status == 502)
            #expect(throws: SocketError.self) {
                while try !tunnel.receive().isEmpty {}; throw SocketError.reset
            }
            try group.eventuallyAll([0, 1, 2], "the end of the switch") {
                $0.primary == "dc2" && $0.services.first?.epoch == epoch + 1
            }
            let answer = try get(port)
            #expect(answer.text.hasPrefix("two Meridian-Epoch: "), "\(answer.text)")
            // The backend keeps it waiting there, too; what counts is that it has come.
            try eventually("the repeated request at the new primary") { try group.state(1)?.inFlight(at: "dc2") == 1 }
            repeatable.close()
        }

        /// The only endpoint dies and comes back: requests wait for it, none fails.
        @Test(arguments: InputOutput.available)
        func requestsWaitWhileNoEndpointIsUsable(_ inputOutput: InputOutput) throws {
            let nginx = try #require(try Nginx.separate(["one"]).first)
            let checks =
                "health_check: { http: { path: /healthz }, interval: 100ms, timeout: 2s, fall: 1, rise: 1 },"
            let proxy = try Proxy(
                inputOutput, shop(checks + "datacenter_policy: primary,", ["west": endpoints([nginx.port])]))
            try eventually("the endpoint's health") { try proxy.state(of: "127.0.0.1:\(nginx.port)") == "up" }
            let load = Load(proxy.port)
            try load.progress(by: 100)
            try nginx.kill()
            try eventually("requests that wait") { try proxy.metric("meridian_held") ?? 0 > 0 }
            try nginx.restart()
            try load.progress(by: 500)
            let tally = try load.stop()
            #expect(tally.failures == [])
            #expect(tally.statuses.keys.sorted() == [200])
        }
    }
}
