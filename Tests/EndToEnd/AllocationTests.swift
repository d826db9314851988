// Owns the proof that a request over kept connections allocates no memory.
import Foundation
import Testing

extension EndToEnd {
    @Suite(.enabled(if: AllocationCounter.canBeBuilt, "no C compiler: the library that counts cannot be built"))
    struct Allocations {
        /// What is sent again and again over the same connections.
        enum Kind: String, CaseIterable, CustomTestStringConvertible {
            case plain, logged, fields, body, chunks, file, tunnel

            var testDescription: String { rawValue }

            /// The bytes of a request.
            var request: String {
                let host = "Host: shop.example.com\r\n"
                switch self {
                case .plain, .logged: return "GET /a?b=c HTTP/1.1\r\n\(host)User-Agent: test\r\nAccept: */*\r\n\r\n"
                case .fields:
                    let fields = (1...20).map { "X-Field-\($0): \(String(repeating: "value", count: $0))\r\n" }
                    return "GET / HTTP/1.1\r\n\(host)Cookie: session=7f3a9c\r\n\(fields.joined())\r\n"
                case .body:
                    let body = String(repeating: "body", count: 500)
                    return "POST / HTTP/1.1\r\n\(host)Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
                case .chunks:
                    return "POST / HTTP/1.1\r\n\(host)Transfer-Encoding: chunked\r\n\r\n"
                        + "5\r\nfirst\r\n6\r\nsecond\r\n0\r\n\r\n"
                case .file: return "GET /files/file HTTP/1.1\r\n\(host)\r\n"
                case .tunnel: return "GET / HTTP/1.1\r\n\(host)\r\n"
                }
            }

            func configuration(_ port: UInt16) -> String {
                let more = self == .logged ? "access_log: { path: \"$FOLDER/access.log\", format: json }" : ""
                guard self == .tunnel else {
                    return shop("health_check: off,", ["west": endpoints([port])], more: more)
                }
                return """
                    node: { id: n1, datacenter: west }
                    datacenters: [ west ]
                    services:
                      - { name: shop, protocol: tcp, health_check: off, datacenters: { west: { \(endpoints([port])) } } }
                    listeners:
                      - { name: web, bind: "127.0.0.1:$PORT", protocol: tcp, service: shop }
                    """
            }
        }

        private static let fileSize = 100 << 10
        private static let requests = 2_000
        /// Timers and tables allocate now and then, whatever is sent; what a request allocates shows twenty times as much.
        private static let allowed = requests / 20

        @Test(arguments: InputOutput.available, Kind.allCases)
        func keptConnectionsAllocateNothing(_ inputOutput: InputOutput, _ kind: Kind) throws {
            let files = try Scratch()
            _ = try files.makeSparse("file", bytes: Self.fileSize)
            let nginx = try Nginx.withSites(["a"], files: files.path)
            let counter = try AllocationCounter()
            let proxy = try Proxy(inputOutput, kind.configuration(nginx.port), workers: 1, prefix: counter.prefix)
            // A count of nothing would not tell whether anything is counted.
            #expect(try counter.allocations(of: proxy.process) { _ in true } > 100)
            let clients = try (0..<4).map { _ in try Connection(proxy.port) }
            let send = { (count: Int) in
                for number in 0..<count {
                    let client = clients[number % clients.count]
                    try client.send(kind.request)
                    let response = try client.receiveResponse()
                    try #require(response.status == 200)
                    try #require(response.body.count == (kind == .file ? Self.fileSize : 1))
                }
            }
            // Room that is kept from then on is made by the first ones.
            try send(400)
            let before = try counter.allocations(of: proxy.process) { $0.hasPrefix("worker") }
            #expect(before > 0)
            try send(Self.requests)
            let more = try counter.allocations(of: proxy.process) { $0.hasPrefix("worker") } - before
            #expect(
                more <= Self.allowed,
                "\(more) for \(Self.requests) requests; Tests/Benchmarks/instructions names who allocates")
            withExtendedLifetime((nginx, files)) {}
        }
    }
}
