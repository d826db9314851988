// Owns the proof that each timeout of the settings ends what it says it ends, and nothing else.
import Foundation
import Testing

extension EndToEnd {
    @Suite struct Timeouts {
        private static let plain = "GET / HTTP/1.1\r\nHost: shop\r\n\r\n"

        private func start(
            _ inputOutput: InputOutput, _ timeouts: String, _ port: UInt16, own: String = "", more: String = ""
        ) throws -> Proxy {
            try Proxy(
                inputOutput,
                shop(
                    "health_check: off, outlier: off, retry: { attempts: 0 }, \(own)", ["west": endpoints([port])],
                    more: (timeouts.isEmpty ? "" : "timeouts: { \(timeouts) }\n") + more))
        }

        /// A backend that is silent under `/silent`; elsewhere the script answers.
        private func backend(_ answer: @escaping @Sendable (Visit, ReceivedRequest) throws -> Void) throws -> RawBackend
        {
            try RawBackend { visit in
                while let request = try visit.request() {
                    if request.target == "/silent" { return _ = try visit.awaitEnd() }
                    try answer(visit, request)
                }
            }
        }

        /// How whatever was promised in a head ended.
        private func ending(_ client: Connection) throws -> String {
            do {
                let response = try client.receiveResponse()
                return "\(response.status) \(response.text)"
            } catch SocketError.closedEarly { return "cut" } catch SocketError.reset { return "cut" }
        }

        // MARK: The client's side

        @Test(arguments: InputOutput.available)
        func clientHead(_ inputOutput: InputOutput) throws {
            let backend = try backend { visit, _ in try visit.answer("fine") }
            let proxy = try start(inputOutput, "client_head: 500ms, client_idle: 500ms", backend.port)
            let slow = try Connection(proxy.port)
            try slow.send("GET / HTTP/1.1\r\nHost: sh")
            let response = try slow.receiveResponse()
            #expect(response.status == 408 && response["connection"] == "close")
            #expect(try slow.receiveToEnd() == [])
            // Who has not begun is told nothing.
            #expect(try Connection(proxy.port).receiveToEnd() == [])
            // Nor who has begun and ended one before.
            let second = try Connection(proxy.port)
            #expect(try second.get().text == "fine")
            try second.send("GET /")
            #expect(try second.receiveResponse().status == 408)
        }

