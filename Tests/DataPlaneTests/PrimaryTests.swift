// Tests what the gate of a service that follows a primary lets through on a worker: requests, bodies, tunnels.
import Balancing
import Catalog
import Proactor
import Routing
import Switching
import Synchronization
import Testing
import Topology

@testable import DataPlane

private let get = "GET /a HTTP/1.1\r\nHost: h\r\n\r\n"
private let ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
private let toEast = GateOrder.Mode.serve(eastCoast, firstEpoch)
private let toWest = GateOrder.Mode.serve(westCoast, firstEpoch.next ?? firstEpoch)
private let firstLine = "Meridian-Epoch: \(firstEpoch.value)\r\n"
private let secondLine = "Meridian-Epoch: \(firstEpoch.value + 1)\r\n"

@Suite("Primaries on a worker") struct PrimaryTests {
    @Test(arguments: scenarios, IOKind.allCases) func holds(_ scenario: ProxyScenario, _ io: IOKind) {
        #expect(scenario.violations(io) == [])
    }

    static let scenarios = holding + outages + permits + tunnels

    private static let holding = [
        ProxyScenario("a held request goes on with the epoch of the order that lets it", isGated: true) { site in
            let client = try site.client(sending: get)
            site.expect(site.counters.holding.load(ordering: .relaxed), is: 1)
            site.expect(site.eastern.accept() == nil, "not held")
            site.order(toEast)
            let backend = try site.accept(site.eastern)
            let request = site.wait(backend, for: "\r\n\r\n")
            site.expect(request.contains(firstLine), request)
            site.expect(site.counters.holding.load(ordering: .relaxed), is: 0)
            site.answer(backend, ok)
            site.wait(client, for: "\r\n\r\nok")
        },
        ProxyScenario("a GET that is cut is sent to the next primary, with its epoch", isGated: true) { site in
            site.order(toEast)
            let client = try site.client(sending: get)
            let backend = try site.accept(site.eastern)
            site.expect(site.wait(backend, for: "\r\n\r\n").contains(firstLine), backend.text)
            site.order(.hold(.switching), cuts: true)
            site.waitForEnd(backend)
            site.expect(backend.isReset, "the old primary may take it for whole")
            site.expect(site.shared.gates.cell(of: store).confirmed, is: 2)
            site.order(toWest)
            let second = try site.accept(site.western)
            let request = site.wait(second, for: "\r\n\r\n")
            site.expect(request.contains(secondLine) && !request.contains(firstLine), request)
            site.answer(second, ok)
            site.wait(client, for: "\r\n\r\nok")
            site.expect(site.counters.cut.load(ordering: .relaxed), is: 1)
        },
        ProxyScenario("a PUT that is cut is sent to the next primary with its body", isGated: true) { site in
            site.order(toEast)
            let client = try site.client(sending: "PUT /a HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nhello")
            let backend = try site.accept(site.eastern)
            site.wait(backend, for: "hello")
            site.order(.hold(.switching), cuts: true)
            client.send("world")
            site.settle()
            site.order(toWest)
            let second = try site.accept(site.western)
            site.wait(second, for: "world")
            site.expect(second.text.contains(secondLine), second.text)
            site.expect(second.text.hasSuffix("\r\n\r\nhelloworld"), second.text)
            backend.read()
            site.expect(!backend.text.contains("world"), "the old primary got the rest")
            site.answer(second, ok)
            site.wait(client, for: "\r\n\r\nok")
        },
        ProxyScenario("a POST that is cut is 502", isGated: true) { site in
            site.order(toEast)
            let client = try site.client(sending: "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello")
            let backend = try site.accept(site.eastern)
            site.wait(backend, for: "hello")
            site.order(.hold(.switching), cuts: true)
            site.expect(site.wait(client, for: "\r\n\r\n").hasPrefix("HTTP/1.1 502 "), client.text)
            site.waitForEnd(backend)
            site.expect(backend.isReset, "the old primary may take it for whole")
            site.order(toWest)
            site.expect(site.western.accept() == nil, "sent again")
        },
        ProxyScenario("who leaves while it is held does not wait on", isGated: true) { site in
            let client = try site.client(sending: get)
            site.expect(site.counters.holding.load(ordering: .relaxed), is: 1)
            client.reset()
            site.settle()
            site.expect(site.counters.holding.load(ordering: .relaxed), is: 0)
            site.order(toEast)
            site.expect(site.eastern.accept() == nil, "sent for nobody")
        },
        ProxyScenario("who has been held too long is 503", isGated: true) { site in
            site.order(.hold(.switching))
            let client = try site.client(sending: get)
            site.pass(.milliseconds(14_900))
            client.read()
            site.expect(client.text, is: "")
            site.pass(.milliseconds(200))
            site.pass(.milliseconds(200))
            site.expect(site.wait(client, for: "\r\n\r\n").hasPrefix("HTTP/1.1 503 "), client.text)
        },
        ProxyScenario("an order is confirmed when nothing older is in flight", isGated: true) { site in
            site.order(toEast)
            let client = try site.client(sending: get)
            let backend = try site.accept(site.eastern)
            site.wait(backend, for: "\r\n\r\n")
            site.order(.hold(.switching))
            site.expect(site.shared.gates.cell(of: store).confirmed, is: 1)
            site.answer(backend, ok)
            site.wait(client, for: "\r\n\r\nok")
            site.expect(site.shared.gates.cell(of: store).confirmed, is: 2)
        },
        ProxyScenario("half a request that was answered early does not reach the old primary later", isGated: true) {
            site in
            site.order(toEast)
            let client = try site.client(sending: "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nhello")
            let backend = try site.accept(site.eastern)
            site.wait(backend, for: "hello")
            site.answer(backend, ok)
            site.wait(client, for: "\r\n\r\nok")
            site.waitForEnd(backend)
            site.expect(backend.isReset, "the connection ends as if all were in order")
        },
    ]

