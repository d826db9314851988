// Owns the proof that bodies of any size and clients of any speed cost little memory.
import Foundation
import Testing

extension EndToEnd {
    @Suite struct Bodies {
        private static let gibibyte = 1 << 30
        /// What a proxy may grow by, whatever passes through it.
        private static let flat = 32 << 20

        /// A backend that counts the bytes of a body, framed either way, and answers with their number.
        private func countingServer() throws -> ScriptedServer {
            try ScriptedServer { connection in
                while true {
                    let head = try connection.receive(through: "\r\n\r\n").lowercased()
                    if head.contains("expect: 100-continue") { try connection.send("HTTP/1.1 100 Continue\r\n\r\n") }
                    var count = 0
                    if head.contains("transfer-encoding: chunked") {
                        count = try connection.drainChunks()
                    } else if let field = head.split(separator: "\r\n").first(where: { $0.hasPrefix("content-length:") }
                    ),
                        let length = Int(field.dropFirst(15).trimmingCharacters(in: .whitespaces))
                    {
                        try connection.discard(length)
                        count = length
                    }
                    let text = "\(count)"
                    try connection.send("HTTP/1.1 200 OK\r\nContent-Length: \(text.count)\r\n\r\n\(text)")
                }
            }
        }

        @Test(arguments: InputOutput.available)
        func gibibyteDownWithMemoryFlat(_ inputOutput: InputOutput) throws {
            let files = try Scratch()
            _ = try files.makeSparse("large", bytes: Self.gibibyte)
            let nginx = try Nginx.withSites(["a"], files: files.path)
            let proxy = try Proxy(inputOutput, shop("", ["west": endpoints(nginx.ports)]))
            #expect(try get(proxy.port).text == "a")
            let before = try proxy.process.memory()
            let result = try ChildProcess.run(
                [
                    "curl", "-sS", "-o", "/dev/null", "-w", "%{http_code} %{size_download}",
                    "http://127.0.0.1:\(proxy.port)/files/large",
                ], within: .seconds(120))
            #expect(result.output == "200 \(Self.gibibyte)")
            let growth = try proxy.process.memory("VmHWM") - before
            #expect(growth < Self.flat, "\(growth >> 20) MiB")
        }

        @Test(arguments: InputOutput.available, [false, true])
        func gibibyteUpWithMemoryFlat(_ inputOutput: InputOutput, chunked: Bool) throws {
            let files = try Scratch()
            let large = try files.makeSparse("large", bytes: Self.gibibyte)
            let backend = try countingServer()
            let proxy = try Proxy(inputOutput, shop("", ["west": endpoints([backend.port])]))
            #expect(try get(proxy.port).text == "0")
            let before = try proxy.process.memory()
            let framing = chunked ? ["-H", "Transfer-Encoding: chunked"] : []
            let result = try ChildProcess.run(
                ["curl", "-sS", "-w", " %{http_code}", "-T", large] + framing
                    + ["http://127.0.0.1:\(proxy.port)/upload"], within: .seconds(120))
            #expect(result.output == "\(Self.gibibyte) 200")
            let growth = try proxy.process.memory("VmHWM") - before
            #expect(growth < Self.flat, "\(growth >> 20) MiB")
        }

        /// Every byte arrives as it was sent, in both directions and both framings.
        @Test(arguments: InputOutput.available)
        func bytesArriveUnchanged(_ inputOutput: InputOutput) throws {
            let echo = try ScriptedServer { connection in
                while true {
                    let head = try connection.receive(through: "\r\n\r\n")
                    let length = head.lowercased().split(separator: "content-length: ").last
                        .flatMap { Int($0.prefix { $0.isNumber }) }
                    let body = try connection.receive(exactly: length.unwrapped("a length"))
                    try connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
                    for start in stride(from: 0, to: body.count, by: 7_919) {
                        let piece = Array(body[start..<min(body.count, start + 7_919)])
                        try connection.send(Array("\(String(piece.count, radix: 16))\r\n".utf8) + piece + [13, 10])
                    }
                    try connection.send("0\r\n\r\n")
                }
            }
            let proxy = try Proxy(inputOutput, shop("", ["west": endpoints([echo.port])]))
            let client = try Connection(proxy.port)
            var generator = SystemRandomNumberGenerator()
            for size in [0, 1, 4_095, 4_096, 4_097, 65_535, 65_536, 65_537, 1_000_000, 5_000_000] {
                let body = (0..<size / 8 + 1).flatMap { _ in withUnsafeBytes(of: generator.next(), Array.init) }.prefix(
                    size)
                let sender = Background {
                    try client.send(
                        Array("POST / HTTP/1.1\r\nHost: shop\r\nContent-Length: \(size)\r\n\r\n".utf8) + body)
                }
                let response = try client.receiveResponse()
                #expect(response.status == 200)
                #expect(response.body == Array(body), "\(size) bytes")
                try sender.value()
            }
        }

