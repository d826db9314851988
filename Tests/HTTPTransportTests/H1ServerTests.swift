// Tests what comes in on a client's HTTP/1 connection: heads, bodies, what lies behind them, and its ends.
import HTTPWire
import Testing
import Topology

@testable import HTTPTransport
@testable import Proactor

private let get = "GET /a HTTP/1.1\r\nHost: h\r\n\r\n"
private let post = "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n"
private let chunked = "POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"

@Suite("Clients' connections: what comes in") struct H1ServerTests {
    @Test(arguments: scenarios, IOKind.allCases) func holds(_ scenario: Scenario, _ io: IOKind) {
        #expect(scenario.violations(io) == [])
    }

    static let scenarios = heads + bodies + endings

    private static let heads = [
        Scenario("a head comes in any split") { bench in
            let site = try ServerBench(bench)
            site.began = { $0.answer("ok") }
            let bytes = Array(get.utf8)
            for split in 1..<bytes.count {
                site.client.send(bytes[..<split])
                bench.loop.turn(limit: .milliseconds(2))
                bench.loop.turn(limit: .zero)
                bench.expect(site.events.count, is: split - 1)
                site.client.send(bytes[split...])
                bench.expect(site.answer(until: "\r\n\r\nok").hasSuffix("ok"), "split at \(split)")
            }
            bench.expect(Set(site.events), is: ["GET /a"])
        },
        Scenario("requests that come at once are answered in their order") { bench in
            let site = try ServerBench(bench)
            site.began = { $0.answer($0.events.last ?? "") }
            site.send(
                "GET /1 HTTP/1.1\r\nHost: h\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\n\r\nGET /3 HTTP/1.1\r\nHost: h\r\n\r\n"
            )
            let answer = site.answer(until: "GET /3")
            bench.expect(site.events, is: ["GET /1", "GET /2", "GET /3"])
            bench.expect(answer.split(separator: "\r\n\r\nGET /", omittingEmptySubsequences: false).count, is: 4)
        },
        Scenario("a request waits until the one before is answered") { bench in
            let site = try ServerBench(bench)
            site.send(get + "GET /b HTTP/1.1\r\nHost: h\r\n\r\n")
            bench.expect(site.events, is: ["GET /a"])
            site.answer("first")
            bench.settle()
            bench.expect(site.events, is: ["GET /a", "GET /b"])
            site.answer("second")
            let answer = site.answer(until: "second")
            bench.expect(answer.contains("first"), answer)
        },
        Scenario("an empty line before a request is none") { bench in
            let site = try ServerBench(bench)
            site.began = { $0.answer("ok") }
            site.send("\r\n" + get)
            bench.expect(site.events, is: ["GET /a"])
        },
        Scenario("what is no request is refused, and nothing behind it is read") { bench in
            let site = try ServerBench(bench)
            site.send("nonsense\r\n\r\n" + get)
            site.waitForEnd()
            bench.expect(site.client.text.hasPrefix("HTTP/1.1 400 "), site.client.text)
            bench.expect(site.events.filter { $0 != "closed" }, is: ["refused 400"])
        },
        Scenario("a head larger than the limit is 431") { bench in
            let site = try ServerBench(bench)
            site.send("GET /a HTTP/1.1\r\nHost: h\r\nX: " + String(repeating: "x", count: 40_000))
            site.waitForEnd()
            bench.expect(site.client.text.hasPrefix("HTTP/1.1 431 "), site.client.text)
        },
        Scenario("a client that reads no answers gets no more of them") { bench in
            let site = try ServerBench(bench, buffers: 16 << 10)
            let body = [UInt8](repeating: 0x61, count: 200_000)
            site.began = { $0.answer(body) }
            site.send(String(repeating: get, count: 50))
            bench.expect(site.events.count < 20, "\(site.events.count) answers wait for the client")
            var total = 0
            bench.turn {
                total += site.client.take().utf8.count
                return total >= 50 * body.count
            }
            bench.expect(site.events.count, is: 50)
        },
    ]

