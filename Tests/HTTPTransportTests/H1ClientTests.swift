// Tests one HTTP/1 connection to a backend: interim answers, bodies, ends, and when it may carry another request.
import HTTPWire
import Testing
import Topology
import Transport

@testable import HTTPTransport
@testable import Proactor

private let ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
private let hints = "HTTP/1.1 103 Early Hints\r\n\r\n"

@Suite("Connections to backends") struct H1ClientTests {
    @Test(arguments: scenarios, IOKind.allCases) func holds(_ scenario: Scenario, _ io: IOKind) {
        #expect(scenario.violations(io) == [])
    }

    static let scenarios = answers + interims + endings + reuse

    private static let answers = [
        Scenario("an answer comes in any split") { bench in
            let site = try ClientBench(bench)
            let bytes = Array(ok.utf8)
            for split in 1..<bytes.count {
                if split > 1 { site.client.lease(site) }
                site.send()
                site.backend?.send(bytes[..<split])
                bench.settle()
                site.backend?.send(bytes[split...])
                bench.settle()
                let events = site.take()
                bench.expect(events.first, is: "200")
                bench.expect(events.dropFirst().dropLast(2).joined(), is: "ok")
                bench.expect(events.suffix(2), is: ["end", "idle"])
            }
        },
        Scenario("bodies end where their framing says") { bench in
            let cases: [(RequestMethod, BodyForm, String, [String])] = [
                (.get, .framed, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", ["200", "end", "idle"]),
                (.get, .framed, "HTTP/1.1 204 No Content\r\n\r\n", ["204", "end", "idle"]),
                (.get, .framed, "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", ["304", "end", "idle"]),
                (.head, .framed, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", ["200", "end", "idle"]),
                (.get, .framed, ok, ["200", "ok", "end", "idle"]),
                (
                    .get, .framed, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
                    ["200", "2\r\nok\r\n0\r\n\r\n", "end", "idle"]
                ),
                (
                    .get, .payload, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
                    ["200", "ok", "end", "idle"]
                ),
                (
                    .get, .framed, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
                    ["200", "ok", "end", "closed"]
                ),
                (.get, .framed, "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", ["200", "ok", "end", "closed"]),
            ]
            for (method, form, answer, events) in cases {
                let site = try ClientBench(bench)
                site.send(method: method, form: form)
                site.answer(answer)
                bench.expect(site.take(), is: events)
            }
        },
        Scenario("a body without an end of its own ends with the connection") { bench in
            let site = try ClientBench(bench)
            site.send()
            site.answer("HTTP/1.1 200 OK\r\n\r\nhello")
            bench.expect(site.take(), is: ["200", "hello"])
            site.backend?.read()
            site.backend?.close()
            bench.turn { site.events.last == "closed" }
            bench.expect(site.take(), is: ["end", "closed"])
        },
        Scenario("chunks come in any split") { bench in
            let bytes = Array("3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n".utf8)
            for split in 1..<bytes.count {
                let site = try ClientBench(bench)
                site.send(form: .payload)
                site.answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
                site.backend?.send(bytes[..<split])
                bench.settle()
                site.backend?.send(bytes[split...])
                bench.settle()
                bench.expect(site.body, is: "abcde")
                bench.expect(site.events.suffix(2), is: ["end", "idle"])
                site.client.close()
            }
        },
        Scenario("a large body is whole") { bench in
            let site = try ClientBench(bench)
            site.send()
            let body = String(repeating: "0123456789", count: 100_000)
            var rest = Array("HTTP/1.1 200 OK\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)".utf8)[...]
            bench.turn {
                rest = rest.dropFirst(site.backend?.send(rest.prefix(64 << 10)) ?? 0)
                return site.events.last == "idle"
            }
            bench.expect(site.body == body, "\(site.body.utf8.count) bytes")
        },
        Scenario("a body that is paused stays with the backend") { bench in
            let site = try ClientBench(bench, buffers: 32 << 10)
            site.receives = false
            site.send()
            site.answer("HTTP/1.1 200 OK\r\nContent-Length: 5000000\r\n\r\n")
            var sent = 0
            for _ in 0..<200 {
                sent += site.backend?.send([UInt8](repeating: 0x61, count: 64 << 10)) ?? 0
                bench.loop.turn(limit: .milliseconds(1))
            }
            bench.expect(site.take(), is: ["200"])
            bench.expect(sent < 4_500_000, "\(sent) bytes were taken")
            site.receives = true
            site.client.receive()
            bench.turn {
                sent += site.backend?.send([UInt8](repeating: 0x61, count: min(64 << 10, 5_000_000 - sent))) ?? 0
                return site.events.last == "idle"
            }
            bench.expect(site.body.utf8.count, is: 5_000_000)
        },
        Scenario("neither newer bytes nor the end overtake what waits") { bench in
            for ending in ["", "Content-Length: 12\r\n"] {
                let site = try ClientBench(bench)
                site.receives = false
                site.send()
                site.backend?.read()
                site.answer("HTTP/1.1 200 OK\r\n\(ending)\r\n")
                site.answer("first,")
                site.answer("second")
                site.backend?.close()
                bench.settle()
                bench.expect(site.take(), is: ["200"])
                site.receives = true
                site.client.receive()
                bench.turn { site.events.last == "closed" }
                bench.expect(site.body, is: "first,second")
                bench.expect(site.events.filter { $0.hasPrefix("failed") }, is: [])
            }
        },
        Scenario("what is no answer is malformed") { bench in
            for answer in ["nonsense, and more\r\n\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"]
            {
                let site = try ClientBench(bench)
                site.send()
                site.answer(answer)
                bench.expect(site.events.suffix(2), is: ["failed: malformed", "closed"])
            }
        },
    ]

    private static let interims = [
        Scenario("an interim answer and the final one may come at once") { bench in
            let site = try ClientBench(bench)
            site.send()
            site.answer(hints + hints + ok)
            bench.expect(site.take(), is: ["103", "103", "200", "ok", "end", "idle"])
        },
        Scenario("what came behind an interim answer waits while it is paused") { bench in
            let site = try ClientBench(bench)
            site.receives = false
            site.send()
            site.answer(hints + ok)
            bench.expect(site.take(), is: ["103"])
            site.receives = true
            site.client.receive()
            bench.settle()
            bench.expect(site.take(), is: ["200", "ok", "end", "idle"])
        },
        Scenario("a part of a head waits while it is paused") { bench in
            let site = try ClientBench(bench)
            site.receives = false
            site.send()
            site.answer(hints + ok.prefix(20))
            bench.expect(site.take(), is: ["103"])
            site.receives = true
            site.client.receive()
            bench.settle()
            site.answer(String(ok.dropFirst(20)))
            bench.expect(site.take(), is: ["200", "ok", "end", "idle"])
        },
        Scenario("101 gives the connection away with what came behind it") { bench in
            let site = try ClientBench(bench)
            site.send()
            site.answer("HTTP/1.1 101 Switching Protocols\r\n\r\nearly")
            bench.expect(site.take(), is: ["101"])
            var detached = site.client.detach()
            bench.expect(takeEarly(&detached), is: "early")
            bench.expect(site.take(), is: ["closed"])
            bench.expect(detached?.stream.isOpen ?? false, "closed for both")
            detached?.stream.close()
        },
    ]

    private static let endings = [
        Scenario("nobody listens") { bench in
            let address = try LoopbackListener().address
            let client = H1Client(H1ClientContext(loop: bench.loop))
            let site = try ClientBench(bench)
            client.handler = site
            try client.connect(to: #require(SocketAddress(numeric: address)))
            bench.turn { site.events.contains("failed: connect") }
            client.close()
        },
        Scenario("the end of a connection is told at each step") { bench in
            // What the backend has said before; whether it resets; what is heard.
            let cases: [(String, Bool, [String])] = [
                ("", false, ["failed: closed", "closed"]),
                ("", true, ["failed: broken", "closed"]),
                ("HTTP/1.1 200 O", false, ["failed: closed", "closed"]),
                ("HTTP/1.1 200 O", true, ["failed: broken", "closed"]),
                (hints, false, ["103", "failed: closed", "closed"]),
                ("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok", false, ["200", "ok", "failed: closed", "closed"]),
                ("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok", true, ["200", "ok", "failed: broken", "closed"]),
                ("HTTP/1.1 200 OK\r\n\r\nok", true, ["200", "ok", "failed: broken", "closed"]),
                (
                    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n", false,
                    ["200", "2\r\nok\r\n", "failed: closed", "closed"]
                ),
            ]
            for (start, resets, events) in cases {
                let site = try ClientBench(bench)
                site.send()
                site.backend?.read()
                if !start.isEmpty { site.answer(start) }
                if resets { site.backend?.reset() } else { site.backend?.close() }
                bench.turn { site.events.last == "closed" }
                bench.expect(site.take(), is: events)
            }
        },
        Scenario("a backend that leaves while it is idle is no failure of anybody's") { bench in
            for resets in [false, true] {
                let site = try ClientBench(bench)
                site.send()
                site.answer(ok)
                bench.expect(site.take().last, is: "idle")
                site.backend?.read()
                if resets { site.backend?.reset() } else { site.backend?.close() }
                bench.turn { site.events == ["closed"] }
            }
        },
        Scenario("bytes that answer no request end the connection") { bench in
            let site = try ClientBench(bench)
            site.send()
            site.answer(ok)
            bench.expect(site.take().last, is: "idle")
            site.answer(ok)
            bench.expect(site.take(), is: ["closed"])
            let other = try ClientBench(bench)
            other.answer(ok)
            bench.expect(other.take(), is: ["failed: malformed", "closed"])
        },
        Scenario("a reset leaves the backend in no doubt") { bench in
            let site = try ClientBench(bench)
            site.send("POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\n", isEnd: false)
            site.client.reset()
            bench.turn {
                site.backend?.read()
                return site.backend?.isOver ?? false
            }
            bench.expect(site.backend?.isReset ?? false, "half a request looks whole")
            bench.expect(site.take(), is: ["closed"])
        },
    ]

    private static let reuse = [
        Scenario("a connection carries one request after the other") { bench in
            let site = try ClientBench(bench)
            bench.expect(site.client.isReused, is: false)
            site.send()
            site.answer(ok)
            bench.expect(site.client.isIdle, "not idle")
            bench.expect(site.take().last, is: "idle")
            site.client.lease(site)
            bench.expect(site.client.isReused, is: true)
            site.send()
            site.answer("HTTP/1.1 200 OK\r\nKeep-Alive: timeout=7\r\nContent-Length: 2\r\n\r\nok")
            bench.expect(site.take(), is: ["200", "ok", "end", "idle"])
            bench.expect(site.client.offeredIdle, is: 7)
        },
        Scenario("bytes behind an answer end the connection") { bench in
            for answer in [
                ok + "more", "HTTP/1.1 204 No Content\r\n\r\nmore",
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nmore",
            ] {
                let site = try ClientBench(bench)
                site.send()
                site.answer(answer)
                bench.expect(site.take().suffix(2), is: ["end", "closed"])
                bench.expect(!site.body.contains("more"), "they were passed on")
            }
        },
        Scenario("an answer to half a request ends the connection") { bench in
            let site = try ClientBench(bench)
            site.send("POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\n", isEnd: false)
            site.answer(ok)
            bench.expect(site.take(), is: ["200", "ok", "end", "closed"])
        },
        Scenario("an answer to a request that is not out ends the connection") { bench in
            let site = try ClientBench(bench, buffers: 16 << 10)
            site.send("POST / HTTP/1.1\r\nContent-Length: 5000000\r\n\r\n", isEnd: false)
            let piece = [UInt8](repeating: 0x61, count: 50_000)
            for number in 1...100 { site.client.send(bench.buffer(piece), isEnd: number == 100) }
            bench.settle()
            site.answer(ok)
            bench.expect(site.unsentAtEnd > 0, "all is with the kernel")
            bench.expect(site.take(), is: ["200", "ok", "end", "closed"])
        },
        Scenario("a body goes out after its head, whole") { bench in
            let site = try ClientBench(bench, buffers: 16 << 10)
            site.send("PUT / HTTP/1.1\r\nContent-Length: 500000\r\n\r\n", isEnd: false)
            for number in 1...10 {
                site.client.send(
                    bench.buffer([UInt8](repeating: UInt8(0x60 + number), count: 50_000)), isEnd: number == 10)
            }
            bench.turn {
                site.backend?.read()
                return site.backend?.text.hasSuffix("jj") ?? false && site.client.unsent == 0
            }
            let expected = (1...10).map { String(repeating: String(UnicodeScalar(UInt8(0x60 + $0))), count: 50_000) }
            bench.expect(site.backend?.text.hasSuffix("\r\n\r\n" + expected.joined()) ?? false, "not in order")
            site.answer(ok)
            bench.expect(site.take(), is: ["200", "ok", "end", "idle"])
        },
    ]
}