        /// 400 clients ask for 16 MiB each and read nothing.
        @Test(arguments: InputOutput.available)
        func slowReadersCostNoMemory(_ inputOutput: InputOutput) throws {
            let files = try Scratch()
            _ = try files.makeSparse("large", bytes: 16 << 20)
            let nginx = try Nginx.withSites(["a"], files: files.path)
            let proxy = try Proxy(inputOutput, shop("", ["west": endpoints(nginx.ports)]))
            #expect(try get(proxy.port).text == "a")
            let before = try proxy.process.memory()
            let clients = try (0..<400).map { _ in
                let client = try Connection(proxy.port, receiveBuffer: 16 << 10)
                try client.send("GET /files/large HTTP/1.1\r\nHost: shop\r\n\r\n")
                return client
            }
            // Each has got the beginning, and the proxy has had time to run ahead if it were to.
            for client in clients { #expect(try Response(head: client.receive(through: "\r\n\r\n")).status == 200) }
            try settled("the proxy") { try proxy.process.memory() }
            // The first answers come as fast as the backend sends them; once buffers are short, little more than 64 KiB
            // waits for each client.
            #expect(try proxy.process.memory("VmHWM") - before < (64 << 20) + 400 * (128 << 10))
            // Others are served while these read nothing.
            #expect(try get(proxy.port).text == "a")
            try clients[0].discard(16 << 20)
        }

        /// 500 clients stop in the middle of a head, 500 in the middle of a body.
        @Test(arguments: InputOutput.available)
        func slowWritersCostNoMemory(_ inputOutput: InputOutput) throws {
            let backend = try countingServer()
            let proxy = try Proxy(
                inputOutput, shop("health_check: off,", ["west": endpoints([backend.port])]))
            #expect(try get(proxy.port).text == "0")
            let before = try proxy.process.memory()
            let heads = try (0..<500).map { _ in
                let client = try Connection(proxy.port)
                try client.send("GET / HTTP/1.1\r\nHost: shop\r\nX-Slow: ")
                return client
            }
            let bodies = try (0..<500).map { _ in
                let client = try Connection(proxy.port)
                try client.send("POST / HTTP/1.1\r\nHost: shop\r\nContent-Length: 1000000\r\n\r\nabc")
                return client
            }
            try eventually("all bodies under way") { backend.connectionCount >= 500 }
            let growth = try proxy.process.memory("VmHWM") - before
            #expect(growth < 1000 * (48 << 10), "\(growth >> 10) KiB for 1000 clients")
            for client in heads { try client.send("here\r\n\r\n") }
            for client in heads { #expect(try client.receiveResponse().text == "0") }
            for client in bodies.prefix(20) { try client.send([UInt8](repeating: 120, count: 999_997)) }
            for client in bodies.prefix(20) { #expect(try client.receiveResponse().text == "1000000") }
        }

        /// A backend that reads nothing holds the client back, too.
        @Test(arguments: InputOutput.available)
        func slowBackendHoldsTheClientBack(_ inputOutput: InputOutput) throws {
            let reading = Gate()
            let backend = try ScriptedServer { connection in
                _ = try connection.receive(through: "\r\n\r\n")
                try reading.wait()
                try connection.discard(256 << 20)
                try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nread")
            }
            let proxy = try Proxy(inputOutput, shop("health_check: off,", ["west": endpoints([backend.port])]))
            let before = try proxy.process.memory()
            let client = try Connection(proxy.port)
            let sent = Shared(0)
            let sender = Background {
                try client.send("POST / HTTP/1.1\r\nHost: shop\r\nContent-Length: \(256 << 20)\r\n\r\n")
                for _ in 0..<256 {
                    try client.send([UInt8](repeating: 120, count: 1 << 20))
                    sent.update { $0 += 1 }
                }
            }
            try settled("what the client could send") { sent.value }
            #expect(sent.value < 64, "\(sent.value) MiB went into the proxy and the kernel")
            reading.open()
            try sender.value()
            #expect(try client.receiveResponse().text == "read")
            let growth = try proxy.process.memory("VmHWM") - before
            #expect(growth < Self.flat, "\(growth >> 20) MiB")
        }
    }
}