    private static let bodies = [
        Scenario("a body waits until it is asked for") { bench in
            let site = try ServerBench(bench)
            site.send(post + "hello")
            bench.expect(site.events, is: ["POST /a"])
            site.stream.receiveBody()
            bench.expect(site.events, is: ["POST /a", "hello|"])
        },
        Scenario("a body nobody asks for stays in the kernel") { bench in
            let site = try ServerBench(bench, buffers: 16 << 10)
            site.send("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 8000000\r\n\r\n")
            var sent = 0
            for _ in 0..<200 {
                sent += site.client.send([UInt8](repeating: 0x61, count: 64 << 10))
                bench.loop.turn(limit: .milliseconds(1))
            }
            bench.expect(sent < 1_000_000, "\(sent) bytes were taken")
            bench.expect(site.events, is: ["POST /a"])
        },
        Scenario("a body that is paused waits") { bench in
            let site = try ServerBench(bench)
            site.send(post)
            site.stream.receiveBody()
            site.stream.pauseBody()
            site.send("hel")
            bench.expect(site.events, is: ["POST /a"])
            site.stream.receiveBody()
            bench.turn { site.events.count == 2 }
            site.send("lo")
            bench.expect(site.events, is: ["POST /a", "hel"])
            site.stream.receiveBody()
            bench.turn { site.events.count == 3 }
            bench.expect(site.events, is: ["POST /a", "hel", "lo|"])
        },
        Scenario("a body with a length ends there, and the next request begins") { bench in
            let site = try ServerBench(bench)
            site.send(post + "hello" + get)
            site.stream.receiveBody()
            bench.expect(site.events, is: ["POST /a", "hello|"])
            site.answer("ok")
            bench.settle()
            bench.expect(site.events, is: ["POST /a", "hello|", "GET /a"])
        },
        Scenario("a pipe takes nothing that lies behind a body") { bench in
            let site = try ServerBench(bench)
            let body = String(repeating: "a", count: 60_000)
            site.send("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 60000\r\n\r\n")
            site.stream.receiveBody(piped: true)
            // A large piece, behind which a pipe may pay.
            site.send(String(body.prefix(30_000)))
            bench.turn { site.events.count > 1 }
            site.stream.receiveBody(piped: true)
            site.send(body.dropFirst(30_000) + get)
            bench.turn {
                site.stream.receiveBody(piped: true)
                return site.events.last?.hasSuffix("|") ?? false
            }
            let count = site.events.dropFirst().joined().count
            bench.expect(count, is: body.count + 1)
            site.answer("ok")
            bench.settle()
            bench.expect(site.events.last, is: "GET /a")
        },
        Scenario("chunks are handed over as they came") { bench in
            let site = try ServerBench(bench)
            site.began = { $0.stream.receiveBody() }
            site.send(chunked + "5\r\nhello\r\n0\r\n\r\n" + get)
            bench.expect(site.events, is: ["POST /a", "5\r\nhello\r\n0\r\n\r\n|"])
            site.answer("ok")
            bench.settle()
            bench.expect(site.events.last, is: "GET /a")
        },
        Scenario("chunks are handed over as payload, in any split") { bench in
            let bytes = Array("5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nA: b\r\n\r\n".utf8)
            for split in 0..<bytes.count {
                var limits = H1ServerLimits()
                limits.bodyForm = .payload
                let site = try ServerBench(bench, limits)
                site.send(chunked)
                site.stream.receiveBody()
                for piece in [bytes[..<split], bytes[split...]] where !piece.isEmpty {
                    let seen = site.events.count
                    site.client.send(piece)
                    bench.settle()
                    if site.events.count > seen { site.stream.receiveBody() }
                }
                bench.expect(site.events.dropFirst().joined(), is: "hello world|")
                site.client.reset()
                bench.settle()
            }
        },
        Scenario("chunks that are none are said to be malformed") { bench in
            let site = try ServerBench(bench)
            site.began = { $0.stream.receiveBody() }
            site.send(chunked + "zz\r\n")
            bench.expect(site.events, is: ["POST /a", "malformed"])
        },
    ]

    private static let endings = [
        Scenario("FIN before a request, and in a head, closes") { bench in
            for start in ["", "GET /a HT"] {
                let site = try ServerBench(bench)
                site.send(start)
                site.client.finish()
                site.waitForEnd()
                bench.expect(site.events, is: ["closed"])
                bench.expect(site.client.text, is: "")
            }
        },
        Scenario("FIN behind a request leaves it its answer") { bench in
            let site = try ServerBench(bench)
            site.send(get)
            site.client.finish()
            bench.settle()
            bench.expect(site.events, is: ["GET /a", "ended"])
            site.answer("ok")
            site.waitForEnd()
            bench.expect(site.client.text.hasSuffix("\r\n\r\nok"), site.client.text)
            bench.expect(site.client.isEnded, "reset")
            bench.expect(site.events.last, is: "closed")
        },
        Scenario("FIN behind two requests leaves both their answers") { bench in
            let site = try ServerBench(bench)
            site.client.send(get + "GET /b HTTP/1.1\r\nHost: h\r\n\r\n")
            site.client.finish()
            bench.settle()
            site.answer("first")
            bench.settle()
            site.answer("second")
            site.waitForEnd()
            bench.expect(site.client.text.contains("\r\n\r\nfirst"), "the first")
            bench.expect(site.client.text.hasSuffix("\r\n\r\nsecond"), "the second")
        },
        Scenario("FIN in a body is told") { bench in
            let site = try ServerBench(bench)
            site.began = { $0.stream.receiveBody() }
            site.send(post + "he")
            bench.expect(site.events, is: ["POST /a", "he"])
            site.stream.receiveBody()
            site.client.finish()
            bench.turn { site.events.last == "ended" }
        },
        Scenario("FIN does not overtake a body that waits") { bench in
            for split in [0, 3] {
                let site = try ServerBench(bench)
                site.send(post + "hello".prefix(split))
                site.client.send(String("hello".dropFirst(split)))
                site.client.finish()
                bench.settle()
                var heard = ""
                bench.turn {
                    site.stream.receiveBody()
                    bench.loop.turn(limit: .milliseconds(1))
                    heard = site.events.dropFirst().filter { $0 != "ended" }.joined()
                    return heard.hasSuffix("|")
                }
                bench.expect(heard, is: "hello|")
                site.answer("ok")
                site.waitForEnd()
                bench.expect(site.client.text.hasSuffix("\r\n\r\nok"), site.client.text)
                bench.expect(site.client.isEnded, "cut")
            }
        },
        Scenario("a reset is told, and the connection is gone") { bench in
            let site = try ServerBench(bench)
            site.send(get)
            site.client.reset()
            bench.turn { site.events.last == "closed" }
            bench.expect(site.events, is: ["GET /a", "failed", "closed"])
            bench.expect(site.context.connections.count, is: 0)
        },
        Scenario("what is reset is cut for the client") { bench in
            let site = try ServerBench(bench)
            site.send(get)
            site.respond("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n")
            bench.settle()
            site.stream.reset()
            site.waitForEnd()
            bench.expect(site.client.isReset, "an answer that was cut off looks whole")
        },
        Scenario("all are cut at once") { bench in
            let site = try ServerBench(bench)
            site.send(get)
            site.context.abort()
            site.waitForEnd()
            bench.expect(site.events, is: ["GET /a", "interrupted", "closed"])
            bench.expect(site.client.isReset, "a cut looks like an end")
        },
    ]
}