    private static let outages = [
        ProxyScenario("a primary that refuses is waited for, but not for ever", isGated: true) { site in
            site.holdBudget = .seconds(5)
            site.eastern.close()
            site.order(toEast)
            let client = try site.client(sending: get)
            site.expect(site.counters.holding.load(ordering: .relaxed), is: 1)
            site.pass(.milliseconds(4900))
            site.expect(site.counters.holding.load(ordering: .relaxed), is: 1)
            site.pass(.milliseconds(200))
            site.pass(.milliseconds(200))
            site.expect(site.wait(client, for: "\r\n\r\n").hasPrefix("HTTP/1.1 502 "), client.text)
        },
        ProxyScenario("who waits for a primary that refuses goes to the next one", isGated: true) { site in
            site.holdBudget = .seconds(5)
            site.eastern.close()
            site.order(toEast)
            let client = try site.client(sending: "PUT /a HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello")
            site.expect(site.counters.holding.load(ordering: .relaxed), is: 1)
            site.order(toWest)
            let backend = try site.accept(site.western)
            site.wait(backend, for: "hello")
            site.expect(backend.text.contains(secondLine), backend.text)
            site.expect(backend.text.hasSuffix("\r\n\r\nhello"), backend.text)
            site.answer(backend, ok)
            site.wait(client, for: "\r\n\r\nok")
        },
        ProxyScenario("what went through no gate is cut when the service gets a primary") { site in
            let client = try site.client(sending: "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello")
            let backend = try site.accept(site.eastern)
            site.wait(backend, for: "hello")
            let session = try site.client(.tcp)
            let other = try site.accept(site.eastern)
            site.service.datacenterPolicy = .primary
            try site.publish()
            site.expect(site.wait(client, for: "\r\n\r\n").hasPrefix("HTTP/1.1 502 "), client.text)
            site.waitForEnd(backend)
            site.expect(backend.isReset, "it may be taken for whole")
            site.waitForEnd(session)
            site.waitForEnd(other)
            site.expect(site.counters.cut.load(ordering: .relaxed), is: 2)
        },
        ProxyScenario("a session waits for its primary, and is not received from meanwhile", isGated: true) { site in
            let client = try site.client(sending: "hello", to: .tcp)
            site.expect(site.counters.holding.load(ordering: .relaxed), is: 1)
            site.order(toEast)
            site.wait(try site.accept(site.eastern), for: "hello")
            site.expect(site.counters.holding.load(ordering: .relaxed), is: 0)
            client.read()
            site.expect(!client.isOver, "cut")
        },
    ]

