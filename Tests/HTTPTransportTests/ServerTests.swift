// Owns what the server does with requests: framing, order, limits, and how connections end.
import HTTPTransport
import Proactor
import Testing
import Topology

@Suite struct ServerTests {
    @Test func aRequestIsHandedOverWhole() throws {
        let site = try Site.echo()
        let client = try site.connect()
        client.send("PUT /a%20b/./c?x=1&y=%2B+z&broken=%ff HTTP/1.1\r\nHost: one.example:81\r\nX-Thing: v\r\n")
        client.send("Content-Length: 5\r\n\r\nhel")
        client.send("lo")
        site.turn { client.text.hasSuffix("hello") }
        let request = try #require(site.seen.first)
        #expect(request.method == "PUT")
        #expect(request.path == "/a%20b/c")
        #expect(request.pathSegments == ["a b", "c"])
        #expect(request.queryItem("y") == "+ z")
        #expect(request.queryItem("x") == "1")
        #expect(request.queryItem("broken") == nil)
        #expect(request[field: "x-THING"] == "v")
        #expect(request.authority == "one.example:81")
        #expect(request.peer?.isLoopback == true)
        #expect(request.body == Array("hello".utf8))
    }

    @Test func answersCarryDateLengthAndConnection() throws {
        let site = try Site.echo()
        let client = try site.connect()
        client.send("GET /x HTTP/1.1\r\nHost: h\r\n\r\n")
        site.turn { client.text.hasSuffix("GET /x? ") }
        let head = client.text.components("\r\n")
        #expect(head[0] == "HTTP/1.1 200 OK")
        #expect(head.contains("Content-Length: 8"))
        #expect(head.contains("Connection: keep-alive"))
        #expect(head.contains { $0.hasPrefix("Date: ") && $0.hasSuffix(" GMT") })
        #expect(site.server.connectionCount == 1)
    }

    static let chunks =
        "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x\r\nde\r\n0\r\nT: v\r\n\r\n"

    @Test func bodiesArriveInAnySplit() throws {
        let site = try Site.echo()
        let client = try site.connect()
        for byte in Self.chunks.utf8 {
            client.send([byte])
            site.loop.turn(limit: .zero)
        }
        site.turn { client.text.hasSuffix("abcde") }
        #expect(site.seen.map(\.body) == [Array("abcde".utf8)])
    }

    @Test func pipelinedRequestsAreAnsweredInOrder() throws {
        var waiting: [HTTPResponder] = []
        let site = try Site { request, responder in
            if request.path == "/slow" {
                waiting.append(responder)
            } else {
                responder.respond(.text(200, request.path))
            }
        }
        let client = try site.connect()
        let requests = ["/slow", "/2", "/3"].map { "GET \($0) HTTP/1.1\r\nHost: h\r\n\r\n" }
        client.send(requests.joined())
        site.turn { waiting.count == 1 }
        // The second is not begun before the first is answered.
        for _ in 0..<5 { site.loop.turn(limit: .zero) }
        #expect(site.seen.count == 1)
        waiting[0].respond(.text(200, "/1"))
        site.turn { client.text.hasSuffix("/3") }
        let bodies = client.text.components("\r\n\r\n").dropFirst().map { $0.prefix(2) }
        #expect(bodies == ["/1", "/2", "/3"])
    }

    /// Answering inside of the handler must not nest one call in another.
    @Test func thousandsOfPipelinedRequests() throws {
        let site = try Site { _, responder in responder.respond(HTTPResponse(status: 204)) }
        let client = try site.connect()
        let count = 5_000
        client.send(String(repeating: "GET / HTTP/1.1\r\nHost: h\r\n\r\n", count: count))
        client.finish()
        site.turn { client.isOver }
        #expect(site.seen.count == count)
        #expect(client.text.components("HTTP/1.1 204 No Content\r\n").count == count + 1)
        #expect(!client.text.contains("Content-Length"))
    }

    /// A request that is refused, and the status that it gets.
    struct BadRequest: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let bytes: String
        let status: Int

