// Owns the proof that an answer which comes before the end of a request reaches the client whole.
import Foundation
import Testing

extension EndToEnd {
    @Suite struct EarlyAnswers {
        private static let uploads = 200
        private static let uploadSize = 5_000_000
        private static let page = String(repeating: "too large ", count: 2_000)

        /// Sends a body for as long as nobody answers, as curl does.
        private static func upload(to port: UInt16, framing: String) throws -> Response {
            let client = try Connection(port)
            try client.send("POST /upload HTTP/1.1\r\nHost: shop\r\n\(framing)\r\n\r\n")
            let data = [UInt8](repeating: 120, count: 0x4000)
            let block = framing.hasPrefix("Content-Length") ? data : Array("4000\r\n".utf8) + data + [13, 10]
            _ = try client.send(atMost: Self.uploadSize, untilAnswered: block)
            return try client.receiveResponse()
        }

        private func expectAll(_ proxy: Proxy, _ body: @Sendable (Response) -> Bool, framing: String) throws {
            let outcomes = Shared<[String: Int]>([:])
            let port = proxy.port
            let begun = Shared(0)
            let clients = (0..<8).map { _ in
                Background {
                    while true {
                        var number = 0
                        begun.update {
                            $0 += 1
                            number = $0
                        }
                        guard number <= Self.uploads else { return }
                        let outcome: String
                        do {
                            let response = try Self.upload(to: port, framing: framing)
                            outcome = "\(response.status), \(response.body.count) bytes"
                        } catch { outcome = "\(error)" }
                        outcomes.update { $0[outcome, default: 0] += 1 }
                    }
                }
            }
            for client in clients { try client.value(within: .seconds(120)) }
            #expect(outcomes.value.count == 1, "\(outcomes.value)")
            let whole = try Self.upload(to: port, framing: framing)
            #expect(whole.status == 413 && body(whole))
            #expect(outcomes.value["413, \(whole.body.count) bytes"] == Self.uploads, "\(outcomes.value)")
        }

        /// The backend answers at the head, says that it is done, and reads on.
        @Test(arguments: InputOutput.available, ["Content-Length: 5000000", "Transfer-Encoding: chunked"])
        func reachEveryClient(_ inputOutput: InputOutput, framing: String) throws {
            let backend = try RawBackend { visit in
                guard try visit.head() != nil else { return }
                try visit.answer(Self.page, status: "413 Content Too Large", "Connection: close\r\n")
                visit.connection.shutdownWrite()
                try visit.awaitEnd()
            }
            let proxy = try Proxy(
                inputOutput, shop("health_check: off, outlier: off,", ["west": endpoints([backend.port])]))
            try expectAll(proxy, { $0.text == Self.page }, framing: framing)
        }

        /// As a real server does it.
        @Test(arguments: InputOutput.available)
        func ofNginxReachEveryClient(_ inputOutput: InputOutput) throws {
            let nginx = try Nginx.withSites(["a"], directives: "location /upload { client_max_body_size 1k; root /; }")
            let proxy = try Proxy(
                inputOutput, shop("health_check: off, outlier: off,", ["west": endpoints(nginx.ports)]))
            try expectAll(proxy, { $0.text.contains("413 ") }, framing: "Content-Length: 5000000")
        }

        /// Meridian's own answers to requests whose bodies it does not want.
        @Test(arguments: InputOutput.available)
        func ofTheProxyReachEveryClient(_ inputOutput: InputOutput) throws {
            let proxy = try Proxy(
                inputOutput,
                """
                datacenters: [ west ]
                services: [ { name: shop, health_check: off, endpoints: [ "127.0.0.1:1" ] } ]
                listeners: [ { name: web, bind: "127.0.0.1:$PORT", routes: [ { host: other, service: shop } ] } ]
                """)
            for _ in 0..<100 {
                let response = try Self.upload(to: proxy.port, framing: "Content-Length: 5000000")
                #expect(response.status == 404 && response["connection"] == "close")
            }
        }

        /// The rest of a body that nobody waits for is no request, and a kept connection does not outlive it.
        @Test(arguments: InputOutput.available)
        func theRestOfTheBodyIsNoRequest(_ inputOutput: InputOutput) throws {
            let backend = try RawBackend { visit in
                while let request = try visit.head() {
                    try visit.answer(String(request.target))
                }
            }
            let proxy = try Proxy(
                inputOutput, shop("health_check: off, outlier: off,", ["west": endpoints([backend.port])]), workers: 1)
            let smuggled = "GET /smuggled HTTP/1.1\r\nHost: shop\r\n\r\n"
            for _ in 0..<20 {
                let client = try Connection(proxy.port)
                try client.send("POST /first HTTP/1.1\r\nHost: shop\r\nContent-Length: \(smuggled.utf8.count)\r\n\r\n")
                let response = try client.receiveResponse()
                #expect(response.status == 200 && response.text == "/first")
                try? client.send(smuggled)
                #expect((try? client.receiveToEnd()) ?? [] == [])
                #expect(try get(proxy.port, "/second").text == "/second")
            }
            #expect(!backend.requests.contains { $0.target == "/smuggled" })
        }
    }
}
