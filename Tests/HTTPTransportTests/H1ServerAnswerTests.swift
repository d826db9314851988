// Tests what goes out on a client's HTTP/1 connection: the form of answers, and when the connection ends after them.
import Glibc
import HTTPWire
import Testing
import Topology
import Transport

@testable import HTTPTransport
@testable import Proactor

private let get = "GET /a HTTP/1.1\r\nHost: h\r\n\r\n"
private let large = [UInt8](repeating: 0x61, count: 2_000_000)

@Suite("Clients' connections: what goes out") struct H1ServerAnswerTests {
    @Test(arguments: scenarios, IOKind.allCases) func holds(_ scenario: Scenario, _ io: IOKind) {
        #expect(scenario.violations(io) == [])
    }

    static let scenarios = forms + lastAnswers + clocks + stops

    private static let forms = [
        Scenario("a small body goes out with its head in one send") { bench in
            var pair: [Int32] = [0, 0]
            // A socket that keeps records shows what was sent together.
            bench.expect(socketpair(AF_UNIX, Int32(SOCK_SEQPACKET.rawValue), 0, &pair), is: 0)
            let site = ServerBench(bench, H1ServerLimits(), (pair[0], pair[1]))
            site.send(get)
            site.respond("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", bodyCount: 5)
            _ = site.stream.send(bench.buffer("hello"), isEnd: true)
            site.stream.finish()
            bench.settle()
            site.client.read()
            bench.expect(site.client.reads.count, is: 1)
            bench.expect(site.client.text.hasSuffix("\r\n\r\nhello"), site.client.text)
        },
        Scenario("a body without an end of its own comes in chunks, and the connection stays") { bench in
            let site = try ServerBench(bench)
            site.send(get)
            site.respond("HTTP/1.1 200 OK\r\n\r\n")
            _ = site.stream.send(bench.buffer("hello"), isEnd: false)
            _ = site.stream.send(bench.buffer("abcdefghijklmnopq"), isEnd: false)
            _ = site.stream.sendEnd()
            site.stream.finish()
            let answer = site.answer(until: "0\r\n\r\n")
            bench.expect(answer.lowercased().contains("transfer-encoding: chunked\r\n"), answer)
            bench.expect(answer.hasSuffix("\r\n\r\n5\r\nhello\r\n11\r\nabcdefghijklmnopq\r\n0\r\n\r\n"), answer)
            site.send(get)
            bench.expect(site.events, is: ["GET /a", "GET /a"])
        },
        Scenario("HTTP/1.0 gets a body without an end of its own until the connection ends") { bench in
            let site = try ServerBench(bench)
            site.send("GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            site.respond("HTTP/1.1 200 OK\r\n\r\n")
            _ = site.stream.send(bench.buffer("hello"), isEnd: false)
            _ = site.stream.sendEnd()
            site.stream.finish()
            site.waitForEnd()
            bench.expect(site.client.isEnded, "cut")
            bench.expect(!site.client.text.lowercased().contains("chunked"), site.client.text)
            bench.expect(site.client.text.hasSuffix("\r\n\r\nhello"), site.client.text)
        },
        Scenario("HTTP/1.0 wants chunks as payload") { bench in
            let site = try ServerBench(bench)
            site.send("GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            bench.expect(site.stream.chunkForm, is: .payload)
            site.respond("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            _ = site.stream.send(bench.buffer("hello"), isEnd: true)
            site.stream.finish()
            site.waitForEnd()
            bench.expect(!site.client.text.lowercased().contains("chunked"), site.client.text)
            bench.expect(site.client.text.hasSuffix("\r\n\r\nhello"), site.client.text)
        },
        Scenario("HTTP/1.0 may keep the connection for an answer with a length") { bench in
            let site = try ServerBench(bench)
            site.send("GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            site.answer("ok")
            let answer = site.answer(until: "ok")
            bench.expect(answer.lowercased().contains("connection: keep-alive\r\n"), answer)
            site.send("GET /b HTTP/1.0\r\n\r\n")
            site.answer("ok")
            site.waitForEnd()
            bench.expect(site.events.prefix(2), is: ["GET /a", "GET /b"])
        },
        Scenario("chunks pass as they came") { bench in
            let site = try ServerBench(bench)
            site.send(get)
            bench.expect(site.stream.chunkForm, is: .framed)
            site.respond("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            _ = site.stream.send(bench.buffer("5;a=b\r\nhello\r\n0\r\n\r\n"), isEnd: true)
            site.stream.finish()
            let answer = site.answer(until: "0\r\n\r\n")
            bench.expect(answer.hasSuffix("\r\n\r\n5;a=b\r\nhello\r\n0\r\n\r\n"), answer)
        },
        Scenario("an interim answer has no framing, whatever the one before had") { bench in
            let site = try ServerBench(bench)
            site.send(get)
            site.respond("HTTP/1.1 200 OK\r\n\r\n")
            _ = site.stream.send(bench.buffer("hello"), isEnd: true)
            site.stream.finish()
            _ = site.answer(until: "0\r\n\r\n")
            site.send(get)
            site.sendInterim("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")
            let interim = site.answer(until: "\r\n\r\n")
            bench.expect(interim.hasPrefix("HTTP/1.1 103 Early Hints\r\n"), interim)
            bench.expect(!interim.lowercased().contains("transfer-encoding"), interim)
        },
        Scenario("HTTP/1.0 gets no interim answer") { bench in
            let site = try ServerBench(bench)
            site.send("GET /a HTTP/1.0\r\n\r\n")
            site.sendInterim("HTTP/1.1 103 Early Hints\r\n\r\n")
            site.answer("ok")
            site.waitForEnd()
            bench.expect(site.client.text.hasPrefix("HTTP/1.1 200 OK\r\n"), site.client.text)
        },
        Scenario("an upgrade gives the connection away with what came behind the request") { bench in
            let site = try ServerBench(bench)
            site.send(
                "GET /a HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: websocket\r\n"
                    + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\nearly")
            var detached = site.upgrade(
                "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n"
                    + "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n")
            bench.expect(detached != nil, "not given away")
            bench.expect(site.answer(until: "\r\n\r\n").hasPrefix("HTTP/1.1 101 "), "no 101")
            bench.expect(takeEarly(&detached), is: "early")
            bench.expect(site.events.last, is: "closed")
            detached?.stream.close()
        },
    ]

    private static let lastAnswers = [
        Scenario("a last answer is out whole before the connection ends") { bench in
            let site = try ServerBench(bench, buffers: 32 << 10)
            site.send("GET /a HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
            site.answer(large)
            bench.settle()
            site.waitForEnd()
            bench.expect(site.client.isEnded, "cut")
            bench.expect(site.client.received.count > large.count, "\(site.client.received.count) bytes")
            bench.expect(site.client.text.lowercased().contains("connection: close\r\n"), "it says nothing of its end")
        },
        Scenario("an early answer ends the connection, and says so") { bench in
            let site = try ServerBench(bench)
            site.send("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nhello")
            site.answer("no")
            site.waitForEnd()
            bench.expect(site.client.text.lowercased().contains("connection: close\r\n"), site.client.text)
            bench.expect(site.client.text.hasSuffix("no"), site.client.text)
            bench.expect(site.client.isEnded, "cut")
        },
        Scenario("an early answer arrives though its client goes on sending") { bench in
            let site = try ServerBench(bench)
            site.send("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n")
            site.answer([UInt8](repeating: 0x61, count: 50_000))
            bench.settle()
            var sent = 0
            while sent < 200_000, !site.client.isReset {
                sent += site.client.send([UInt8](repeating: 0x62, count: 20_000))
                bench.loop.turn(limit: .milliseconds(1))
            }
            site.waitForEnd()
            bench.expect(site.client.isEnded, "cut")
            bench.expect(site.client.received.count > 50_000, "\(site.client.received.count) bytes")
        },
        Scenario("while an early answer is on its way its client may send any number of bytes") { bench in
            let site = try ServerBench(bench, buffers: 32 << 10)
            site.send("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 2000000\r\n\r\n")
            site.answer(large)
            var sent = 0
            bench.turn {
                sent += site.client.send([UInt8](repeating: 0x62, count: 64 << 10))
                return sent >= 1_000_000 || site.client.isReset
            }
            site.waitForEnd()
            bench.expect(site.client.isEnded, "cut")
            bench.expect(site.client.received.count > large.count, "\(site.client.received.count) bytes")
        },
        Scenario("who sends without end after the last answer is cut off") { bench in
            let site = try ServerBench(bench)
            site.send("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 9000000\r\n\r\n")
            site.answer("no")
            site.waitForEnd()
            var sent = 0
            bench.turn {
                sent += site.client.send([UInt8](repeating: 0x62, count: 64 << 10))
                return site.events.last == "closed"
            }
            bench.expect(sent > 256 << 10, "after \(sent) bytes")
        },
        Scenario("who says nothing after the last answer is left after two seconds") { bench in
            let site = try ServerBench(bench)
            site.send("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 9000000\r\n\r\n")
            site.answer("no")
            site.waitForEnd()
            bench.pass(.milliseconds(1900))
            bench.expect(site.events, is: ["POST /a"])
            bench.pass(.milliseconds(200))
            bench.expect(site.events, is: ["POST /a", "closed"])
        },
    ]

    private static let clocks = [
        Scenario("a connection is idle so long from the end of an answer") { bench in
            var limits = H1ServerLimits()
            limits.idle = 5_000_000_000
            let site = try ServerBench(bench, limits)
            site.send(get)
            bench.pass(.seconds(7))
            site.answer("ok")
            bench.settle()
            bench.pass(.milliseconds(4900))
            bench.expect(site.events, is: ["GET /a"])
            bench.pass(.milliseconds(200))
            site.waitForEnd()
            bench.expect(site.client.isEnded, "cut")
        },
        Scenario("idleness begins when the last byte is with the kernel") { bench in
            var limits = H1ServerLimits()
            limits.idle = 5_000_000_000
            let site = try ServerBench(bench, limits, buffers: 32 << 10)
            site.send(get)
            site.answer(large)
            bench.settle()
            bench.pass(.seconds(10))
            bench.expect(site.events, is: ["GET /a"])
            bench.turn {
                site.client.read()
                return site.client.received.count > large.count && site.server?.unsent == 0
            }
            bench.settle()
            site.client.read()
            bench.expect(!site.client.isOver, "closed as idle with bytes on their way")
            bench.pass(.milliseconds(4900))
            bench.expect(site.events, is: ["GET /a"])
            bench.pass(.milliseconds(200))
            site.waitForEnd()
            bench.expect(site.client.isEnded, "cut")
        },
        Scenario("who takes nothing of an answer is cut off") { bench in
            let site = try ServerBench(bench, buffers: 32 << 10)
            site.send(get)
            site.answer(large)
            bench.settle()
            bench.pass(.milliseconds(29_900))
            bench.expect(site.events, is: ["GET /a"])
            bench.pass(.milliseconds(200))
            bench.expect(site.events, is: ["GET /a", "stalled", "closed"])
            site.waitForEnd()
            bench.expect(site.client.isReset, "half an answer looks whole")
        },
        Scenario("who takes nothing of a last answer is cut off") { bench in
            let site = try ServerBench(bench, buffers: 32 << 10)
            site.send("GET /a HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
            site.answer(large)
            bench.settle()
            bench.pass(.milliseconds(29_900))
            bench.expect(site.events, is: ["GET /a"])
            bench.pass(.milliseconds(200))
            bench.expect(site.events, is: ["GET /a", "stalled", "closed"])
        },
        Scenario("a head has its time from its first byte") { bench in
            let site = try ServerBench(bench)
            bench.pass(.seconds(9))
            site.send("GET /a HT")
            bench.pass(.milliseconds(9900))
            site.send("TP/1.1\r\n")
            bench.expect(site.events, is: [])
            bench.pass(.milliseconds(200))
            site.waitForEnd()
            bench.expect(site.client.text.hasPrefix("HTTP/1.1 408 "), site.client.text)
            bench.expect(site.events.first, is: "refused 408")
        },
        Scenario("who never begins a request has no longer than for a head") { bench in
            let site = try ServerBench(bench)
            bench.pass(.milliseconds(9900))
            bench.expect(site.events, is: [])
            bench.pass(.milliseconds(200))
            site.waitForEnd()
            bench.expect(site.client.text, is: "")
        },
    ]

    private static let stops = [
        Scenario("a stop closes who is idle, and others after their answer") { bench in
            let site = try ServerBench(bench)
            site.send(get)
            let other = ServerBench(bench, H1ServerLimits(), try LoopbackListener.pair())
            other.send(get)
            other.answer("ok")
            bench.settle()
            site.context.drain()
            other.context.drain()
            other.waitForEnd()
            bench.expect(other.client.isEnded, "cut")
            site.answer("ok")
            site.waitForEnd()
            bench.expect(site.client.text.lowercased().contains("connection: close\r\n"), site.client.text)
            bench.expect(site.client.isEnded, "cut")
        },
        Scenario("who has just come may still send its request while the server stops") { bench in
            for sends in [true, false] {
                let site = try ServerBench(bench)
                bench.settle()
                site.context.drain()
                bench.pass(.milliseconds(900))
                bench.expect(site.events, is: [])
                if sends {
                    site.send(get)
                    site.answer("ok")
                } else {
                    bench.pass(.milliseconds(200))
                }
                site.waitForEnd()
                bench.expect(site.client.text.hasSuffix("ok"), is: sends)
            }
        },
        Scenario("what a listener that is gone has accepted ends after its answer") { bench in
            let site = try ServerBench(bench)
            site.send(get)
            site.context.drain { $0 === site }
            site.answer("ok")
            site.waitForEnd()
            bench.expect(site.client.text.lowercased().contains("connection: close\r\n"), site.client.text)
        },
    ]
}
