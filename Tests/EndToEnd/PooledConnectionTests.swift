// Owns the proof that connections which died in the pool cost no request, and that nothing is sent twice over them.
import Foundation
import Testing

extension EndToEnd {
    @Suite struct PooledConnections {
        /// How a backend ends a kept connection when the next request comes: it had meant to close it anyway.
        private enum Death: String, CaseIterable { case closed, reset }

        /// A backend that answers the first request of each connection, all of the first 30 at once, and dies on the
        /// second.
        private func backend(_ death: Death, _ pooled: Int) throws -> RawBackend {
            let together = Gate()
            let waiting = Shared(0)
            return try RawBackend { visit in
                guard let first = try visit.request() else { return }
                if first.target == "/together" {
                    waiting.update { $0 += 1 }
                    if waiting.value >= pooled { together.open() }
                    try together.wait()
                }
                try visit.answer("first")
                guard try visit.request() != nil else { return }
                if death == .reset { visit.connection.abort() }
            }
        }

        /// Leaves so many connections in the pool of the only worker.
        private func fill(_ proxy: Proxy, _ count: Int) throws {
            var options = Load.Options()
            options.path = "/together"
            options.connections = count
            #expect(try Load.run(count, to: proxy.port, options).statuses == [200: count])
        }

        @Test(arguments: InputOutput.available, ["closed", "reset"])
        func deadOnesCostNoRequest(_ inputOutput: InputOutput, death: String) throws {
            let backend = try backend(Death(rawValue: death).unwrapped(death), 30)
            let proxy = try Proxy(
                inputOutput, shop("health_check: off, outlier: off,", ["west": endpoints([backend.port])]), workers: 1)
            try fill(proxy, 30)
            let client = try Connection(proxy.port)
            // Many more than the budget's minimum of retries.
            var statuses: [Int: Int] = [:]
            for _ in 0..<30 { statuses[try client.get().status, default: 0] += 1 }
            #expect(statuses == [200: 30])
            // At once on a new one: never from one dead connection to the next.
            let attempts = backend.requests.count { $0.target == "/" }
            #expect(attempts <= 60, "\(attempts) attempts at 30 requests")
        }

        /// All at once: each of them meets a dead connection of its own.
        @Test(arguments: InputOutput.available)
        func manyAtOnceCostNoRequest(_ inputOutput: InputOutput) throws {
            let backend = try backend(.closed, 30)
            let proxy = try Proxy(
                inputOutput,
                shop("health_check: off, outlier: off, retry: { attempts: 0 },", ["west": endpoints([backend.port])]),
                workers: 1)
            try fill(proxy, 30)
            let clients = try (0..<30).map { _ in try Connection(proxy.port) }
            for client in clients { try client.send("GET / HTTP/1.1\r\nHost: shop\r\n\r\n") }
            let statuses = try clients.map { try $0.receiveResponse().status }
            #expect(statuses == [Int](repeating: 200, count: 30))
        }

        /// A POST of which the backend may have seen a byte goes nowhere else.
        @Test(arguments: InputOutput.available)
        func postIsNotRepeated(_ inputOutput: InputOutput) throws {
            let backend = try backend(.closed, 10)
            let proxy = try Proxy(
                inputOutput, shop("health_check: off, outlier: off,", ["west": endpoints([backend.port])]), workers: 1)
            try fill(proxy, 10)
            for number in 0..<10 {
                let client = try Connection(proxy.port)
                try client.send("POST /\(number) HTTP/1.1\r\nHost: shop\r\nContent-Length: 4\r\n\r\nbody")
                let response = try client.receiveResponse()
                #expect([200, 502].contains(response.status))
                #expect(backend.requests.count { $0.target == "/\(number)" } == 1)
            }
        }

        /// Bytes that nobody asked for make an idle connection useless: none of them is anybody's answer.
        @Test(arguments: InputOutput.available)
        func idleOnesThatSpeakAreDropped(_ inputOutput: InputOutput) throws {
            let speaks = Gate()
            let backend = try RawBackend { visit in
                while try visit.request() != nil {
                    try visit.answer("mine")
                    guard visit.number == 1 else { continue }
                    try speaks.wait()
                    try visit.answer("unasked")
                    try visit.awaitEnd()
                    return
                }
            }
            let proxy = try Proxy(
                inputOutput, shop("health_check: off,", ["west": endpoints([backend.port])]), workers: 1)
            let client = try Connection(proxy.port)
            #expect(try client.get().text == "mine")
            speaks.open()
            try eventually("the end of the connection that spoke") { backend.endings.count == 1 }
            for _ in 0..<5 { #expect(try client.get().text == "mine") }
        }
    }
}
