// Owns the proof that requests which two parsers could read differently are refused, and never seen by a backend.
import Foundation
import Testing

extension EndToEnd {
    @Suite struct BadRequests {
        struct Vector: Sendable, CustomTestStringConvertible {
            let name: String
            let request: String
            var status = 400
            var testDescription: String { name }

            init(_ name: String, _ request: String, _ status: Int = 400) {
                self.name = name
                self.request = request
                self.status = status
            }
        }

        /// RFC 9112 sections 2.2, 3, 5, 6 and 7, RFC 9110 sections 5 and 7.2; a smuggled request hides in most of them.
        static let vectors: [Vector] = [
            Vector("length and chunks", post("Content-Length: 6\r\nTransfer-Encoding: chunked", "0\r\n\r\nGET /admin")),
            Vector("chunks and length", post("Transfer-Encoding: chunked\r\nContent-Length: 6", "0\r\n\r\nGET /admin")),
            Vector("two lengths", post("Content-Length: 5\r\nContent-Length: 6", "abcdef")),
            Vector("two equal lengths", post("Content-Length: 5\r\nContent-Length: 5", "abcde")),
            Vector("a list of lengths", post("Content-Length: 5, 6", "abcdef")),
            Vector("a signed length", post("Content-Length: +5", "abcde")),
            Vector("a negative length", post("Content-Length: -5", "abcde")),
            Vector("a hexadecimal length", post("Content-Length: 0x5", "abcde")),
            Vector("a length of many digits", post("Content-Length: 99999999999999999999", "abcde")),
            Vector("an empty length", post("Content-Length:", "abcde")),
            Vector("a length with a space in it", post("Content-Length: 1 0", "abcde")),
            Vector("an unknown coding", post("Transfer-Encoding: gzip", "0\r\n\r\n"), 501),
            Vector("an unknown coding before chunked", post("Transfer-Encoding: gzip, chunked", "0\r\n\r\n")),
            Vector("chunked twice", post("Transfer-Encoding: chunked, chunked", "0\r\n\r\n")),
            Vector(
                "two fields of codings", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", "0\r\n\r\n")),
            Vector("chunked not last", post("Transfer-Encoding: chunked, identity", "0\r\n\r\n")),
            Vector("a coding with a vertical tab", post("Transfer-Encoding: \u{0b}chunked", "0\r\n\r\n")),
            Vector("a quoted coding", post("Transfer-Encoding: \"chunked\"", "0\r\n\r\n")),
            Vector(
                "chunks in HTTP/1.0", "POST / HTTP/1.0\r\nHost: shop\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
            Vector("a space before the colon", post("Content-Length : 5", "abcde")),
            Vector("a tab before the colon", post("Transfer-Encoding\t: chunked", "0\r\n\r\n")),
            Vector("a folded field", get("X-One: 1\r\n two")),
            Vector("a first field that is folded", "GET / HTTP/1.1\r\n X: 1\r\nHost: shop\r\n\r\n"),
            Vector("a folded coding", post("Transfer-Encoding:\r\n chunked", "0\r\n\r\n")),
            Vector("bare line feeds", "GET / HTTP/1.1\nHost: shop\n\n"),
            Vector("a bare line feed in the head", "GET / HTTP/1.1\r\nHost: shop\nX: 1\r\n\r\n"),
            Vector("a bare carriage return", get("X: 1\rTransfer-Encoding: chunked")),
            Vector("a NUL in a value", get("X: a\u{0}b")),
            Vector("a control byte in a value", get("X: a\u{1}b")),
            Vector("a NUL in a name", get("X\u{0}: b")),
            Vector("a field without a name", get(": b")),
            Vector("a field without a colon", get("X")),
            Vector("a bracket in a name", get("X[]: b")),
            Vector("no host", "GET / HTTP/1.1\r\n\r\n"),
            Vector("two hosts", "GET / HTTP/1.1\r\nHost: shop\r\nHost: other\r\n\r\n"),
            Vector("two equal hosts", "GET / HTTP/1.1\r\nHost: shop\r\nHost: shop\r\n\r\n"),
            Vector("a host with a path", "GET / HTTP/1.1\r\nHost: shop/admin\r\n\r\n"),
            Vector("a host with a user", "GET / HTTP/1.1\r\nHost: me@shop\r\n\r\n"),
            Vector("a host that disagrees", "GET http://shop/ HTTP/1.1\r\nHost: other\r\n\r\n"),
            Vector("a target without a slash", "GET index HTTP/1.1\r\nHost: shop\r\n\r\n"),
            Vector("a target with a space", "GET /a b HTTP/1.1\r\nHost: shop\r\n\r\n"),
            Vector("a target with a NUL", "GET /%00 HTTP/1.1\r\nHost: shop\r\n\r\n"),
            Vector("a target with a broken escape", "GET /%zz HTTP/1.1\r\nHost: shop\r\n\r\n"),
            Vector("no version", "GET /\r\nHost: shop\r\n\r\n"),
            Vector("a version in small letters", "GET / http/1.1\r\nHost: shop\r\n\r\n"),
            Vector("another major version", "GET / HTTP/2.0\r\nHost: shop\r\n\r\n", 505),
            Vector("two spaces", "GET  / HTTP/1.1\r\nHost: shop\r\n\r\n"),
            Vector("a method with a slash", "G/T / HTTP/1.1\r\nHost: shop\r\n\r\n"),
            Vector("an HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
            Vector("the length nominated", get("Connection: Content-Length")),
            Vector("the host nominated", get("Connection: close, Host")),
            Vector("the forwarded address nominated", get("Connection: X-Forwarded-For")),
            Vector("a head that is too long", get("X: " + String(repeating: "a", count: 33 << 10)), 431),
            Vector(
                "too many fields", get((0..<200).map { "X-\($0): 1" }.joined(separator: "\r\n")), 431),
            Vector(
                "a target that is too long", "GET /" + String(repeating: "a", count: 40 << 10) + " HTTP/1.1\r\n\r\n",
                414),
        ]

        private static func post(_ fields: String, _ body: String) -> String {
            "POST /seen HTTP/1.1\r\nHost: shop\r\n\(fields)\r\n\r\n\(body)"
        }

        private static func get(_ fields: String) -> String { "GET /seen HTTP/1.1\r\nHost: shop\r\n\(fields)\r\n\r\n" }

        /// A plain request.
        private func answer(of proxy: Proxy) throws -> Response { try Connection(proxy.port).get() }

        /// A backend that remembers every byte it was sent.
        private func recorder(_ seen: Shared<String>) throws -> ScriptedServer {
            try ScriptedServer { connection in
                while true {
                    let bytes = try connection.receive()
                    if bytes.isEmpty { return }
                    seen.update { $0 += String(decoding: bytes, as: UTF8.self) }
                    try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                }
            }
        }

        @Test(arguments: InputOutput.available)
        func areRefusedAndNeverSeen(_ inputOutput: InputOutput) throws {
            let seen = Shared("")
            let backend = try recorder(seen)
            let proxy = try Proxy(inputOutput, shop("health_check: off,", ["west": endpoints([backend.port])]))
            for vector in Self.vectors {
                let client = try Connection(proxy.port)
                // What follows on the connection must not be taken for a request of its own.
                try client.send(vector.request + "GET /smuggled HTTP/1.1\r\nHost: shop\r\n\r\n")
                let response = try client.receiveResponse()
                #expect(response.status == vector.status, "\(vector.name): \(response.status)")
                #expect(response["connection"] == "close", "\(vector.name)")
                #expect((try? client.receiveToEnd()) == [], "\(vector.name): the connection goes on")
            }
            #expect(seen.value == "")
            let good = try answer(of: proxy)
            #expect(good.status == 200)
            #expect(seen.value.hasPrefix("GET / HTTP/1.1\r\n"))
            #expect(seen.value.contains("\r\n\r\n") && seen.value.hasSuffix("\r\n\r\n"))
        }

        /// A chunked body that breaks under way: what was passed on is cut, and nothing after it is a request.
        @Test(arguments: InputOutput.available)
        func brokenChunksAreCut(_ inputOutput: InputOutput) throws {
            for body in [
                "zz\r\nabc\r\n0\r\n\r\n", "3\nabc\r\n0\r\n\r\n", "3\r\nabcd\r\n0\r\n\r\n", "-3\r\nabc\r\n0\r\n\r\n",
                "3;\n\r\nabc\r\n0\r\n\r\n", "fffffffffffffffff\r\nabc",
            ] {
                let seen = Shared("")
                let backend = try ScriptedServer { connection in
                    while true {
                        let bytes = try connection.receive()
                        if bytes.isEmpty { return }
                        seen.update { $0 += String(decoding: bytes, as: UTF8.self) }
                    }
                }
                let proxy = try Proxy(inputOutput, shop("health_check: off,", ["west": endpoints([backend.port])]))
                let client = try Connection(proxy.port)
                try client.send(
                    Self.post("Transfer-Encoding: chunked", body) + "GET /smuggled HTTP/1.1\r\nHost: shop\r\n\r\n")
                #expect(try client.receiveResponse().status == 400, "\(body)")
                #expect((try? client.receiveToEnd()) == [])
                #expect(!seen.value.contains("smuggled") && !seen.value.contains("0\r\n\r\n"), "\(body): \(seen.value)")
            }
        }

        /// What is unusual but right passes.
        @Test(arguments: InputOutput.available)
        func unusualButRightRequestsPass(_ inputOutput: InputOutput) throws {
            let nginx = try Nginx.withSites(["a"])
            let proxy = try Proxy(inputOutput, shop("", ["west": endpoints(nginx.ports)]))
            for request in [
                "\r\nGET / HTTP/1.1\r\nHost: shop\r\n\r\n", "GET http://SHOP:80/ HTTP/1.1\r\nHost: shop\r\n\r\n",
                "GET /a/../b/./%2e%2e/ HTTP/1.1\r\nHost: shop\r\n\r\n", "GET / HTTP/1.1\r\nhOST:shop\r\n\r\n",
                "GET /?a=b&c=%20 HTTP/1.1\r\nHost: [::1]:80\r\nX: \t caf\u{e9} \t\r\n\r\n",
                "GET / HTTP/1.0\r\n\r\n", "GET / HTTP/1.1\r\nHost: shop\r\nContent-Length: 3\r\n\r\nabc",
                "POST / HTTP/1.1\r\nHost: shop\r\nTransfer-Encoding: Chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\nX-Trailer: 1\r\n\r\n",
            ] {
                let client = try Connection(proxy.port)
                try client.send(request)
                let response = try client.receiveResponse()
                #expect(response.status == 200 && response.text == "a", "\(request): \(response)")
            }
            // Pipelined requests are answered in their order.
            let client = try Connection(proxy.port)
            try client.send(
                "GET /healthz HTTP/1.1\r\nHost: shop\r\n\r\nGET / HTTP/1.1\r\nHost: shop\r\n\r\n"
                    + "GET /status/500 HTTP/1.1\r\nHost: shop\r\n\r\n")
            #expect(try client.receiveResponse().text == "fine")
            #expect(try client.receiveResponse().text == "a")
            #expect(try client.receiveResponse().status == 500)
        }

        /// Backends are held to the same rules: what is framed badly is 502, and none of it reaches a client.
        @Test(arguments: InputOutput.available)
        func badResponsesAreNotPassedOn(_ inputOutput: InputOutput) throws {
            for text in [
                "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nsecret",
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, gzip\r\n\r\nsecret",
                "HTTP/1.1 200 OK\r\nX : 1\r\nContent-Length: 6\r\n\r\nsecret",
                "HTTP/1.1 200 OK\nContent-Length: 6\n\nsecret",
                "HTTP/1.1 20 OK\r\nContent-Length: 6\r\n\r\nsecret", "secret: no status line\r\n\r\n",
                "HTTP/1.1 200 OK\r\nX: a\u{0}b\r\nContent-Length: 6\r\n\r\nsecret",
            ] {
                let backend = try ScriptedServer { connection in
                    _ = try connection.receive(through: "\r\n\r\n")
                    try connection.send(text)
                    _ = try connection.receive()
                }
                let proxy = try Proxy(inputOutput, shop("health_check: off,", ["west": endpoints([backend.port])]))
                let response = try answer(of: proxy)
                #expect(response.status == 502, "\(text)")
                #expect(!response.text.contains("secret"), "\(text)")
            }
        }
    }
}
