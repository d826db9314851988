// Owns the proof that a slow backend is not taken for a slow client.
import Foundation
import Testing

extension EndToEnd {
    @Suite struct Blame {
        private func start(_ inputOutput: InputOutput, _ timeouts: String, _ backend: RawBackend) throws -> Proxy {
            try Proxy(
                inputOutput,
                shop(
                    "health_check: off, outlier: off, retry: { attempts: 0 }, timeouts: { \(timeouts) },",
                    ["west": endpoints([backend.port])]))
        }

        /// Any client would be too slow for these, if time counted in which the proxy did not want its bytes.
        private static let strict = "body_grace: 500ms, body_rate: 256KiB"

        /// The backend reads the head and no more; the client has sent all that anybody would take.
        @Test(arguments: InputOutput.available, ["Content-Length: 268435456", "Transfer-Encoding: chunked"])
        func backendThatDoesNotReadIsAGatewayTimeout(_ inputOutput: InputOutput, framing: String) throws {
            let done = Gate()
            defer { done.open() }
            let backend = try RawBackend(receiveBuffer: 16 << 10) { visit in
                _ = try visit.head()
                try done.wait()
            }
            let proxy = try start(inputOutput, "first_byte: 2s, \(Self.strict)", backend)
            let client = try Connection(proxy.port)
            try client.send("POST / HTTP/1.1\r\nHost: shop\r\n\(framing)\r\n\r\n")
            let data = [UInt8](repeating: 120, count: 0x4000)
            let block = framing.hasPrefix("Content-Length") ? data : Array("4000\r\n".utf8) + data + [13, 10]
            let sent = try client.send(atMost: 256 << 20, untilAnswered: block)
            #expect(sent < 256 << 20)
            let response = try client.receiveResponse()
            #expect(response.status == 504, "\(response)")
        }

        /// The client waits for a word of the backend, as it may, and gets none.
        @Test(arguments: InputOutput.available)
        func backendThatIsSilentOnExpectIsAGatewayTimeout(_ inputOutput: InputOutput) throws {
            let backend = try RawBackend { visit in
                _ = try visit.head()
                try visit.awaitEnd()
            }
            let proxy = try start(inputOutput, "first_byte: 2s, \(Self.strict)", backend)
            let client = try Connection(proxy.port)
            try client.send("POST / HTTP/1.1\r\nHost: shop\r\nExpect: 100-continue\r\nContent-Length: 1000000\r\n\r\n")
            let response = try client.receiveResponse(skipsInterim: false)
            #expect(response.status == 504, "\(response)")
        }

        /// Not for want of a limit: a client that has been told to go on and does not is too slow.
        @Test(arguments: InputOutput.available)
        func clientThatWasToldToGoOnIsToBlame(_ inputOutput: InputOutput) throws {
            let backend = try RawBackend { visit in
                guard try visit.head() != nil else { return }
                try visit.send("HTTP/1.1 100 Continue\r\n\r\n")
                try visit.awaitEnd()
            }
            let proxy = try start(inputOutput, Self.strict, backend)
            let client = try Connection(proxy.port)
            try client.send("POST / HTTP/1.1\r\nHost: shop\r\nExpect: 100-continue\r\nContent-Length: 1000000\r\n\r\n")
            #expect(try client.receiveResponse(skipsInterim: false).status == 100)
            #expect(try client.receiveResponse().status == 408)
        }

        /// The backend takes a megabyte a second; the client could send much more, and would have to, if the time counted in
        /// which nobody wanted its bytes.
        @Test(arguments: InputOutput.available)
        func timeOfBeingHeldBackDoesNotCount(_ inputOutput: InputOutput) throws {
            let size = 10 << 20
            let backend = try RawBackend(receiveBuffer: 16 << 10) { visit in
                guard try visit.head() != nil else { return }
                for _ in 0..<size >> 16 {
                    try visit.connection.discard(1 << 16)
                    usleep(50_000)
                }
                try visit.answer("read")
            }
            let proxy = try start(inputOutput, "first_byte: 4s, body_grace: 500ms, body_rate: 4MiB", backend)
            let client = try Connection(proxy.port)
            client.setTimeout(.seconds(60))
            let sender = Background {
                try client.send("POST / HTTP/1.1\r\nHost: shop\r\nContent-Length: \(size)\r\n\r\n")
                try client.send([UInt8](repeating: 120, count: size))
            }
            let response = try client.receiveResponse()
            #expect(response.status == 200 && response.text == "read", "\(response)")
            try? sender.value()
        }
    }
}
