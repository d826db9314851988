// Owns the proof that a request whose client has gone is given up, where that is safe, and only there.
import Foundation
import Testing

extension EndToEnd {
    @Suite struct LeavingClients {
        /// Far longer than any test here waits, so that nothing else ends the wait for an answer.
        private static let patient = "health_check: off, outlier: off, timeouts: { first_byte: 90s },"

        /// A backend that answers nobody before the gate is open.
        private func backend(_ gate: Gate) throws -> RawBackend {
            try RawBackend { visit in
                guard let request = try visit.request() else { return }
                if request.target.hasPrefix("/wait") {
                    try gate.wait()
                    try visit.answer("late")
                }
                try visit.awaitEnd()
            }
        }

        private func send(_ method: String, _ path: String, to proxy: Proxy) throws -> Connection {
            let client = try Connection(proxy.port)
            let body = ["POST", "PUT", "PATCH"].contains(method) ? "Content-Length: 4\r\n\r\nbody" : "\r\n"
            try client.send("\(method) \(path) HTTP/1.1\r\nHost: shop\r\n\(body)")
            return client
        }

        /// The backend hears of it at once, and not when it answers.
        @Test(arguments: InputOutput.available, ["GET", "PUT"])
        func idempotentRequestsAreCancelled(_ inputOutput: InputOutput, method: String) throws {
            let backend = try backend(Gate())
            let proxy = try Proxy(inputOutput, shop(Self.patient, ["west": endpoints([backend.port])]))
            for abrupt in [false, true] {
                let before = backend.endings.count
                let client = try send(method, "/never", to: proxy)
                try eventually("the request at the backend") { backend.requests.count == before + 1 }
                if abrupt { client.abort() } else { client.close() }
                try eventually("the end of the backend's connection", within: .seconds(5)) {
                    backend.endings.count == before + 1
                }
            }
            // Nothing is left of them, and nobody is blamed.
            try eventually("an end of what was in flight") {
                try proxy.status().endpoints.allSatisfy { $0.inFlight == 0 }
            }
            // What no check has looked at is "unknown" until traffic says something bad of it.
            #expect(try proxy.state(of: backend.address) == "unknown")
        }

        /// A client that goes while it waits for another's turn or for a body's rest needs nothing of this: here it has
        /// gone in the middle of the answer.
        @Test(arguments: InputOutput.available)
        func answersThatHaveBegunAreCancelled(_ inputOutput: InputOutput) throws {
            let backend = try RawBackend { visit in
                guard try visit.request() != nil else { return }
                try visit.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n")
                try visit.awaitEnd()
            }
            let proxy = try Proxy(inputOutput, shop(Self.patient, ["west": endpoints([backend.port])]))
            let client = try send("GET", "/", to: proxy)
            _ = try client.receive(through: "part")
            client.abort()
            try eventually("the end of the backend's connection", within: .seconds(5)) { backend.endings.count == 1 }
        }

        /// Whether it was done matters more than who hears of it. By the time a GET that was given up later has ended,
        /// these would have ended, too.
        @Test(arguments: InputOutput.available, ["POST", "PATCH"])
        func othersAreNotCancelled(_ inputOutput: InputOutput, method: String) throws {
            try expectUndisturbed(inputOutput, method, more: "")
        }

        @Test(arguments: InputOutput.available)
        func cancellingCanBeTurnedOff(_ inputOutput: InputOutput) throws {
            try expectUndisturbed(inputOutput, "GET", more: "abort_on_close: off,")
        }

        private func expectUndisturbed(_ inputOutput: InputOutput, _ method: String, more: String) throws {
            let gate = Gate()
            let backend = try backend(gate)
            let other = try self.backend(gate)
            let proxy = try Proxy(
                inputOutput,
                """
                datacenters: [ west ]
                services:
                  - { name: shop, \(Self.patient) \(more) endpoints: [ "\(backend.address)" ] }
                  - { name: other, \(Self.patient) endpoints: [ "\(other.address)" ] }
                listeners:
                  - name: web
                    bind: "127.0.0.1:$PORT"
                    routes: [ { path: /never, service: other }, { service: shop } ]
                """, workers: 1)
            let client = try send(method, "/wait", to: proxy)
            try eventually("the request at the backend") { backend.requests.count == 1 }
            client.close()
            for round in 1...3 {
                let cancelled = try send("GET", "/never", to: proxy)
                try eventually("a GET at the backend") { other.requests.count == round }
                cancelled.close()
                try eventually("the end of a GET") { other.endings.count == round }
            }
            #expect(try proxy.status().endpoints.first { $0.address == backend.address }?.inFlight == 1)
            gate.open()
            // It is taken to its end: the answer is read, and the connection is no victim of anything.
            try eventually("an end of what was in flight") {
                try proxy.status().endpoints.allSatisfy { $0.inFlight == 0 }
            }
            #expect(!backend.endings.contains(.reset))
        }
    }
}
