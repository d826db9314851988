// Tests exchanges on a worker: what reaches a backend and how often, what is kept, which connections are used again.
import Balancing
import Proactor
import Routing
import Synchronization
import Testing
import Topology

@testable import DataPlane

private let get = "GET /a HTTP/1.1\r\nHost: h\r\n\r\n"
private let ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

@Suite("Exchanges on a worker") struct ExchangeTests {
    @Test(arguments: scenarios, IOKind.allCases) func holds(_ scenario: ProxyScenario, _ io: IOKind) {
        #expect(scenario.violations(io) == [])
    }

    static let scenarios = repetition + bodies + pools + limits

    private static let repetition = [
        ProxyScenario("a request and its answer pass") { site in
            let client = try site.client(sending: get)
            let backend = try site.accept(site.eastern)
            let request = site.wait(backend, for: "\r\n\r\n")
            site.expect(request.hasPrefix("GET /a HTTP/1.1\r\n"), request)
            site.expect(site.endpoint().inFlight.load(ordering: .relaxed), is: 1)
            site.answer(backend, ok)
            site.expect(site.wait(client, for: "\r\n\r\nok").hasPrefix("HTTP/1.1 200 OK\r\n"), client.text)
            site.expect(site.endpoint().inFlight.load(ordering: .relaxed), is: 0)
            site.expect(site.counters.successful.load(ordering: .relaxed), is: 1)
        },
        ProxyScenario("a POST that was reset is not sent again") { site in
            let client = try site.client(sending: "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello")
            let backend = try site.accept(site.eastern)
            site.wait(backend, for: "hello")
            backend.reset()
            site.expect(site.wait(client, for: "\r\n\r\n").hasPrefix("HTTP/1.1 502 "), client.text)
            site.expect(site.eastern.accept() == nil, "sent again")
        },
        ProxyScenario("a POST that was answered 503 is not sent again") { site in
            let client = try site.client(sending: "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello")
            let backend = try site.accept(site.eastern)
            site.wait(backend, for: "hello")
            site.answer(backend, "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 3\r\n\r\nno!")
            site.expect(site.wait(client, for: "no!").hasPrefix("HTTP/1.1 503 "), client.text)
            site.expect(site.eastern.accept() == nil, "sent again")
        },
        ProxyScenario("a GET that was reset is sent again as it was") { site in
            let client = try site.client(sending: get)
            let backend = try site.accept(site.eastern)
            let request = site.wait(backend, for: "\r\n\r\n")
            backend.reset()
            let second = try site.accept(site.eastern)
            site.expect(site.wait(second, for: "\r\n\r\n"), is: request)
            site.answer(second, ok)
            site.wait(client, for: "\r\n\r\nok")
            site.expect(site.counters.retries.load(ordering: .relaxed), is: 1)
        },
        ProxyScenario("a body that is kept is sent again, once") { site in
            let client = try site.client(sending: "PUT /a HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nhelloworld")
            let backend = try site.accept(site.eastern)
            site.wait(backend, for: "world")
            site.expect(site.worker.replayBytes, is: 10)
            backend.reset()
            let second = try site.accept(site.eastern)
            site.wait(second, for: "world")
            site.settle()
            second.read()
            site.expect(second.text.hasSuffix("\r\n\r\nhelloworld"), second.text)
            site.answer(second, ok)
            site.wait(client, for: "\r\n\r\nok")
        },
        ProxyScenario("the rest of a body follows what is kept of it") { site in
            let client = try site.client(sending: "PUT /a HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nhello")
            let backend = try site.accept(site.eastern)
            site.wait(backend, for: "hello")
            backend.reset()
            client.send("world")
            let second = try site.accept(site.eastern)
            site.wait(second, for: "world")
            site.expect(second.text.hasSuffix("\r\n\r\nhelloworld"), second.text)
            site.answer(second, ok)
            site.wait(client, for: "\r\n\r\nok")
        },
        ProxyScenario("what is kept of a long body is sent again whole") { site in
            let body = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
            let client = try site.client(sending: "PUT /a HTTP/1.1\r\nHost: h\r\nContent-Length: 300000\r\n\r\n")
            let backend = try site.accept(site.eastern)
            var sent = 0
            func passOn(_ count: Int, to backend: Peer) {
                site.turn {
                    if sent < count { sent += client.send(body[sent..<count]) }
                    backend.read()
                    return backend.received.count > count
                }
            }
            passOn(20_000, to: backend)
            passOn(40_000, to: backend)
            backend.reset()
            let second = try site.accept(site.eastern)
            passOn(300_000, to: second)
            site.expect(Array(second.received.suffix(300_000)) == body, "not the same bytes")
            site.answer(second, ok)
            site.wait(client, for: "\r\n\r\nok")
        },
        ProxyScenario("a body over the limit is not sent again, nor a part of it") { site in
            let client = try site.client(sending: "PUT /a HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n")
            let backend = try site.accept(site.eastern)
            var rest = 100_000
            site.turn {
                rest -= client.send([UInt8](repeating: 0x61, count: rest))
                backend.read()
                return rest == 0 && backend.received.count > 100_000
            }
            site.expect(site.worker.replayBytes, is: 0)
            backend.reset()
            site.expect(site.wait(client, for: "\r\n\r\n").hasPrefix("HTTP/1.1 502 "), client.text)
            site.expect(site.eastern.accept() == nil, "sent again")
        },
        ProxyScenario("101 that nobody asked for is 502") { site in
            let client = try site.client(sending: get)
            let backend = try site.accept(site.eastern)
            site.wait(backend, for: "\r\n\r\n")
            site.answer(
                backend,
                "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n"
                    + "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\nsecret")
            let answer = site.wait(client, for: "\r\n\r\n")
            site.expect(answer.hasPrefix("HTTP/1.1 502 "), answer)
            site.expect(!answer.contains("secret"), answer)
        },
    ]

