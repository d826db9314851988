// Owns the proof that a tunnel is opened only where both sides have asked for one in the way that RFC 6455 wants.
import Foundation
import Testing

extension EndToEnd {
    @Suite struct Upgrades {
        private func start(_ inputOutput: InputOutput, _ backend: RawBackend) throws -> Proxy {
            // One worker, so that everything meets the objects that were used before.
            try Proxy(
                inputOutput, shop("health_check: off, outlier: off,", ["west": endpoints([backend.port])]), workers: 1)
        }

        /// A backend that takes every upgrade, and answers others with what it was asked.
        private func willing() throws -> RawBackend {
            try RawBackend { visit in
                while let request = try visit.request() {
                    if request.target == "/until-close" {
                        return try visit.send("HTTP/1.1 200 OK\r\n\r\nuntil I close")
                    }
                    guard request["upgrade"] != nil else {
                        try visit.answer(request.head)
                        continue
                    }
                    try visit.send(WebSocket.switching)
                    return try visit.connection.echo()
                }
            }
        }

        /// What is wrong with a request for a WebSocket (RFC 6455 section 4.2.1), and what becomes of it.
        private struct BadRequest: Sendable, CustomTestStringConvertible {
            let name: String
            let request: String
            /// Otherwise it is a plain request, of which the backend sees no `Upgrade` (RFC 9110 section 7.8).
            let isRefused: Bool
            var testDescription: String { name }
        }

        private static let badRequests = [
            BadRequest(
                name: "no key",
                request: WebSocket.upgrade.replacing("Sec-WebSocket-Key: \(WebSocket.key)\r\n", with: ""),
                isRefused: true),
            BadRequest(
                name: "no version", request: WebSocket.upgrade.replacing("Sec-WebSocket-Version: 13\r\n", with: ""),
                isRefused: true),
            BadRequest(
                name: "neither key nor version",
                request: "GET /chat HTTP/1.1\r\nHost: shop\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
                isRefused: true),
            BadRequest(
                name: "HTTP/1.0", request: WebSocket.upgrade.replacing(" HTTP/1.1", with: " HTTP/1.0"), isRefused: false
            ),
            BadRequest(
                name: "not nominated", request: WebSocket.upgrade.replacing("Connection: Upgrade\r\n", with: ""),
                isRefused: false),
            BadRequest(
                name: "another protocol", request: WebSocket.upgrade.replacing("websocket", with: "h2c"),
                isRefused: false),
        ]

        @Test(arguments: InputOutput.available)
        func badRequestsOpenNoTunnel(_ inputOutput: InputOutput) throws {
            let backend = try willing()
            let proxy = try start(inputOutput, backend)
            for bad in Self.badRequests {
                let before = backend.requests.count
                let client = try Connection(proxy.port)
                try client.send(bad.request)
                let response = try client.receiveResponse()
                #expect(response.status == (bad.isRefused ? 400 : 200), "\(bad.name): \(response)")
                let seen = backend.requests.dropFirst(before)
                #expect(seen.count == (bad.isRefused ? 0 : 1), "\(bad.name)")
                #expect(seen.allSatisfy { $0["upgrade"] == nil }, "\(bad.name): \(seen)")
            }
            try expectTunnel(proxy)
        }

        /// Answers that are no agreement to a WebSocket (RFC 6455 section 4.1): nothing behind them passes.
        private static let badAnswers = [
            "no upgrade": WebSocket.switching.replacing("Upgrade: websocket\r\n", with: ""),
            "another protocol": WebSocket.switching.replacing("Upgrade: websocket", with: "Upgrade: h2c"),
            "HTTP/1.0": WebSocket.switching.replacing("HTTP/1.1", with: "HTTP/1.0"),
            "not nominated": WebSocket.switching.replacing("Connection: Upgrade\r\n", with: ""),
            "another nomination": WebSocket.switching.replacing("Connection: Upgrade", with: "Connection: close"),
            "no accept": WebSocket.switching.replacing("Sec-WebSocket-Accept: \(WebSocket.accept)\r\n", with: ""),
            "nothing at all": "HTTP/1.1 101 Switching Protocols\r\n\r\n",
        ]

        @Test(arguments: InputOutput.available)
        func badAnswersOpenNoTunnel(_ inputOutput: InputOutput) throws {
            let answer = Shared("")
            let backend = try RawBackend { visit in
                while let request = try visit.request() {
                    guard request["upgrade"] != nil else {
                        try visit.answer("plain")
                        continue
                    }
                    try visit.send(answer.value + "secret")
                    try visit.awaitEnd()
                    return
                }
            }
            let proxy = try start(inputOutput, backend)
            for (name, text) in Self.badAnswers.sorted(by: { $0.key < $1.key }) {
                answer.update { $0 = text }
                let client = try Connection(proxy.port)
                try client.send(WebSocket.upgrade)
                let response = try client.receiveResponse()
                #expect(response.status == 502, "\(name): \(response)")
                #expect(!response.text.contains("secret"), "\(name)")
                // The connection is over, or it is not, and then it is no tunnel.
                client.setTimeout(.seconds(5))
                if response["connection"] == "close" {
                    #expect((try? client.receiveToEnd()) == [], "\(name)")
                } else {
                    #expect((try? client.get().text) == "plain", "\(name)")
                }
                // Nothing of it reaches the next client.
                #expect(try get(proxy.port).text == "plain", "\(name)")
            }
        }

        /// A 101 is no final answer: nothing of the framing of an earlier answer may show in it.
        @Test(arguments: InputOutput.available)
        func switchingHasNoFraming(_ inputOutput: InputOutput) throws {
            let backend = try willing()
            let proxy = try start(inputOutput, backend)
            for isKept in [true, false] {
                let first = try Connection(proxy.port)
                try first.send("GET /until-close HTTP/1.1\r\nHost: shop\r\n\r\n")
                let response = try first.receiveResponse()
                #expect(response.text == "until I close" && response["transfer-encoding"] == "chunked")
                try expectTunnel(proxy, over: isKept ? first : Connection(proxy.port))
            }
        }

        private func expectTunnel(_ proxy: Proxy, over kept: Connection? = nil) throws {
            let client = try kept ?? Connection(proxy.port)
            try client.send(WebSocket.upgrade)
            let response = try client.receiveResponse()
            #expect(response.status == 101)
            #expect(response["transfer-encoding"] == nil && response["content-length"] == nil, "\(response)")
            #expect(response["upgrade"]?.lowercased() == "websocket")
            #expect(response["connection"]?.lowercased() == "upgrade", "\(response)")
            #expect(response["sec-websocket-accept"] == WebSocket.accept)
            try client.send("ping")
            #expect(try client.receive(exactly: 4) == Array("ping".utf8))
        }
    }
}
