// Owns the proof that every answer has an identifier of its own, and that the access log has the same.
import Foundation
import Testing

extension EndToEnd {
    @Suite struct RequestIdentity {
        private struct Line: Decodable {
            let requestId: String
            let status: Int
        }

        private struct Step: Sendable {
            let request: String
            var isFresh = false
            let status: Int
            /// The identifier that the client has chosen, if it may.
            var chosen: String?
        }

        private static func get(_ path: String, host: String = "shop", _ fields: String = "") -> String {
            "GET \(path) HTTP/1.1\r\nHost: \(host)\r\n\(fields)\r\n"
        }

        private static let steps = [
            Step(request: get("/", "X-Request-Id: first-client\r\n"), status: 200, chosen: "first-client"),
            Step(request: get("/", host: "nowhere"), isFresh: true, status: 404),
            Step(
                request: get("/", "X-Request-Id: second-client\r\n"), isFresh: true, status: 200,
                chosen: "second-client"),
            Step(request: get("/", host: "nowhere"), status: 404),
            Step(request: get("/", host: "nowhere", "X-Request-Id: mine\r\n"), status: 404, chosen: "mine"),
            Step(request: get("/", host: "nowhere"), status: 404),
            Step(request: get("/"), status: 200),
            Step(request: get("/reset"), status: 502),
            Step(request: get("/silent", "X-Request-Id: impatient\r\n"), status: 504, chosen: "impatient"),
            Step(request: get("/silent"), isFresh: true, status: 504),
            Step(request: get("/", host: "empty"), status: 503),
            Step(request: get("/", "X-Request-Id: third-client\r\n"), status: 200, chosen: "third-client"),
            Step(request: "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", isFresh: true, status: 400),
            Step(request: get("/", "X-Request-Id: fourth-client\r\n"), status: 200, chosen: "fourth-client"),
            Step(request: "GET / HTTP/2.0\r\nHost: shop\r\n\r\n", status: 505),
            Step(request: "GET /" + String(repeating: "a", count: 40 << 10) + " HTTP/1.1\r\n\r\n", status: 414),
            Step(request: get("/", "X: " + String(repeating: "a", count: 33 << 10) + "\r\n"), status: 431),
            Step(request: "CONNECT shop:80 HTTP/1.1\r\nHost: shop:80\r\n\r\n", status: 405),
            Step(request: "POST / HTTP/1.1\r\nHost: shop\r\nTransfer-Encoding: gzip\r\n\r\n", status: 501),
            // No identifier that is fit for a log is made from these.
            Step(request: get("/", "X-Request-Id: two words\r\n"), status: 200),
            Step(
                request: get("/", host: "nowhere", "X-Request-Id: \(String(repeating: "x", count: 129))\r\n"),
                status: 404),
        ]

        @Test(arguments: InputOutput.available)
        func everyAnswerHasItsOwn(_ inputOutput: InputOutput) throws {
            let backend = try RawBackend { visit in
                while let request = try visit.request() {
                    switch request.target {
                    case "/reset": return visit.connection.abort()
                    case "/silent": return _ = try visit.awaitEnd()
                    default: try visit.answer("fine")
                    }
                }
            }
            // One worker: the objects of one request serve the next.
            let proxy = try Proxy(
                inputOutput,
                """
                datacenters: [ west ]
                access_log: { path: "$FOLDER/access.log", format: json }
                services:
                  - { name: shop, health_check: off, outlier: off, retry: { attempts: 0 },
                      endpoints: [ "\(backend.address)" ] }
                  - { name: silent, health_check: off, outlier: off, timeouts: { first_byte: 500ms }, retry: { attempts: 0 },
                      endpoints: [ "\(backend.address)" ] }
                  - { name: empty, health_check: off, endpoints: [ { address: "\(backend.address)", weight: 0 } ] }
                listeners:
                  - name: web
                    bind: "127.0.0.1:$PORT"
                    routes:
                      - { host: shop, path: /silent, service: silent }
                      - { host: shop, service: shop }
                      - { host: empty, service: empty }
                """, workers: 1)
            var answers: [Response] = []
            var client = try Connection(proxy.port)
            for (number, step) in Self.steps.enumerated() {
                if step.isFresh || answers.last?["connection"] == "close" { client = try Connection(proxy.port) }
                try client.send(step.request)
                let response = try client.receiveResponse()
                #expect(response.status == step.status, "step \(number): \(response)")
                answers.append(response)
            }
            let identifiers = answers.map { $0["x-request-id"] ?? "" }
            for (number, identifier) in identifiers.enumerated() {
                #expect(!identifier.isEmpty, "step \(number) has none")
                let chosen = Self.steps[number].chosen
                #expect(chosen == nil || identifier == chosen, "step \(number): \(identifier)")
            }
            #expect(Set(identifiers).count == identifiers.count, "\(identifiers)")
            // What the client was told is what the backend was told, and what the log tells.
            // One that was tried again is the same request.
            let seen = backend.requests.compactMap { $0["x-request-id"] }
            #expect(
                zip(seen, [""] + seen).filter { $0 != $1 }.map(\.0)
                    == zip(Self.steps, identifiers).filter { [200, 502, 504].contains($0.0.status) }.map(\.1))
            let decoder = JSONDecoder()
            decoder.keyDecodingStrategy = .convertFromSnakeCase
            let lines = try proxy.accessLog(answers.count).map { try decoder.decode(Line.self, from: Data($0.utf8)) }
            #expect(lines.map(\.status) == answers.map(\.status))
            #expect(lines.map(\.requestId) == identifiers)
        }
    }
}
