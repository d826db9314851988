// Owns the command line's client, against a server on a thread of its own, and the parsing that it rests on.
import HTTPTransport
import Proactor
import Testing
import Topology

@Suite struct BlockingClientTests {
    /// A server on a thread of its own.
    private static func serve(
        _ handler: @escaping @Sendable (HTTPRequest, HTTPResponder, EventLoop) -> Void
    ) throws -> (host: LoopHost<HTTPServer>, address: SocketAddress) {
        let socket = try ListeningSocket.bind(Site.anywhere())[0]
        let host = try LoopHost.start(name: "site", io: .epoll, buffers: .modest) { loop throws(SystemError) in
            HTTPServer(loop: loop, socket: socket, configuration: HTTPServerConfiguration()) { request, responder in
                handler(request, responder, loop)
            }
        }
        return (host, socket.address)
    }

    @Test func requestsByURLAndByBase() throws {
        let (host, address) = try Self.serve { request, responder, _ in
            responder.respond(.text(200, "\(request.method) \(request.authority) \(request.path) \(request.query)"))
        }
        defer { host.stop() }
        let base = "http://localhost:\(address.port)"
        let first = try BlockingHTTPClient.request("GET", "http://127.0.0.1:\(address.port)/a?b=c#d")
        #expect(String(decoding: first.body, as: UTF8.self) == "GET 127.0.0.1:\(address.port) /a b=c")
        // A name may have an address at which nobody listens before the one that serves.
        let second = try BlockingHTTPClient.send(HTTPRequest(method: "DELETE", path: "/x"), to: base + "/")
        #expect(String(decoding: second.body, as: UTF8.self) == "DELETE localhost:\(address.port) /x ")
    }

    @Test func failuresTellWhetherSomethingMayHaveHappened() throws {
        let (host, address) = try Self.serve { _, responder, _ in responder.stream(HTTPResponse(status: 200)).abort() }
        defer { host.stop() }
        func failure(_ base: String) -> String {
            do throws(HTTPClientError) {
                _ = try BlockingHTTPClient.send(HTTPRequest(method: "GET", path: "/"), to: base, timeout: .seconds(10))
                return "answered"
            } catch {
                switch error {
                case .badURL: return "bad URL"
                case .unreachable: return "unreachable"
                case .noAnswer: return "no answer"
                }
            }
        }
        #expect(failure("http://127.0.0.1:\(address.port)") == "no answer")
        #expect(failure("https://127.0.0.1:\(address.port)") == "bad URL")
        // No server is asked about a name with nothing between its dots.
        #expect(failure("http://no..host:1") == "unreachable")
        #expect(failure("http://\(try Site.nowhere())") == "unreachable")
    }

    @Test func eventsAreFollowed() throws {
        let (host, address) = try Self.serve { request, responder, loop in
            guard request.path == "/events" else {
                responder.respond(.text(404, "no events here"))
                return
            }
            let writer = ServerSentEventWriter(responder, loop: loop) {}
            for number in 0..<100 { writer.send(ServerSentEvent(data: "event \(number)", id: "\(number)")) }
            writer.end()
        }
        defer { host.stop() }
        let base = "http://127.0.0.1:\(address.port)"
        var seen: [String] = []
        let whole = try BlockingHTTPClient.followEvents(HTTPRequest(method: "GET", path: "/events"), to: base) {
            seen.append($0.data)
            return true
        }
        #expect(whole.status == 200)
        #expect(seen == (0..<100).map { "event \($0)" })
        var count = 0
        try BlockingHTTPClient.followEvents(HTTPRequest(method: "GET", path: "/events"), to: base) { _ in
            count += 1
            return count < 3
        }
        #expect(count == 3)
        let missing = try BlockingHTTPClient.followEvents(HTTPRequest(method: "GET", path: "/"), to: base) { _ in true }
        #expect(missing.status == 404)
        #expect(missing.body == Array("no events here".utf8))
    }

    /// A URL and its address, authority and target; nil where it is none.
    static let urls: [(String, [String]?)] = [
        ("http://a", ["a:80", "a", "/", ""]),
        ("HTTP://a:8080/x/y?z=1&w#f", ["a:8080", "a:8080", "/x/y", "z=1&w"]),
        ("http://[::1]:9/", ["[::1]:9", "[::1]:9", "/", ""]),
        ("http://[::1]", ["[::1]:80", "[::1]", "/", ""]),
        ("http://a?q", ["a:80", "a", "/", "q"]),
        ("https://a", nil), ("http://", nil), ("http://:80", nil), ("http://a:99999", nil), ("http://u@a", nil),
        ("http://a/ b", nil), ("http://a/\u{7F}", nil), ("http://a/\r\nX: y", nil), ("a:80", nil), ("", nil),
    ]

    @Test(arguments: urls)
    func urlsAreParsed(_ text: String, _ expected: [String]?) {
        let url = HTTPURL(text)
        #expect(url.map { ["\($0.address)", $0.authority, $0.path, $0.query] } == expected)
    }

    @Test func eventsAreReadInAnySplit() {
        let text =
            ":\n\ndata: a\ndata:b\r\nid: 7\r\n\r\nevent: x\rdata\r\rdata: last\nunknown: y\n\nid: 8\n\ndata: cut off\n"
        let expected = [
            ServerSentEvent(data: "a\nb", id: "7"), ServerSentEvent(data: "", event: "x", id: "7"),
            ServerSentEvent(data: "last", id: "7"),
        ]
        let bytes = Array(text.utf8)
        for size in 1...bytes.count {
            var parser = ServerSentEventParser()
            var events: [ServerSentEvent] = []
            for start in stride(from: 0, to: bytes.count, by: size) {
                events += parser.take(Array(bytes[start..<min(start + size, bytes.count)]))
            }
            #expect(events == expected, "pieces of \(size)")
        }
    }

    @Test(arguments: ["plain", "two\nlines\n", "", "\r\nodd\rbreaks"])
    func eventsSurviveTheWire(_ data: String) {
        var parser = ServerSentEventParser()
        let events = parser.take(ServerSentEvent(data: data, event: "e", id: "1").bytes)
        let normal = data.replacing("\r\n", with: "\n").replacing("\r", with: "\n")
        #expect(events == [ServerSentEvent(data: normal, event: "e", id: "1")])
    }

    @Test func percentEncodingGoesBothWays() {
        let texts = ["10.0.0.1:80", "unix:/run/a b.sock", "ü%/?#", ""]
        for text in texts {
            let request = HTTPRequest(method: "GET", path: "/x/" + PercentEncoding.encode(text))
            #expect(request.pathSegments == (text.isEmpty ? ["x"] : ["x", text]))
        }
        #expect(HTTPRequest(method: "GET", path: "/%ff").pathSegments == nil)
        #expect(HTTPRequest(method: "GET", path: "/%4").pathSegments == nil)
    }
}