        @Test(arguments: InputOutput.available)
        func clientIdle(_ inputOutput: InputOutput) throws {
            let backend = try backend { visit, _ in try visit.answer("fine") }
            let proxy = try start(inputOutput, "client_idle: 500ms", backend.port)
            let client = try Connection(proxy.port)
            for _ in 0..<3 { #expect(try client.get().text == "fine") }
            #expect(try client.receiveToEnd() == [])
        }

        // MARK: The backend's side

        @Test(arguments: InputOutput.available)
        func connect(_ inputOutput: InputOutput) throws {
            // The kernel answers no more once its queue is full.
            let full = try Listener(backlog: 0)
            var waiting: [Connection] = []
            while let one = try? Connection(full.port, timeout: .milliseconds(300)) { waiting.append(one) }
            let proxy = try start(inputOutput, "connect: 300ms", full.port)
            #expect(try EndToEnd.answer(of: proxy).status == 504)
            withExtendedLifetime(waiting) {}
        }

        /// It ends with the first byte of the final answer, and with nothing before that; then `response_idle` counts.
        @Test(arguments: InputOutput.available)
        func firstByte(_ inputOutput: InputOutput) throws {
            let backend = try backend { visit, request in
                try visit.send("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")
                if request.target == "/half" { try visit.send("HTTP/1.1 200 OK\r\nX:") }
                try visit.awaitEnd()
            }
            let proxy = try start(inputOutput, "first_byte: 300ms, response_idle: 400ms", backend.port)
            for path in ["/silent", "/interim", "/half"] {
                let response = try Connection(proxy.port).get(path)
                #expect(response.status == 504, "\(path): \(response)")
            }
        }

        /// Answers that have begun are another matter, however long their pauses: here as long as it takes two others to
        /// run into the limit one after the other.
        @Test(arguments: InputOutput.available, ["text/event-stream", "text/plain"])
        func firstByteCutsNoAnswerThatHasBegun(_ inputOutput: InputOutput, type: String) throws {
            let gates = [Gate(), Gate()]
            let backend = try backend { visit, _ in
                try visit.send("HTTP/1.1 200 OK\r\nContent-Type: \(type)\r\nTransfer-Encoding: chunked\r\n\r\n")
                for (number, gate) in gates.enumerated() {
                    try gate.wait()
                    let event = "data: \(number)\n\n"
                    try visit.send("\(String(event.utf8.count, radix: 16))\r\n\(event)\r\n")
                }
                try visit.send("0\r\n\r\n")
            }
            let proxy = try start(inputOutput, "first_byte: 1s", backend.port)
            let client = try Connection(proxy.port)
            try client.send(Self.plain)
            let head = try client.receive(through: "\r\n\r\n")
            #expect(try Response(head: head).status == 200)
            for gate in gates {
                for _ in 0..<2 { #expect(try Connection(proxy.port).get("/silent").status == 504) }
                gate.open()
            }
            #expect(try String(decoding: client.receiveChunks().body, as: UTF8.self) == "data: 0\n\ndata: 1\n\n")
        }

        /// The backend falls silent in the middle of its answer.
        @Test(arguments: InputOutput.available, ["top level", "service"])
        func responseIdle(_ inputOutput: InputOutput, place: String) throws {
            let backend = try backend { visit, request in
                let framing = request.target == "/chunks" ? "Transfer-Encoding: chunked" : "Content-Length: 10"
                try visit.send("HTTP/1.1 200 OK\r\n\(framing)\r\n\r\n")
                if request.target == "/chunks" { try visit.send("4\r\npart\r\n") } else { try visit.send("part") }
                try visit.awaitEnd()
            }
            let proxy =
                place == "service"
                ? try start(
                    inputOutput, "response_idle: 1h", backend.port, own: "timeouts: { response_idle: 300ms },",
                    more: "access_log: { path: \"$FOLDER/access.log\" }")
                : try start(
                    inputOutput, "response_idle: 300ms", backend.port,
                    more: "access_log: { path: \"$FOLDER/access.log\" }")
            for (number, path) in ["/length", "/chunks"].enumerated() {
                let client = try Connection(proxy.port)
                try client.send("GET \(path) HTTP/1.1\r\nHost: shop\r\n\r\n")
                #expect(try ending(client) == "cut")
                try eventually("the end of the backend's connection") { backend.endings.count == number + 1 }
            }
            // A cut answer is told in the log: it does not look like others.
            for line in try proxy.accessLog(2) { #expect(!line.hasSuffix(" reason=-"), "\(line)") }
        }

        /// Pauses that are shorter than the limit add up to nothing.
        @Test(arguments: InputOutput.available)
        func responseIdleIsOfEachPause(_ inputOutput: InputOutput) throws {
            let backend = try backend { visit, _ in
                try visit.send("HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n")
                for _ in 0..<12 {
                    usleep(250_000)
                    try visit.send("x")
                }
            }
            let proxy = try start(inputOutput, "response_idle: 2s", backend.port)
            #expect(try Connection(proxy.port).get().text == "xxxxxxxxxxxx")
        }

        /// The client's own pauses are not the backend's: a stalled client is not cut by it.
        @Test(arguments: InputOutput.available)
        func responseIdleIsNotTheClients(_ inputOutput: InputOutput) throws {
            let size = 32 << 20
            let backend = try backend { visit, _ in
                visit.connection.setTimeout(.seconds(60))
                try visit.send("HTTP/1.1 200 OK\r\nContent-Length: \(size)\r\n\r\n")
                for _ in 0..<size >> 20 { try visit.connection.send([UInt8](repeating: 120, count: 1 << 20)) }
            }
            let proxy = try start(inputOutput, "response_idle: 1s, first_byte: 1s", backend.port)
            let client = try Connection(proxy.port, receiveBuffer: 16 << 10)
            try client.send(Self.plain)
            _ = try client.receive(through: "\r\n\r\n")
            for _ in 0..<3 { #expect(try Connection(proxy.port).get("/silent").status == 504) }
            try client.discard(size)
        }

        // MARK: Both

        @Test(arguments: InputOutput.available)
        func request(_ inputOutput: InputOutput) throws {
            let backend = try backend { visit, _ in
                try visit.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\npart")
                try visit.awaitEnd()
            }
            let proxy = try start(inputOutput, "request: 500ms", backend.port)
            #expect(try Connection(proxy.port).get("/silent").status == 504)
            let client = try Connection(proxy.port)
            try client.send(Self.plain)
            #expect(try ending(client) == "cut")
        }

        @Test(arguments: InputOutput.available)
        func bodyRate(_ inputOutput: InputOutput) throws {
            let backend = try backend { visit, request in try visit.answer("got \(request.body.count)") }
            let proxy = try start(inputOutput, "body_grace: 500ms, body_rate: 1KiB", backend.port)
            let slow = try Connection(proxy.port)
            try slow.send("POST / HTTP/1.1\r\nHost: shop\r\nContent-Length: 10000\r\n\r\npart")
            let response = try slow.receiveResponse()
            #expect(response.status == 408 && response["connection"] == "close", "\(response)")
            let quick = try Connection(proxy.port)
            try quick.send("POST / HTTP/1.1\r\nHost: shop\r\nContent-Length: 4\r\n\r\nbody")
            #expect(try quick.receiveResponse().text == "got 4")
        }

        @Test(arguments: InputOutput.available, ["websocket", "tcp"])
        func tunnelIdle(_ inputOutput: InputOutput, kind: String) throws {
            let backend = try RawBackend { visit in
                if kind == "websocket" {
                    _ = try visit.request()
                    try visit.send(WebSocket.switching)
                }
                let first = try visit.connection.receive(exactly: 4)
                try visit.connection.send(first)
                try visit.awaitEnd()
            }
            let proxy =
                kind == "websocket"
                ? try start(inputOutput, "tunnel_idle: 500ms", backend.port)
                : try Proxy(
                    inputOutput,
                    """
                    datacenters: [ west ]
                    timeouts: { tunnel_idle: 500ms }
                    services: [ { name: raw, protocol: tcp, health_check: off, endpoints: [ "\(backend.address)" ] } ]
                    listeners: [ { name: raw, bind: "127.0.0.1:$PORT", protocol: tcp, service: raw } ]
                    """)
            let client = try Connection(proxy.port)
            if kind == "websocket" {
                try client.send(WebSocket.upgrade)
                #expect(try client.receiveResponse().status == 101)
            }
            try client.send("ping")
            #expect(try client.receive(exactly: 4) == Array("ping".utf8))
            // Both ends are let go of.
            _ = try client.awaitEnd()
            try eventually("the end of the backend's connection") { backend.endings.count == 1 }
        }

        @Test(arguments: InputOutput.available)
        func poolIdle(_ inputOutput: InputOutput) throws {
            let backend = try backend { visit, request in
                try visit.answer("fine", request.target == "/short" ? "Keep-Alive: timeout=2\r\n" : "")
            }
            let short = try start(inputOutput, "", backend.port)
            #expect(try get(short.port, "/short").text == "fine")
            // A second less than the backend has said.
            try eventually("the end of a pooled connection") { backend.endings == [.orderly] }
            let set = try start(inputOutput, "", backend.port, own: "pool: { idle_timeout: 300ms },")
            #expect(try get(set.port).text == "fine")
            try eventually("the end of a pooled connection") { backend.endings == [.orderly, .orderly] }
        }
    }

    /// The answer to a plain request.
    static func answer(of proxy: Proxy) throws -> Response { try Connection(proxy.port).get() }
}