        init(_ name: String, _ bytes: String, _ status: Int) {
            testDescription = name
            self.bytes = bytes
            self.status = status
        }
    }

    private static let long = String(repeating: "a", count: 40_000)
    static let badRequests = [
        BadRequest("no Host", "GET / HTTP/1.1\r\n\r\n", 400),
        BadRequest("two Hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        BadRequest("bare LF", "GET / HTTP/1.1\nHost: a\n\n", 400),
        BadRequest("HTTP/2", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505),
        BadRequest(
            "two framings", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400
        ),
        BadRequest("unknown coding", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
        BadRequest("bad chunk", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
        BadRequest("long body", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 101\r\n\r\n", 413),
        BadRequest(
            "long chunked body",
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n65\r\n\(long.prefix(101))\r\n0\r\n\r\n",
            413),
        BadRequest("long target", "GET /\(long) HTTP/1.1\r\n", 414),
        BadRequest("long head", "GET / HTTP/1.1\r\nHost: a\r\nX: \(long)\r\n", 431),
    ]

    @Test(arguments: badRequests)
    func badRequestsAreRefusedAndTheConnectionCloses(_ request: BadRequest) throws {
        var configuration = HTTPServerConfiguration()
        configuration.bodyLimit = 100
        let site = try Site.echo(configuration)
        // A good request behind the bad one must not be served.
        let text = try site.exchange(request.bytes + "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(text.hasPrefix("HTTP/1.1 \(request.status) "), "\(text)")
        #expect(text.contains("Connection: close\r\n"))
        #expect(text.components("HTTP/1.1 ").count == 2)
        #expect(site.seen.isEmpty)
    }

    @Test(arguments: [
        ("GET / HTTP/1.0\r\n\r\n", true, false),
        ("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", false, false),
        ("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", true, false),
        ("GET / HTTP/1.1\r\nHost: h\r\n\r\n", true, true),
    ])
    func connectionsCloseWhenTheyShould(_ bytes: String, _ closes: Bool, _ finishes: Bool) throws {
        let site = try Site.echo()
        let client = try site.connect()
        client.send(bytes)
        if finishes { client.finish() }
        site.turn { client.text.hasSuffix("GET /? ") }
        if closes {
            site.turn { client.isOver }
            client.close()
            site.turn { site.server.connectionCount == 0 }
        } else {
            #expect(client.text.contains("Connection: keep-alive"))
            #expect(!client.isOver)
        }
    }

    @Test func headHasALengthAndNoBody() throws {
        let site = try Site.echo()
        let text = try site.exchange("HEAD /x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
        #expect(text.contains("Content-Length: 9\r\n"))
        #expect(text.hasSuffix("\r\n\r\n"))
    }

    @Test func expectContinueIsAnsweredOnlyWhenTheBodyIsWanted() throws {
        var configuration = HTTPServerConfiguration()
        configuration.bodyLimit = 10
        let site = try Site.echo(configuration)
        let client = try site.connect()
        client.send("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
        site.turn { client.text == "HTTP/1.1 100 Continue\r\n\r\n" }
        client.send("ok")
        site.turn { client.text.hasSuffix("POST /? ok") }
        let large = try site.exchange(
            "POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 11\r\n\r\n")
        #expect(large.hasPrefix("HTTP/1.1 413 "))
    }

    @Test func oneConnectionTooManyIsReset() throws {
        var configuration = HTTPServerConfiguration()
        configuration.connectionLimit = 2
        var waiting: [HTTPResponder] = []
        let site = try Site(configuration) { request, responder in
            if request.path == "/slow" { waiting.append(responder) } else { responder.respond(.text(200, "")) }
        }
        // Only those who wait for nothing but their client give way.
        let first = try site.connect()
        first.send("GET /slow HTTP/1.1\r\nHost: h\r\n\r\n")
        site.turn { waiting.count == 1 }
        let second = try site.connect()
        second.send("GET /slow HTTP/1.1\r\nHost: h\r\n\r\n")
        site.turn { waiting.count == 2 }
        let third = try site.connect()
        site.turn { third.failure == .reset }
        #expect(!first.isOver && !second.isOver)
        first.close()
        waiting[0].respond(.text(200, ""))
        site.turn { site.server.connectionCount == 1 }
        #expect(try site.exchange("GET / HTTP/1.0\r\n\r\n").contains("200 OK"))
    }

    @Test func aFieldOfTheHandlerCannotSplitTheAnswer() throws {
        let site = try Site { _, responder in
            responder.respond(
                HTTPResponse(
                    status: 200,
                    fields: [
                        ("X-Value", "a\r\nSet-Cookie: b\r\n\r\n<html>"), ("Bad Name", "c"), ("content-length", "999"),
                        ("Connection", "upgrade"),
                    ]))
        }
        let text = try site.exchange("GET / HTTP/1.0\r\n\r\n")
        #expect(text.contains("X-Value: a  Set-Cookie: b    <html>\r\n"))
        #expect(!text.contains("Bad Name") && !text.contains("999") && !text.contains("upgrade"))
        #expect(text.components("\r\n\r\n").count == 2)
    }
}

extension String {
    /// The parts between occurrences of a separator.
    func components(_ separator: String) -> [String] {
        var parts: [String] = []
        var rest = Array(utf8)[...]
        let mark = Array(separator.utf8)
        var start = rest.startIndex
        var index = start
        while index + mark.count <= rest.endIndex {
            if rest[index..<(index + mark.count)].elementsEqual(mark) {
                parts.append(String(decoding: rest[start..<index], as: UTF8.self))
                index += mark.count
                start = index
            } else {
                index += 1
            }
        }
        rest = rest[start...]
        return parts + [String(decoding: rest, as: UTF8.self)]
    }
}
