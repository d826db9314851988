// Owns the proof that WebSockets and TCP sessions carry every byte both ways, and end as their peers end.
import Foundation
import Testing

extension EndToEnd {
    @Suite struct Tunnels {
        private func echoServer() throws -> ScriptedServer {
            try ScriptedServer { connection in
                let head = try connection.receive(through: "\r\n\r\n").lowercased()
                guard head.contains("upgrade: websocket"), head.contains("connection: upgrade") else {
                    try connection.send("HTTP/1.1 400 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                    return
                }
                try connection.send(WebSocket.switching)
                try connection.echo()
            }
        }

        @Test(arguments: InputOutput.available)
        func webSocketEchoesBothWays(_ inputOutput: InputOutput) throws {
            let backend = try echoServer()
            let proxy = try Proxy(inputOutput, shop("health_check: off,", ["west": endpoints([backend.port])]))
            let client = try Connection(proxy.port)
            try client.send(WebSocket.upgrade)
            let response = try client.receiveResponse()
            #expect(response.status == 101)
            #expect(response["sec-websocket-accept"] == WebSocket.accept)
            #expect(response["upgrade"]?.lowercased() == "websocket")
            // A text frame, masked as clients have to: "Hello" of RFC 6455 section 5.7.
            let hello: [UInt8] = [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58]
            try client.send(hello)
            #expect(try client.receive(exactly: hello.count) == hello)
            try echo(16 << 20, through: client)
            client.shutdownWrite()
            #expect(try client.receiveToEnd() == [])
        }

        /// Frames right behind the request wait for the answer, and are not lost.
        @Test(arguments: InputOutput.available)
        func bytesBehindTheUpgradeArrive(_ inputOutput: InputOutput) throws {
            let backend = try echoServer()
            let proxy = try Proxy(inputOutput, shop("health_check: off,", ["west": endpoints([backend.port])]))
            let client = try Connection(proxy.port)
            try client.send(WebSocket.upgrade + "early")
            #expect(try client.receiveResponse().status == 101)
            #expect(try client.receive(exactly: 5) == Array("early".utf8))
        }

        /// A backend that refuses is an answer like others; one that upgrades unasked is broken.
        @Test(arguments: InputOutput.available)
        func onlyAskedUpgradesPass(_ inputOutput: InputOutput) throws {
            let backend = try ScriptedServer { connection in
                while true {
                    let head = try connection.receive(through: "\r\n\r\n")
                    let unasked = head.hasPrefix("GET /unasked")
                    try connection.send(
                        unasked
                            ? "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
                            : "HTTP/1.1 200 OK\r\nContent-Length: \(head.utf8.count)\r\n\r\n\(head)")
                }
            }
            let proxy = try Proxy(inputOutput, shop("health_check: off,", ["west": endpoints([backend.port])]))
            #expect(try get(proxy.port, "/unasked").status == 502)
            let refused = try Connection(proxy.port)
            try refused.send(WebSocket.upgrade)
            #expect(try refused.receiveResponse().status == 200)
            // HTTP/2 over an upgrade is not passed on (RFC 9113 section 3.1 has done away with it).
            let http2 = try Connection(proxy.port).get(
                "/", host: "shop",
                "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n")
            #expect(http2.status == 200)
            #expect(!http2.text.lowercased().contains("h2c"))
            #expect(!http2.text.lowercased().contains("http2-settings"))
        }

        /// Sends random bytes and expects them back, both directions full at the same time.
        private func echo(_ count: Int, through client: Connection) throws {
            let block = (0..<8_192).flatMap { _ in withUnsafeBytes(of: UInt64.random(in: 0 ... .max), Array.init) }
            let sender = Background {
                for _ in 0..<count / block.count { try client.send(block) }
            }
            for round in 0..<count / block.count {
                let bytes = try client.receive(exactly: block.count)
                guard bytes == block else { throw Failure("block \(round) came back changed") }
            }
            try sender.value()
        }

        // MARK: TCP

        private func tcp(_ ports: [UInt16], _ more: String = "") -> String {
            """
            datacenters: [ west ]
            services: [ { name: raw, protocol: tcp, \(more) datacenters: { west: { \(endpoints(ports)) } } } ]
            listeners: [ { name: raw, bind: "127.0.0.1:$PORT", protocol: tcp, service: raw } ]
            """
        }

        @Test(arguments: InputOutput.available)
        func tcpEchoesBothWaysWithMemoryFlat(_ inputOutput: InputOutput) throws {
            let backend = try ScriptedServer { try $0.echo() }
            let proxy = try Proxy(inputOutput, tcp([backend.port]))
            let client = try Connection(proxy.port)
            try echo(1 << 20, through: client)
            let before = try proxy.process.memory()
            try echo(256 << 20, through: client)
            #expect(try proxy.process.memory("VmHWM") - before < 16 << 20)
            client.shutdownWrite()
            #expect(try client.receiveToEnd() == [])
            #expect(try proxy.process.descriptors() < 100)
        }

        /// The client ends its half; the backend answers only then, and ends its own.
        @Test(arguments: InputOutput.available)
        func halfCloseIsBridged(_ inputOutput: InputOutput) throws {
            let backend = try ScriptedServer { connection in
                let all = try connection.receiveToEnd()
                try connection.send("got \(all.count)")
            }
            let proxy = try Proxy(inputOutput, tcp([backend.port], "health_check: off,"))
            for size in [0, 1, 100_000, 3_000_000] {
                let client = try Connection(proxy.port)
                try client.send([UInt8](repeating: 7, count: size))
                client.shutdownWrite()
                #expect(try String(decoding: client.receiveToEnd(), as: UTF8.self) == "got \(size)")
            }
        }

        /// The backend ends its half first, and still hears what the client says.
        @Test(arguments: InputOutput.available)
        func halfCloseOfTheBackendIsBridged(_ inputOutput: InputOutput) throws {
            let heard = Shared("")
            let backend = try ScriptedServer { connection in
                try connection.send("bye")
                connection.shutdownWrite()
                let all = try connection.receiveToEnd()
                heard.update { $0 = String(decoding: all, as: UTF8.self) }
            }
            let proxy = try Proxy(inputOutput, tcp([backend.port], "health_check: off,"))
            let client = try Connection(proxy.port)
            #expect(try client.receiveToEnd() == Array("bye".utf8))
            try client.send("and you")
            client.shutdownWrite()
            try eventually("the last words at the backend") { heard.value == "and you" }
        }

        @Test(arguments: InputOutput.available)
        func tcpGoesElsewhereWhenABackendIsGone(_ inputOutput: InputOutput) throws {
            let backend = try ScriptedServer { connection in
                try connection.send("here")
                try connection.echo()
            }
            let gone = try freePorts(1)[0]
            let proxy = try Proxy(inputOutput, tcp([gone, backend.port], "health_check: off,"))
            for _ in 0..<20 {
                #expect(try Connection(proxy.port).receive(exactly: 4) == Array("here".utf8))
            }
            let alone = try Proxy(inputOutput, tcp([gone], "health_check: off,"))
            // Nobody is there: the client is told by the end of its connection, one way or the other.
            do { #expect(try Connection(alone.port).receiveToEnd() == []) } catch {
                #expect(error as? SocketError == .reset)
            }
        }
    }
}