    private static let bodies = [
        ProxyScenario("long bodies pass uncopied both ways, and what is behind them as ever") { site in
            let body = (0..<1_500_000).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
            let client = try site.client()
            let start = "PUT /a HTTP/1.1\r\nHost: h\r\nContent-Length: 1500000\r\n\r\n"
            let requests = Array(start.utf8) + body + Array(get.utf8)
            var backend: Peer?
            var sent = 0
            site.turn {
                if sent < requests.count { sent += client.send(requests[sent..<min(requests.count, sent + 200_000)]) }
                if backend == nil { backend = site.eastern.accept() }
                backend?.read()
                return sent == requests.count && backend?.received.count ?? 0 > body.count
            }
            guard let backend else { return site.expect(false, "no connection") }
            site.expect(Array(backend.received.suffix(body.count)) == body, "not the same bytes up")
            let answer = Array("HTTP/1.1 200 OK\r\nContent-Length: 1500000\r\n\r\n".utf8) + body
            sent = 0
            site.turn {
                if sent < answer.count { sent += backend.send(answer[sent..<min(answer.count, sent + 200_000)]) }
                client.read()
                return client.received.count > body.count
            }
            site.expect(Array(client.received.suffix(body.count)) == body, "not the same bytes down")
            site.expect(site.pipes.made > 0, "nothing went through a pipe")
            site.expect(site.pipes.lent, is: 0)
            site.turn {
                backend.read()
                return backend.text.hasSuffix("\r\n\r\n")
            }
            site.answer(backend, ok)
            site.wait(client, for: "\r\n\r\nok")
        },
        ProxyScenario("a backend that takes nothing holds the client back") { site in
            let client = try site.client()
            client.send("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 19000000\r\n\r\n")
            let backend = try site.accept(site.eastern)
            var sent = site.fill(client, with: 19_000_000)
            site.expect(sent < 16_000_000, "\(sent) bytes were taken")
            site.turn {
                sent += client.send([UInt8](repeating: 0x61, count: min(64 << 10, 19_000_000 - sent)))
                backend.read()
                return backend.received.count > 19_000_000
            }
            site.answer(backend, ok)
            site.wait(client, for: "\r\n\r\nok")
        },
        ProxyScenario("a client that takes nothing holds the backend back") { site in
            let client = try site.client()
            client.send(get)
            let backend = try site.accept(site.eastern)
            site.wait(backend, for: "\r\n\r\n")
            site.answer(backend, "HTTP/1.1 200 OK\r\nContent-Length: 19000000\r\n\r\n")
            var sent = site.fill(backend, with: 19_000_000)
            site.expect(sent < 16_000_000, "\(sent) bytes were taken")
            site.turn {
                sent += backend.send([UInt8](repeating: 0x61, count: min(64 << 10, 19_000_000 - sent)))
                client.read()
                return client.received.count > 19_000_000
            }
        },
        ProxyScenario("a client that takes nothing of an answer is cut off in time") { site in
            let client = try site.client()
            client.send(get)
            let backend = try site.accept(site.eastern)
            site.wait(backend, for: "\r\n\r\n")
            site.answer(backend, "HTTP/1.1 200 OK\r\nContent-Length: 19000000\r\n\r\n")
            _ = site.fill(backend, with: 19_000_000)
            site.pass(.seconds(29))
            site.expect(site.shared.counters.process.active.load(ordering: .relaxed), is: 1)
            for _ in 0..<5 { site.pass(.seconds(1)) }
            site.waitForEnd(client)
            site.expect(client.isReset, "half an answer looks whole")
        },
        ProxyScenario("a backend that says nothing is 504 in time") { site in
            let client = try site.client(sending: "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n")
            let backend = try site.accept(site.eastern)
            site.wait(backend, for: "\r\n\r\n")
            site.pass(.seconds(29))
            client.read()
            site.expect(client.text, is: "")
            site.pass(.milliseconds(1100))
            site.expect(site.wait(client, for: "\r\n\r\n").hasPrefix("HTTP/1.1 504 "), client.text)
        },
        ProxyScenario("a client that waits for 100 gets the backend's, and sends its body then") { site in
            let client = try site.client(
                sending: "POST /a HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
            let backend = try site.accept(site.eastern)
            site.expect(site.wait(backend, for: "\r\n\r\n").contains("100-continue\r\n"), backend.text)
            site.answer(backend, "HTTP/1.1 100 Continue\r\n\r\n")
            site.expect(site.wait(client, for: "\r\n\r\n").hasPrefix("HTTP/1.1 100 "), client.text)
            client.send("hello")
            site.expect(site.wait(backend, for: "hello").hasSuffix("\r\n\r\nhello"), backend.text)
            site.answer(backend, ok)
            site.wait(client, for: "\r\n\r\nok")
        },
        ProxyScenario("interim answers pass, and the final one that comes with them") { site in
            let client = try site.client(sending: get)
            let backend = try site.accept(site.eastern)
            site.wait(backend, for: "\r\n\r\n")
            site.answer(backend, "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + ok)
            let answer = site.wait(client, for: "\r\n\r\nok")
            site.expect(answer.hasPrefix("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n"), answer)
            site.expect(answer.contains("\r\n\r\nHTTP/1.1 200 OK\r\n"), answer)
        },
        ProxyScenario("an answer until the end of the connection comes in chunks") { site in
            let client = try site.client(sending: get)
            let backend = try site.accept(site.eastern)
            site.wait(backend, for: "\r\n\r\n")
            site.answer(backend, "HTTP/1.1 200 OK\r\n\r\nhello")
            backend.close()
            let answer = site.wait(client, for: "\r\n0\r\n\r\n")
            site.expect(answer.contains("\r\n\r\n5\r\nhello\r\n0\r\n\r\n"), answer)
            site.expect(!client.isOver, "the connection was not kept")
        },
        ProxyScenario("who leaves before an answer cancels a GET, and not a POST") { site in
            for method in ["GET", "POST"] {
                let client = try site.client(sending: "\(method) /a HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n")
                let backend = try site.accept(site.eastern)
                site.wait(backend, for: "\r\n\r\n")
                client.finish()
                site.settle()
                backend.read()
                site.expect(backend.isOver, is: method == "GET")
                if method == "POST" {
                    site.answer(backend, ok)
                    site.wait(client, for: "\r\n\r\nok")
                }
            }
        },
        ProxyScenario("half of an answer is cut off") { site in
            let client = try site.client(sending: get)
            let backend = try site.accept(site.eastern)
            site.wait(backend, for: "\r\n\r\n")
            site.answer(backend, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello")
            backend.close()
            site.waitForEnd(client)
            site.expect(client.isReset, "half an answer looks whole")
        },
    ]

    private static let pools = [
        ProxyScenario("a connection is used again") { site in
            let client = try site.client(sending: get)
            let backend = try site.accept(site.eastern)
            site.wait(backend, for: "\r\n\r\n")
            site.answer(backend, ok)
            site.wait(client, for: "\r\n\r\nok")
            _ = client.take()
            _ = backend.take()
            client.send(get)
            site.wait(backend, for: "\r\n\r\n")
            site.answer(backend, ok)
            site.wait(client, for: "\r\n\r\nok")
            site.expect(site.endpoint().connections.load(ordering: .relaxed), is: 1)
            site.pass(.seconds(59))
            site.expect(site.endpoint().connections.load(ordering: .relaxed), is: 1)
            site.pass(.seconds(2))
            site.expect(site.endpoint().connections.load(ordering: .relaxed), is: 0)
        },
        ProxyScenario("a connection with half a request on it is not used again") { site in
            let client = try site.client(sending: "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nhello")
            let backend = try site.accept(site.eastern)
            site.wait(backend, for: "hello")
            site.answer(backend, ok)
            site.expect(site.wait(client, for: "\r\n\r\nok").contains("Connection: close\r\n"), client.text)
            site.waitForEnd(backend)
            site.expect(site.endpoint().connections.load(ordering: .relaxed), is: 0)
        },
        ProxyScenario("a connection with bytes behind an answer is not used again") { site in
            let client = try site.client(sending: get)
            let backend = try site.accept(site.eastern)
            site.wait(backend, for: "\r\n\r\n")
            site.answer(backend, ok + "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged")
            site.expect(site.wait(client, for: "\r\n\r\nok").hasSuffix("\r\n\r\nok"), client.text)
            client.send(get)
            let second = try site.accept(site.eastern)
            site.wait(second, for: "\r\n\r\n")
            site.answer(second, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ntrue")
            site.expect(!site.wait(client, for: "true").contains("forged"), client.text)
        },
        ProxyScenario("an answer to a request that is not out ends the backend's connection") { site in
            let client = try site.client(sending: "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 19000000\r\n\r\n")
            let backend = try site.accept(site.eastern)
            _ = site.fill(client, with: 19_000_000)
            site.answer(backend, ok)
            site.expect(site.wait(client, for: "\r\n\r\nok").contains("Connection: close\r\n"), client.text)
            site.expect(site.endpoint().connections.load(ordering: .relaxed), is: 0)
        },
        ProxyScenario("bytes on an idle connection end it") { site in
            let client = try site.client(sending: get)
            let backend = try site.accept(site.eastern)
            site.wait(backend, for: "\r\n\r\n")
            site.answer(backend, ok)
            site.wait(client, for: "\r\n\r\nok")
            site.answer(backend, ok)
            site.waitForEnd(backend)
            site.expect(site.endpoint().connections.load(ordering: .relaxed), is: 0)
        },
        ProxyScenario("a connection that turns out to be dead is nobody's failure") { site in
            let client = try site.client(sending: get)
            let backend = try site.accept(site.eastern)
            site.wait(backend, for: "\r\n\r\n")
            site.answer(backend, ok)
            site.wait(client, for: "\r\n\r\nok")
            _ = client.take()
            _ = backend.take()
            client.send(get)
            site.wait(backend, for: "\r\n\r\n")
            backend.reset()
            let second = try site.accept(site.eastern)
            site.wait(second, for: "\r\n\r\n")
            site.answer(second, ok)
            site.wait(client, for: "\r\n\r\nok")
            site.expect(site.counters.retries.load(ordering: .relaxed), is: 0)
            site.expect(site.endpoint().errors.load(ordering: .relaxed), is: 0)
        },
    ]

    private static let limits = [
        ProxyScenario(
            "a request waits for room, and goes on when there is some", configure: { $0.circuit.requests = 1 }
        ) { site in
            let client = try site.client(sending: get)
            let backend = try site.accept(site.eastern)
            site.wait(backend, for: "\r\n\r\n")
            let other = try site.client(sending: "GET /b HTTP/1.1\r\nHost: h\r\n\r\n")
            site.expect(site.eastern.accept() == nil, "too many requests")
            site.answer(backend, ok)
            site.wait(client, for: "\r\n\r\nok")
            site.expect(site.wait(backend, for: "GET /b ").contains("GET /b "), "it waits on")
            site.answer(backend, ok)
            site.wait(other, for: "\r\n\r\nok")
        },
        ProxyScenario("a request waits for room no longer than a connect", configure: { $0.circuit.requests = 1 }) {
            site in
            _ = try site.client(sending: get)
            site.wait(try site.accept(site.eastern), for: "\r\n\r\n")
            let other = try site.client(sending: get)
            site.pass(.milliseconds(1900))
            other.read()
            site.expect(other.text, is: "")
            site.pass(.milliseconds(200))
            site.expect(site.wait(other, for: "\r\n\r\n").hasPrefix("HTTP/1.1 503 "), other.text)
        },
        ProxyScenario(
            "one more than may wait is 503 at once",
            configure: {
                $0.circuit.requests = 1
                $0.circuit.queue = 0
            }
        ) { site in
            _ = try site.client(sending: get)
            site.wait(try site.accept(site.eastern), for: "\r\n\r\n")
            let other = try site.client(sending: get)
            site.expect(site.wait(other, for: "\r\n\r\n").hasPrefix("HTTP/1.1 503 "), other.text)
        },
        ProxyScenario("a request that no endpoint takes connections for is answered") { site in
            site.eastern.close()
            let client = try site.client(sending: get)
            site.expect(site.wait(client, for: "\r\n\r\n").hasPrefix("HTTP/1.1 502 "), client.text)
            site.expect(site.endpoint().connectFailures.load(ordering: .relaxed) > 0, "not counted")
        },
    ]
}
