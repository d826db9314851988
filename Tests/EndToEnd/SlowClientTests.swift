// Owns the proof that a slow client gets all of its answer, and that one which takes nothing is cut off and told of.
import Foundation
import Testing

extension EndToEnd {
    @Suite struct SlowClients {
        private static let size = 300_000

        private func backend() throws -> RawBackend {
            try RawBackend { visit in
                while let request = try visit.request() {
                    let size = request.target == "/large" ? Self.size : 4
                    try visit.send("HTTP/1.1 200 OK\r\nContent-Length: \(size)\r\n\r\n")
                    try visit.connection.send([UInt8](repeating: 120, count: size))
                }
            }
        }

        /// A way to ask for the answer that is read slowly.
        private struct Manner: Sendable {
            let name: String
            let request: String
            /// Whether the client says that it is done: right behind its request, or once the answer has begun.
            var ends = Ends.never
            enum Ends: Sendable { case never, atOnce, later }
        }

        private static let manners = [
            Manner(name: "kept", request: "GET /large HTTP/1.1\r\nHost: shop\r\n\r\n"),
            Manner(name: "close", request: "GET /large HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n"),
            Manner(name: "HTTP/1.0", request: "GET /large HTTP/1.0\r\nHost: shop\r\n\r\n"),
            Manner(
                name: "half closed behind a POST",
                request: "POST /large HTTP/1.1\r\nHost: shop\r\nContent-Length: 4\r\n\r\nbody", ends: .atOnce),
            Manner(name: "half closed later", request: "GET /large HTTP/1.1\r\nHost: shop\r\n\r\n", ends: .later),
        ]

        /// Reads the answer in about 50 s: longer than any limit of time that has nothing to do with a client that goes on
        /// reading. All at once, so that it takes no longer.
        @Test func everyByteArrives() throws {
            let backend = try backend()
            let proxies = try InputOutput.available.map { inputOutput in
                try Proxy(
                    inputOutput,
                    shop(
                        "health_check: off,", ["west": endpoints([backend.port])],
                        more: "timeouts: { client_idle: 1s }"))
            }
            let readers = try zip(InputOutput.available, proxies).flatMap { inputOutput, proxy in
                try Self.manners.map { manner in
                    let client = try Connection(proxy.port, receiveBuffer: 16 << 10, segment: 1_460)
                    try client.send(manner.request)
                    if manner.ends == .atOnce { client.shutdownWrite() }
                    let head = try Response(head: client.receive(through: "\r\n\r\n"))
                    #expect(head.status == 200)
                    if manner.ends == .later { client.shutdownWrite() }
                    let name = "\(manner.name) on \(inputOutput.rawValue)"
                    return (name, Background { try Self.readSlowly(client) })
                }
            }
            for (name, reader) in readers {
                #expect(try reader.value(within: .seconds(120)) == Self.size, "\(name)")
            }
        }

        /// Six kilobytes a second.
        private static func readSlowly(_ client: Connection) throws -> Int {
            var count = 0
            while count < size {
                let bytes = try client.receive(600)
                if bytes.isEmpty { return count }
                count += bytes.count
                usleep(100_000)
            }
            return count
        }

        /// Where a client that half-closes is not taken for one that has gone.
        @Test(arguments: InputOutput.available)
        func halfCloseBehindAGetLosesNothing(_ inputOutput: InputOutput) throws {
            let backend = try backend()
            let proxy = try Proxy(
                inputOutput, shop("health_check: off, abort_on_close: off,", ["west": endpoints([backend.port])]))
            for _ in 0..<20 {
                let client = try Connection(proxy.port, receiveBuffer: 16 << 10, segment: 1_460)
                try client.send("GET /large HTTP/1.1\r\nHost: shop\r\n\r\n")
                client.shutdownWrite()
                #expect(try client.receiveResponse().body.count == Self.size)
                #expect(try client.receiveToEnd() == [])
            }
        }

        // MARK: Those that take nothing

        /// - Parameter size: far more than anybody keeps for a client, so that the backend is held back, or little more than
        ///   the kernel does.
        @Test(arguments: InputOutput.available, [64 << 20, 1 << 20])
        func stalledReaderIsCut(_ inputOutput: InputOutput, size: Int) throws {
            let backend = try RawBackend { visit in
                while let request = try visit.request() {
                    guard request.target == "/large" else {
                        try visit.answer("fine")
                        continue
                    }
                    try visit.send("HTTP/1.1 200 OK\r\nContent-Length: \(size)\r\n\r\n")
                    for _ in 0..<size >> 20 { try visit.connection.send([UInt8](repeating: 120, count: 1 << 20)) }
                }
            }
            let proxy = try Proxy(
                inputOutput,
                shop(
                    "health_check: off,", ["west": endpoints([backend.port])],
                    more: "timeouts: { client_stall: 1s }\naccess_log: { path: \"$FOLDER/access.log\" }"))
            let client = try Connection(proxy.port, receiveBuffer: 16 << 10, segment: 1_460)
            try client.send("GET /large HTTP/1.1\r\nHost: shop\r\n\r\n")
            let line = try proxy.accessLog(1)[0]
            #expect(line.contains("\"GET /large HTTP/1.1\" 200 "), "\(line)")
            #expect(line.contains(" reason=client_stalled"), "\(line)")
            // It was the client's fault: the endpoint is no worse for it, and others are served.
            #expect(try get(proxy.port).text == "fine")
            try eventually("an end of what was in flight") {
                try proxy.status().endpoints.allSatisfy { $0.inFlight == 0 }
            }
            #expect(try proxy.status().endpoints.map(\.errors) == [0])
            // What comes is less than was promised.
            var count = 0
            while let bytes = try? client.receive(), !bytes.isEmpty { count += bytes.count }
            #expect(count < size)
        }

        /// Pauses that are shorter than the limit add up to nothing.
        @Test(arguments: InputOutput.available)
        func aClientThatGoesOnIsNotStalled(_ inputOutput: InputOutput) throws {
            let backend = try backend()
            let proxy = try Proxy(
                inputOutput,
                shop(
                    "health_check: off,", ["west": endpoints([backend.port])],
                    more: "timeouts: { client_stall: 2s }"))
            let client = try Connection(proxy.port, receiveBuffer: 16 << 10, segment: 1_460)
            try client.send("GET /large HTTP/1.1\r\nHost: shop\r\n\r\n")
            _ = try client.receive(through: "\r\n\r\n")
            var count = 0
            while count < Self.size {
                let bytes = try client.receive(256 << 10)
                guard !bytes.isEmpty else { break }
                count += bytes.count
                // Long enough to be over the limit in all; a kernel's buffer at a time.
                if count < Self.size / 2 { usleep(100_000) }
            }
            #expect(count == Self.size)
        }
    }
}
