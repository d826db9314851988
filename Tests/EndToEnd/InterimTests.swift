// Owns the proof that interim answers pass, up to a limit, and that a backend cannot send them for ever.
import Foundation
import Testing

extension EndToEnd {
    @Suite struct InterimAnswers {
        private static let hints = "HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n"
        private static let goOn = "HTTP/1.1 100 Continue\r\n\r\n"
        private static let flat = 32 << 20

        /// A backend that sends as many interim answers as the last part of the path says, and then the final one.
        private func backend() throws -> RawBackend {
            try RawBackend { visit in
                while let request = try visit.request() {
                    let count = request.target.split(separator: "/").last.flatMap { Int($0) } ?? 0
                    let interim = request.target.hasPrefix("/continue") ? Self.goOn : Self.hints
                    for _ in 0..<count { try visit.send(interim) }
                    try visit.answer("done")
                }
            }
        }

        private func service(_ port: UInt16, more: String = "") -> String {
            shop("health_check: off, outlier: off,", ["west": endpoints([port])], more: more)
        }

        @Test(arguments: InputOutput.available)
        func passUpToTheLimit(_ inputOutput: InputOutput) throws {
            let backend = try backend()
            let proxy = try Proxy(inputOutput, service(backend.port))
            let client = try Connection(proxy.port)
            // Again and again on one connection: each request has a count of its own.
            for count in [0, 1, 16, 15, 16] {
                try client.send("GET /\(count) HTTP/1.1\r\nHost: shop\r\n\r\n")
                let (interim, final) = try client.receiveWithInterim()
                #expect(interim.map(\.status) == [Int](repeating: 103, count: count))
                #expect(interim.allSatisfy { $0["link"] == "</style.css>; rel=preload" })
                #expect(final.status == 200 && final.text == "done")
            }
        }

        /// The 17th is one too many, whether they are passed on or swallowed.
        @Test(arguments: InputOutput.available, ["/17", "/1000", "/continue/17"])
        func oneMoreIsABadGateway(_ inputOutput: InputOutput, path: String) throws {
            let backend = try backend()
            let proxy = try Proxy(inputOutput, service(backend.port))
            for _ in 0..<3 {
                let client = try Connection(proxy.port)
                try client.send("GET \(path) HTTP/1.1\r\nHost: shop\r\n\r\n")
                let (interim, final) = try client.receiveWithInterim()
                #expect(final.status == 502, "\(final)")
                #expect(interim.count <= 16)
                // What the backend still sends belongs to nobody.
                #expect(try get(proxy.port, "/0").text == "done")
            }
        }

        /// HTTP/1.0 knows no interim answers (RFC 9110 section 15.2): they are swallowed, and count all the same.
        @Test(arguments: InputOutput.available)
        func areSwallowedForOldClients(_ inputOutput: InputOutput) throws {
            let backend = try backend()
            let proxy = try Proxy(inputOutput, service(backend.port))
            for (path, status) in [("/16", 200), ("/17", 502), ("/continue/17", 502)] {
                let client = try Connection(proxy.port)
                try client.send("GET \(path) HTTP/1.0\r\nHost: shop\r\n\r\n")
                let (interim, final) = try client.receiveWithInterim()
                #expect(interim.isEmpty, "\(path)")
                #expect(final.status == status, "\(path): \(final)")
            }
        }

        /// The client was told to go on once; what is swallowed after that counts, too.
        @Test(arguments: InputOutput.available)
        func repeatedContinueCounts(_ inputOutput: InputOutput) throws {
            let backend = try RawBackend { visit in
                while var request = try visit.head() {
                    try visit.send(Self.goOn)
                    try visit.receiveBody(of: &request)
                    for _ in 0..<(request.target == "/few" ? 10 : 40) { try visit.send(Self.goOn) }
                    try visit.answer("got \(request.body.count)")
                }
            }
            let proxy = try Proxy(inputOutput, service(backend.port))
            for (path, status) in [("/few", 200), ("/many", 502)] {
                let client = try Connection(proxy.port)
                try client.send(
                    "POST \(path) HTTP/1.1\r\nHost: shop\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n")
                #expect(try client.receiveResponse(skipsInterim: false).status == 100)
                try client.send("body")
                #expect(try client.receiveWithInterim().final.status == status, "\(path)")
            }
        }

        @Test(arguments: InputOutput.available)
        func limitIsSettable(_ inputOutput: InputOutput) throws {
            let backend = try backend()
            let proxy = try Proxy(inputOutput, service(backend.port, more: "limits: { interim: 2 }"))
            for (count, status) in [(2, 200), (3, 502), (0, 200)] {
                let client = try Connection(proxy.port)
                try client.send("GET /\(count) HTTP/1.1\r\nHost: shop\r\n\r\n")
                #expect(try client.receiveWithInterim().final.status == status, "\(count)")
            }
        }

        /// Four megabytes of them, to a client that reads: they used to be kept, at eighty times their size.
        @Test(arguments: InputOutput.available)
        func floodCostsNoMemory(_ inputOutput: InputOutput) throws {
            let flood = String(repeating: Self.hints, count: 64)
            let backend = try RawBackend { visit in
                guard try visit.request()?.target == "/flood" else { return try visit.answer("fine") }
                for _ in 0..<(4 << 20) / flood.utf8.count { try visit.send(flood) }
            }
            let proxy = try Proxy(inputOutput, service(backend.port), workers: 1)
            #expect(try get(proxy.port).text == "fine")
            let before = try proxy.process.memory()
            for _ in 0..<3 {
                let client = try Connection(proxy.port)
                try client.send("GET /flood HTTP/1.1\r\nHost: shop\r\n\r\n")
                let (interim, final) = try client.receiveWithInterim()
                #expect(final.status == 502 && interim.count <= 16)
            }
            #expect(proxy.process.isRunning)
            let growth = try proxy.process.memory("VmHWM") - before
            #expect(growth < Self.flat, "\(growth >> 20) MiB")
            #expect(try get(proxy.port).text == "fine")
        }

        /// A client that reads none of them holds the backend back, as it would with a body.
        @Test(arguments: InputOutput.available)
        func areHeldBackLikeABody(_ inputOutput: InputOutput) throws {
            let large = "HTTP/1.1 103 Early Hints\r\nLink: <\(String(repeating: "a", count: 30 << 10))>\r\n\r\n"
            let sent = Shared(0)
            let backend = try RawBackend { visit in
                visit.connection.setTimeout(.seconds(60))
                guard try visit.head()?.target == "/large" else { return try visit.answer("fine") }
                for _ in 0..<1_000 {
                    try visit.send(large)
                    sent.update { $0 += 1 }
                }
                try visit.answer("done")
                try visit.awaitEnd()
            }
            let proxy = try Proxy(inputOutput, service(backend.port, more: "limits: { interim: 1000 }"))
            #expect(try get(proxy.port).text == "fine")
            let before = try proxy.process.memory()
            let client = try Connection(proxy.port, receiveBuffer: 16 << 10)
            try client.send("GET /large HTTP/1.1\r\nHost: shop\r\n\r\n")
            try settled("what the backend could send") { sent.value }
            #expect(sent.value < 1_000)
            let growth = try proxy.process.memory("VmHWM") - before
            #expect(growth < Self.flat, "\(growth >> 20) MiB")
            let (interim, final) = try client.receiveWithInterim()
            #expect(interim.count == 1_000 && final.text == "done")
        }
    }
}
