// Owns the proof that checks are polite: a backend's log has no errors on their account.
import Foundation
import Testing

extension EndToEnd {
    @Suite struct Checks {
        private static let page = String(repeating: "fine ", count: 10_000)

        /// What answers to checks look like; the body comes after the head, in a piece of its own.
        private static let answers: [String: (head: String, body: String)] = [
            "a length": ("HTTP/1.1 200 OK\r\nContent-Length: \(page.utf8.count)\r\n\r\n", page),
            "chunks": (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
                "\(String(page.utf8.count, radix: 16))\r\n\(page)\r\n0\r\n\r\n"
            ),
            "no body": ("HTTP/1.1 204 No Content\r\n\r\n", ""),
            "until the end": ("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", page),
        ]

        @Test(arguments: InputOutput.available, ["a length", "chunks", "no body", "until the end"])
        func endInOrder(_ inputOutput: InputOutput, answer name: String) throws {
            let answer = try Self.answers[name].unwrapped(name)
            let answered = Shared(0)
            let backend = try RawBackend { visit in
                while try visit.request() != nil {
                    try visit.send(answer.head)
                    try visit.send(answer.body)
                    answered.update { $0 += 1 }
                    guard name == "until the end" else { continue }
                    visit.connection.shutdownWrite()
                    try visit.awaitEnd()
                    return
                }
            }
            let proxy = try Proxy(
                inputOutput,
                shop(
                    "health_check: { http: { path: /healthz }, interval: 100ms, jitter: 0% },",
                    ["west": endpoints([backend.port])]))
            try eventually("ten checks") { answered.value >= 10 }
            #expect(try proxy.state(of: backend.address) == "up")
            // Each has ended in order, or goes on: of ten, at most the last has not been told of yet.
            try eventually("the ends of checks") { backend.endings.count >= backend.connectionCount - 1 }
            #expect(!backend.endings.contains(.reset), "\(backend.endings)")
        }

        /// A backend that is not done within the limit is up, as its head said.
        @Test(arguments: InputOutput.available)
        func longPagesAreNotReadToTheirEnd(_ inputOutput: InputOutput) throws {
            let sent = Shared(0)
            let backend = try RawBackend { visit in
                while try visit.request() != nil {
                    try visit.send("HTTP/1.1 200 OK\r\nContent-Length: \(1 << 30)\r\n\r\n")
                    for _ in 0..<16_384 {
                        try visit.connection.send([UInt8](repeating: 120, count: 64 << 10))
                        sent.update { $0 = max($0, 1) }
                    }
                }
            }
            let proxy = try Proxy(
                inputOutput,
                shop(
                    "health_check: { http: { path: /healthz }, interval: 100ms, rise: 2, fall: 1 },",
                    ["west": endpoints([backend.port])]))
            try eventually("several checks") { backend.requests.count >= 5 }
            #expect(try proxy.state(of: backend.address) == "up")
        }
    }
}
