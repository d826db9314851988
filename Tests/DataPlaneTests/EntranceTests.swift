// Tests how clients' connections begin and end on a worker: PROXY protocol headers, tables that change, a stop.
import Proactor
import Routing
import Synchronization
import Testing
import Topology

@testable import DataPlane

private let get = "GET /a HTTP/1.1\r\nHost: h\r\n\r\n"
private let ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
private let header = "PROXY TCP4 192.0.2.7 192.0.2.1 4711 80\r\n"

@Suite("Clients of a worker") struct EntranceTests {
    @Test(arguments: scenarios, IOKind.allCases) func holds(_ scenario: ProxyScenario, _ io: IOKind) {
        #expect(scenario.violations(io) == [])
    }

    static let scenarios = headers + changes

    private static let headers = [
        ProxyScenario("a header says who the client is, and its request comes behind it") { site in
            let client = try site.client(sending: header + get, to: .httpBehindProxy)
            let backend = try site.accept(site.eastern)
            let request = site.wait(backend, for: "\r\n\r\n")
            site.expect(request.contains("X-Forwarded-For: 192.0.2.7\r\n"), request)
            site.answer(backend, ok)
            site.wait(client, for: "\r\n\r\nok")
        },
        ProxyScenario("a header comes in any split") { site in
            let bytes = Array((header + get).utf8)
            for split in stride(from: 1, to: bytes.count, by: 7) {
                let client = try site.client(.httpBehindProxy)
                client.send(bytes[..<split])
                site.settle()
                client.send(bytes[split...])
                if split == 1 {
                    site.wait(try site.accept(site.eastern), for: "192.0.2.7")
                } else {
                    site.turn { site.endpoint().requests.load(ordering: .relaxed) == 1 + split / 7 }
                }
            }
        },
        ProxyScenario("what comes behind the header of a session reaches its backend") { site in
            _ = try site.client(sending: header + "hello", to: .tcpBehindProxy)
            let backend = try site.accept(site.eastern)
            site.expect(site.wait(backend, for: "hello"), is: "hello")
        },
        ProxyScenario("a session's end that comes with its header is passed on behind its bytes") { site in
            let client = try site.client(.tcpBehindProxy)
            client.send(header + "hello")
            client.finish()
            site.settle()
            let backend = try site.accept(site.eastern)
            site.waitForEnd(backend)
            site.expect(backend.text, is: "hello")
            site.expect(backend.isEnded, "cut")
            backend.send("bye")
            backend.finish()
            site.waitForEnd(client)
            site.expect(client.text, is: "bye")
        },
        ProxyScenario("a request whose client has said all with its header gets its answer") { site in
            let client = try site.client(.httpBehindProxy)
            client.send(header + "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello")
            client.finish()
            let backend = try site.accept(site.eastern)
            site.wait(backend, for: "hello")
            site.answer(backend, ok)
            site.waitForEnd(client)
            site.expect(client.text.hasSuffix("\r\n\r\nok"), client.text)
        },
        ProxyScenario("who sends no header is cut off") { site in
            for entrance in [Entrance.httpBehindProxy, .tcpBehindProxy] {
                let client = try site.client(sending: get, to: entrance)
                site.waitForEnd(client)
                site.expect(client.isReset, "not cut")
            }
            site.expect(site.eastern.accept() == nil, "passed on")
            site.expect(site.shared.counters.process.badRequests.load(ordering: .relaxed), is: 2)
        },
        ProxyScenario("a header has the time of a head") { site in
            let client = try site.client(sending: "PROXY ", to: .httpBehindProxy)
            site.pass(.milliseconds(9900))
            client.read()
            site.expect(!client.isOver, "cut early")
            site.pass(.milliseconds(200))
            site.waitForEnd(client)
        },
    ]

    private static let changes = [
        ProxyScenario("an endpoint that left the table loses its idle connections, and keeps its requests") { site in
            let client = try site.client(sending: get)
            let backend = try site.accept(site.eastern)
            site.wait(backend, for: "\r\n\r\n")
            let other = try site.client(sending: get)
            let idle = try site.accept(site.eastern)
            site.wait(idle, for: "\r\n\r\n")
            site.answer(idle, ok)
            site.wait(other, for: "\r\n\r\nok")
            site.service.datacenters[0].endpoints = []
            try site.publish()
            site.waitForEnd(idle)
            site.answer(backend, ok)
            site.wait(client, for: "\r\n\r\nok")
            site.waitForEnd(backend)
            client.send(get)
            site.expect(site.wait(client, for: " 503 ").contains(" 503 "), client.text)
        },
        ProxyScenario("a stop lets requests end, and takes no more") { site in
            let client = try site.client(sending: get)
            let backend = try site.accept(site.eastern)
            site.wait(backend, for: "\r\n\r\n")
            site.worker.drain()
            site.settle()
            site.answer(backend, ok)
            site.expect(site.wait(client, for: "\r\n\r\nok").contains("Connection: close\r\n"), client.text)
            site.waitForEnd(client)
            site.expect(client.isEnded, "cut")
        },
        ProxyScenario("who comes from a closed listener gets one answer, with or without a header") { site in
            let waiting = try site.client(.httpBehindProxy)
            let listeners = site.shared.counters.process.listening.load(ordering: .relaxed)
            let comer = try site.comer(at: .http)
            for entrance in [Entrance.http, .httpBehindProxy] { site.worker.close(entrance.name) }
            for (client, text) in [(comer, get), (waiting, header + get)] {
                client.send(text)
                let backend = try site.accept(site.eastern)
                site.wait(backend, for: "\r\n\r\n")
                site.answer(backend, ok)
                site.expect(site.wait(client, for: "\r\n\r\nok").contains("Connection: close\r\n"), client.text)
                site.waitForEnd(client)
            }
            // A graceful stop waits for those who are just connecting.
            site.expect(site.shared.counters.process.listening.load(ordering: .relaxed), is: listeners)
            site.pass(.milliseconds(200))
            site.expect(site.shared.counters.process.listening.load(ordering: .relaxed), is: listeners - 2)
        },
        ProxyScenario("the end of a stop cuts what is left") { site in
            let client = try site.client(sending: get)
            let session = try site.client(.tcp)
            site.worker.drain()
            site.settle()
            site.worker.abortAll()
            site.waitForEnd(client)
            site.waitForEnd(session)
            site.expect(site.shared.counters.process.active.load(ordering: .relaxed), is: 0)
        },
    ]
}