    private static let permits = [
        ProxyScenario("no head is written once the lease is over", isGated: true) { site in
            site.order(toEast, writeFor: .zero)
            let client = try site.client(sending: "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n")
            let backend = try site.accept(site.eastern)
            site.waitForEnd(backend)
            site.expect(backend.text, is: "")
            site.expect(site.wait(client, for: "\r\n\r\n").hasPrefix("HTTP/1.1 502 "), client.text)
        },
        ProxyScenario("no more of a body is written once the lease is over", isGated: true) { site in
            site.order(toEast, writeFor: .seconds(5))
            let client = try site.client(sending: "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nhello")
            let backend = try site.accept(site.eastern)
            site.wait(backend, for: "hello")
            site.clock.advance(by: .seconds(6))
            client.send("world")
            site.waitForEnd(backend)
            site.expect(backend.text.hasSuffix("hello"), backend.text)
            site.expect(backend.isReset, "half a request looks whole")
            site.expect(site.wait(client, for: "\r\n\r\n").hasPrefix("HTTP/1.1 502 "), client.text)
        },
        ProxyScenario("a connection that is used again asks by the order of its request", isGated: true) { site in
            site.order(toEast)
            let client = try site.client(sending: get)
            let backend = try site.accept(site.eastern)
            site.wait(backend, for: "\r\n\r\n")
            site.answer(backend, ok)
            site.wait(client, for: "\r\n\r\nok")
            _ = backend.take()
            site.order(.hold(.switching))
            site.order(.serve(eastCoast, firstEpoch.next ?? firstEpoch))
            client.send(get)
            site.expect(site.wait(backend, for: "\r\n\r\n").contains(secondLine), backend.text)
            site.answer(backend, ok)
            _ = backend.take()
            site.order(.serve(eastCoast, firstEpoch.next ?? firstEpoch), writeFor: .zero)
            client.send(get)
            site.settle()
            backend.read()
            site.expect(backend.text, is: "")
        },
        ProxyScenario("no more of a tunnel is written once the lease is over", isGated: true) { site in
            site.order(toEast, writeFor: .seconds(5))
            let client = try site.client(.tcp)
            client.send("hello")
            let backend = try site.accept(site.eastern)
            site.wait(backend, for: "hello")
            site.clock.advance(by: .seconds(6))
            client.send("world")
            site.waitForEnd(backend)
            site.expect(backend.text, is: "hello")
            site.expect(backend.isReset, "cut looks like an end")
            site.waitForEnd(client)
            site.expect(client.isReset, "cut looks like an end")
        },
    ]

