// Owns who may connect while many others do: limits of all and of each address, and who gives way.
import Glibc
import HTTPTransport
import Proactor
import Testing
import Topology

@Suite struct LimitTests {
    private static let get = "GET / HTTP/1.1\r\nHost: h\r\n\r\n"

    private static func site(
        _ limit: Int, ofAddress: Int? = nil,
        responding: @escaping (HTTPRequest, HTTPResponder) -> Void = { $1.respond(.text(200, "")) }
    ) throws -> Site {
        var configuration = HTTPServerConfiguration()
        configuration.connectionLimit = limit
        configuration.addressLimit = ofAddress
        return try Site(configuration, responding: responding)
    }

    @Test func theLongestIdleGivesWay() throws {
        let site = try Self.site(3)
        let clients = try (0..<3).map { _ in try site.connect() }
        site.turn { site.server.connectionCount == 3 }
        // The first has waited longest since it came, but not since its last request.
        clients[0].send(Self.get)
        site.turn { clients[0].text.contains("200 OK") }
        let fourth = try site.connect()
        site.turn { clients[1].isEnded }
        fourth.send(Self.get)
        site.turn { fourth.text.contains("200 OK") }
        #expect(!clients[0].isOver && !clients[2].isOver)
        #expect(site.server.connectionCount == 3)
    }

    @Test func whoIsSlowToAskGivesWay() throws {
        let site = try Self.site(2)
        let slow = try site.connect()
        slow.send("GET / HTTP/1.1\r\nHos")
        let other = try site.connect()
        site.turn { site.server.connectionCount == 2 }
        for _ in 0..<5 { site.loop.turn(limit: .zero) }
        let third = try site.connect()
        site.turn { slow.isOver || other.isOver }
        third.send(Self.get)
        site.turn { third.text.contains("200 OK") }
        // Both do in the end.
        let fourth = try site.connect()
        site.turn { slow.isOver && other.isOver }
        fourth.send(Self.get)
        site.turn { fourth.text.contains("200 OK") }
    }

    @Test func aThousandIdleOnesKeepNobodyOut() throws {
        let site = try Self.site(16)
        var clients: [RawClient] = []
        for _ in 0..<1_000 {
            clients.append(try site.connect())
            if clients.count > 64 { clients.removeFirst().close() }
        }
        let probe = try site.connect()
        probe.send(Self.get)
        site.turn { probe.text.contains("200 OK") }
        #expect(site.server.connectionCount <= 16)
    }

    @Test func anAddressHasItsOwnLimit() throws {
        var waiting: [HTTPResponder] = []
        let site = try Self.site(100, ofAddress: 2) { waiting.append($1) }
        let busy = try (0..<2).map { _ in try site.connect() }
        for client in busy { client.send(Self.get) }
        site.turn { waiting.count == 2 }
        let third = try site.connect()
        site.turn { third.failure == .reset }
        // Others are not concerned.
        let neighbours = try (0..<2).map { _ in try Neighbour(site.server.address) }
        for neighbour in neighbours { neighbour.send(Self.get) }
        site.turn { waiting.count == 4 }
        // Whoever has gone leaves room.
        busy[0].abort()
        site.turn { site.server.connectionCount == 3 }
        let fourth = try site.connect()
        fourth.send(Self.get)
        site.turn { waiting.count == 5 }
    }

    @Test func anIdleOneOfTheSameAddressGivesWay() throws {
        let site = try Self.site(100, ofAddress: 2)
        let neighbour = try Neighbour(site.server.address)
        site.turn { site.server.connectionCount == 1 }
        let clients = try (0..<2).map { _ in try site.connect() }
        site.turn { site.server.connectionCount == 3 }
        let third = try site.connect()
        third.send(Self.get)
        site.turn { third.text.contains("200 OK") }
        site.turn { clients[0].isEnded }
        #expect(!clients[1].isOver && site.server.connectionCount == 3)
        // The one that has waited longest of all is another's.
        neighbour.send(Self.get)
        site.turn { site.seen.count == 2 }
    }

    /// Connections that are over do not count, whether they had asked for anything or not.
    @Test(arguments: ["", "GET / HTTP/1.0\r\n\r\n", "rubbish\r\n\r\n"])
    func goneConnectionsAreForgotten(_ bytes: String) throws {
        let site = try Self.site(100, ofAddress: 2)
        for _ in 0..<20 {
            let client = try site.connect()
            site.turn { site.server.connectionCount == 1 }
            client.send(bytes)
            if !bytes.isEmpty { site.turn { client.isOver } }
            client.close()
            site.turn { site.server.connectionCount == 0 }
        }
    }

    @Test func refusalsAreInTheServersForm() throws {
        var configuration = HTTPServerConfiguration()
        configuration.bodyLimit = 10
        configuration.headTimeout = .milliseconds(20)
        configuration.bodyTimeout = .milliseconds(20)
        configuration.answerTimeout = .milliseconds(20)
        configuration.refusal = { HTTPResponse(status: $0, fields: [("X-Form", "own")], body: Array($1.utf8)) }
        var waiting: [HTTPResponder] = []
        let site = try Site(configuration) { request, responder in
            if request.path == "/silent" { waiting.append(responder) }
        }
        let long = String(repeating: "a", count: 40_000)
        let requests = [
            ("rubbish\r\n\r\n", 400), ("GET / HTTP/1.1\r\n\r\n", 400), ("GET / HTTP/2.0\r\nHost: h\r\n\r\n", 505),
            ("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\n\r\n", 413),
            ("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
            ("GET /\(long) HTTP/1.1\r\n", 414), ("GET / HTTP/1.1\r\nX: \(long)\r\n", 431), ("GET / HT", 408),
            ("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n", 408),
            ("GET /silent HTTP/1.1\r\nHost: h\r\n\r\n", 504),
            ("GET /forgotten HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", 500),
        ]
        for (bytes, status) in requests {
            let text = try site.exchange(bytes)
            #expect(text.hasPrefix("HTTP/1.1 \(status) "), "\(text)")
            #expect(text.contains("X-Form: own\r\n") && !text.hasSuffix("\r\n\r\n"), "\(text)")
        }
    }
}

/// A client at another address of this machine.
private final class Neighbour {
    private let descriptor: Int32

    /// Connects, which the kernel completes before the server has accepted.
    init(_ server: SocketAddress) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var own = Self.address("127.0.0.2", 0)
        var target = Self.address("127.0.0.1", server.port)
        let length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isConnected = withUnsafePointer(to: &own) { own in
            withUnsafePointer(to: &target) { target in
                own.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, length) } == 0
                    && target.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(descriptor, $0, length) } == 0
            }
        }
        try #require(isConnected)
    }

    deinit { close(descriptor) }

    private static func address(_ host: String, _ port: UInt16) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        inet_pton(AF_INET, host, &address.sin_addr)
        return address
    }

    func send(_ text: String) {
        let bytes = Array(text.utf8)
        #expect(Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count)
    }
}
