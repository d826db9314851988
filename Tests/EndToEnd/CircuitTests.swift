// Owns the proof that no endpoint gets more than its limits, and that what is too much waits for its turn, in bounds.
import Foundation
import Testing

extension EndToEnd {
    @Suite struct Circuits {
        /// How many requests a backend has at work, and has had at most.
        private struct Work: Sendable {
            var now = 0
            var most = 0
        }

        private static func backend(after delay: Duration, _ work: Shared<Work>) throws -> ScriptedServer {
            try ScriptedServer { connection in
                while true {
                    _ = try connection.receive(through: "\r\n\r\n")
                    work.update {
                        $0.now += 1
                        $0.most = max($0.most, $0.now)
                    }
                    Thread.sleep(forTimeInterval: delay / .seconds(1))
                    work.update { $0.now -= 1 }
                    try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                }
            }
        }

        /// A backend that answers nobody before it is let go on.
        private static func backend(until isOpen: Shared<Bool>, _ work: Shared<Work>) throws -> ScriptedServer {
            try ScriptedServer { connection in
                while true {
                    _ = try connection.receive(through: "\r\n\r\n")
                    work.update { $0.now += 1 }
                    while !isOpen.value { usleep(1_000) }
                    try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                }
            }
        }

        /// Sends so many requests at once, and lets the backend go on when the others have been refused.
        private static func send(
            _ count: Int, to port: UInt16, refused: Int, _ isOpen: Shared<Bool>
        ) throws -> Tally {
            let load = Load(port, Load.Options(connections: count, requests: count))
            // Counted from the beginning: some may have been refused already.
            try eventually("\(refused) refusals") { load.count >= refused }
            isOpen.update { $0 = true }
            return try load.result()
        }

        /// Eight clients on two workers, two requests at a time: the limit holds for the process.
        @Test(arguments: InputOutput.available, ["requests: 2", "connections: 2"])
        func requestsWaitForRoom(_ inputOutput: InputOutput, limit: String) throws {
            let work = Shared(Work())
            let server = try Self.backend(after: .milliseconds(10), work)
            let proxy = try Proxy(
                inputOutput,
                shop("health_check: off, circuit: { \(limit) },", ["west": endpoints([server.port])]))
            let tally = try Load.run(200, to: proxy.port)
            #expect(tally.failures == [])
            #expect(tally.statuses == [200: 200])
            #expect(work.value.most == 2)
        }

        @Test(arguments: InputOutput.available)
        func lineHasALimit(_ inputOutput: InputOutput) throws {
            let isOpen = Shared(false)
            let server = try Self.backend(until: isOpen, Shared(Work()))
            let proxy = try Proxy(
                inputOutput,
                shop(
                    "health_check: off, circuit: { requests: 1, queue: 2 }, timeouts: { connect: 30s },",
                    ["west": endpoints([server.port])]),
                workers: 1)
            let tally = try Self.send(8, to: proxy.port, refused: 5, isOpen)
            #expect(tally.failures == [])
            #expect(tally.statuses == [200: 3, 503: 5])
        }

        /// Who waits longer than a connect may take is told so, and others are served after it.
        @Test(arguments: InputOutput.available)
        func waitingEnds(_ inputOutput: InputOutput) throws {
            let isOpen = Shared(false)
            let server = try Self.backend(until: isOpen, Shared(Work()))
            let proxy = try Proxy(
                inputOutput,
                shop(
                    "health_check: off, circuit: { requests: 1 }, timeouts: { connect: 100ms },",
                    ["west": endpoints([server.port])]),
                workers: 1)
            let tally = try Self.send(4, to: proxy.port, refused: 3, isOpen)
            #expect(tally.statuses == [200: 1, 503: 3])
            let refused = tally.answers.filter { $0.status == 503 }
            #expect(refused.allSatisfy { $0.ended - $0.began >= .milliseconds(100) })
            #expect(try Load.run(1, to: proxy.port).statuses == [200: 1])
        }

        /// A client that has gone away while it waited takes nobody's place.
        @Test(arguments: InputOutput.available)
        func leavingTheLineIsFree(_ inputOutput: InputOutput) throws {
            let work = Shared(Work())
            let isOpen = Shared(false)
            let server = try Self.backend(until: isOpen, work)
            let proxy = try Proxy(
                inputOutput,
                shop(
                    "health_check: off, circuit: { requests: 1 }, timeouts: { connect: 30s },",
                    ["west": endpoints([server.port])]), workers: 1)
            let first = try Connection(proxy.port)
            try first.send("GET / HTTP/1.1\r\nHost: shop.example.com\r\n\r\n")
            try eventually("a request at the backend") { work.value.now == 1 }
            for _ in 0..<20 {
                let leaving = try Connection(proxy.port)
                try leaving.send("GET / HTTP/1.1\r\nHost: shop.example.com\r\n\r\n")
                leaving.abort()
            }
            let last = try Connection(proxy.port)
            try last.send("GET / HTTP/1.1\r\nHost: shop.example.com\r\n\r\n")
            isOpen.update { $0 = true }
            #expect(try first.receiveResponse().status == 200)
            #expect(try last.receiveResponse().status == 200)
        }
    }
}