    private static let tunnels = [
        ProxyScenario("a session is cut when its primary is none any more", isGated: true) { site in
            site.order(toEast)
            let client = try site.client(.tcp)
            let backend = try site.accept(site.eastern)
            client.send("hello")
            site.wait(backend, for: "hello")
            site.expect(site.endpoint().inFlight.load(ordering: .relaxed), is: 1)
            site.order(.hold(.switching))
            site.expect(site.shared.gates.cell(of: store).confirmed, is: 1)
            site.order(.hold(.switching), cuts: true)
            site.waitForEnd(client)
            site.waitForEnd(backend)
            site.expect(site.shared.gates.cell(of: store).confirmed, is: 3)
        },
        ProxyScenario("a tunnel ends for each side when all is out") { site in
            let client = try site.client(.tcp)
            let backend = try site.accept(site.eastern)
            let sent = site.fill(client, with: 19_000_000)
            client.finish()
            site.settle()
            site.waitForEnd(backend)
            site.expect(backend.received.count, is: sent)
            site.expect(backend.isEnded, "cut")
            site.expect(site.endpoint().connections.load(ordering: .relaxed), is: 1)
            backend.send("bye")
            backend.finish()
            site.waitForEnd(client)
            site.expect(client.text, is: "bye")
            site.settle()
            site.expect(site.endpoint().connections.load(ordering: .relaxed), is: 0)
            site.expect(site.shared.counters.process.connections.load(ordering: .relaxed), is: 0)
        },
        ProxyScenario("a tunnel without a byte either way ends") { site in
            let client = try site.client(.tcp)
            let backend = try site.accept(site.eastern)
            site.pass(.seconds(3599))
            client.send("x")
            site.wait(backend, for: "x")
            site.pass(.seconds(3599))
            site.expect(site.endpoint().connections.load(ordering: .relaxed), is: 1)
            site.pass(.seconds(2))
            site.waitForEnd(client)
            site.waitForEnd(backend)
        },
        ProxyScenario("an upgrade keeps what both sides have said early") { site in
            let client = try site.client(
                sending: "GET /a HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: websocket\r\n"
                    + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\nfrom-client")
            let backend = try site.accept(site.eastern)
            site.wait(backend, for: "\r\n\r\n")
            site.answer(
                backend,
                "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n"
                    + "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\nfrom-backend")
            site.expect(site.wait(client, for: "from-backend").hasPrefix("HTTP/1.1 101 "), client.text)
            site.wait(backend, for: "from-client")
            site.expect(backend.text.hasSuffix("\r\n\r\nfrom-client"), backend.text)
            site.expect(site.shared.counters.process.active.load(ordering: .relaxed), is: 1)
        },
        ProxyScenario("a backend that ends right behind 101 is passed on to its end") { site in
            let client = try site.client(
                sending: "GET /a HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: websocket\r\n"
                    + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
            let backend = try site.accept(site.eastern)
            site.wait(backend, for: "\r\n\r\n")
            backend.send(
                "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n"
                    + "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\nbye")
            backend.finish()
            site.waitForEnd(client)
            site.expect(client.isEnded, "cut")
            site.expect(client.text.hasSuffix("\r\n\r\nbye"), client.text)
            client.send("more")
            client.finish()
            site.waitForEnd(backend)
            site.wait(backend, for: "more")
            site.settle()
            site.expect(site.shared.counters.process.active.load(ordering: .relaxed), is: 0)
        },
        ProxyScenario("a session that ends before its backend is connected reaches it whole", isGated: true) { site in
            let client = try site.client(sending: "hello", to: .tcp)
            client.finish()
            site.settle()
            site.order(toEast)
            let backend = try site.accept(site.eastern)
            site.waitForEnd(backend)
            site.expect(backend.text, is: "hello")
            site.expect(backend.isEnded, "cut")
        },
        ProxyScenario("a session whose client leaves while it is held does not wait on", isGated: true) { site in
            let client = try site.client(sending: "hello", to: .tcp)
            site.expect(site.counters.holding.load(ordering: .relaxed), is: 1)
            client.reset()
            site.settle()
            site.order(toEast)
            site.expect(site.counters.holding.load(ordering: .relaxed), is: 0)
            site.settle()
            site.expect(site.endpoint().inFlight.load(ordering: .relaxed), is: 0)
        },
        ProxyScenario("a session whose backend cannot be reached is cut") { site in
            site.eastern.close()
            let client = try site.client(.tcp)
            site.waitForEnd(client)
            site.expect(client.isReset, "a refusal looks like an end")
        },
    ]
}
