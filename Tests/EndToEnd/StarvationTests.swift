// Owns the proof that clients who do nothing cannot take from others the buffers that those need.
import Foundation
import Testing

extension EndToEnd {
    /// Each worker has some hundreds of buffers to receive into. Whoever stops reading or writing must not keep them.
    @Suite struct Starvation {
        /// Those who hold things up do so for as long as the test lasts: whoever is answered did not wait for them.
        private func expectService(_ proxy: Proxy, _ size: Int) throws {
            // Enough of them to meet every worker.
            for _ in 0..<10 {
                let client = try Connection(proxy.port)
                #expect(try client.get("/").text == "a")
                #expect(try client.get("/files/large").body.count == size)
            }
        }

        private func start(_ inputOutput: InputOutput, _ size: Int) throws -> (Nginx, Proxy, Scratch) {
            let files = try Scratch()
            _ = try files.makeSparse("large", bytes: size)
            _ = try files.makeSparse("small", bytes: 12 << 10)
            let nginx = try Nginx.withSites(["a"], files: files.path)
            return (nginx, try Proxy(inputOutput, shop("", ["west": endpoints(nginx.ports)])), files)
        }

        /// More half-sent heads than there are buffers.
        @Test(arguments: InputOutput.available)
        func slowHeadsHoldNobodyUp(_ inputOutput: InputOutput) throws {
            let (nginx, proxy, files) = try start(inputOutput, 1 << 20)
            let clients = try (0..<1_500).map { _ in
                let client = try Connection(proxy.port)
                try client.send("GET / HTTP/1.1\r\nHost: shop\r\nX-Slow: ")
                return client
            }
            try expectService(proxy, 1 << 20)
            // Not all at once: an endpoint is given 1,024 requests at a time.
            for client in clients {
                try client.send("here\r\n\r\n")
                #expect(try client.receiveResponse().text == "a")
            }
            withExtendedLifetime((nginx, files)) {}
        }

        /// Clients that ask for one large answer each and do not read it.
        @Test(arguments: InputOutput.available)
        func slowReadersHoldNobodyUp(_ inputOutput: InputOutput) throws {
            let (nginx, proxy, files) = try start(inputOutput, 4 << 20)
            let clients = try (0..<150).map { _ in
                let client = try Connection(proxy.port, receiveBuffer: 16 << 10)
                try client.send("GET /files/large HTTP/1.1\r\nHost: shop\r\n\r\n")
                return client
            }
            for client in clients { _ = try client.receive(1) }
            try expectService(proxy, 4 << 20)
            withExtendedLifetime((nginx, files, clients)) {}
        }

        /// Clients that ask for many small answers each at once and read none of them.
        @Test(arguments: InputOutput.available)
        func pipeliningWithoutReadingHoldsNobodyUp(_ inputOutput: InputOutput) throws {
            let (nginx, proxy, files) = try start(inputOutput, 1 << 20)
            let request = "GET /files/small HTTP/1.1\r\nHost: shop\r\n\r\n"
            let clients = try (0..<150).map { _ in
                let client = try Connection(proxy.port, receiveBuffer: 16 << 10)
                try client.send(String(repeating: request, count: 400))
                return client
            }
            for client in clients { _ = try client.receive(1) }
            try expectService(proxy, 1 << 20)
            withExtendedLifetime((nginx, files, clients)) {}
        }

        /// Clients that send bodies to a backend that does not read them.
        @Test(arguments: InputOutput.available)
        func slowBackendHoldsNoOtherUp(_ inputOutput: InputOutput) throws {
            let isOver = Shared(false)
            defer { isOver.update { $0 = true } }
            let deaf = try ScriptedServer { connection in
                _ = try connection.receive(through: "\r\n\r\n")
                while !isOver.value { usleep(50_000) }
            }
            let nginx = try Nginx.withSites(["a"])
            let proxy = try Proxy(
                inputOutput,
                """
                datacenters: [ west ]
                services:
                  - { name: deaf, health_check: off, endpoints: [ "\(deaf.address)" ] }
                  - { name: shop, endpoints: [ "\(nginx.address)" ] }
                listeners:
                  - name: web
                    bind: "127.0.0.1:$PORT"
                    routes: [ { path: /deaf, service: deaf }, { service: shop } ]
                """)
            let clients = try (0..<150).map { _ in
                let client = try Connection(proxy.port)
                try client.send("POST /deaf HTTP/1.1\r\nHost: shop\r\nContent-Length: 100000000\r\n\r\n")
                client.setTimeout(.milliseconds(20))
                for _ in 0..<32 { try? client.send([UInt8](repeating: 120, count: 128 << 10)) }
                return client
            }
            for _ in 0..<10 { #expect(try Connection(proxy.port).get().text == "a") }
            withExtendedLifetime(clients) {}
        }
    }
}
