// Owns plain listening sockets outside the loop: one that accepts on demand, one that never answers.
import Glibc
import Testing
import Topology

@testable import Proactor

/// Listens on a loopback port; closed when it goes.
final class RawListener {
    /// Where nobody listens, and no port that the system chooses for somebody can be.
    static func refusing() throws -> SocketAddress {
        try #require(SocketAddress(numeric: .host("127.77.2.1", port: 1)))
    }

    private var descriptor: Int32
    let address: SocketAddress

    init(backlog: Int32 = 64) throws {
        let any = try #require(SocketAddress(numeric: .host("127.0.0.1", port: 0)))
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        try #require(descriptor >= 0)
        self.descriptor = descriptor
        let bound = any.withSockaddr { bind(descriptor, $0, $1) }
        try #require(bound == 0 && listen(descriptor, backlog) == 0)
        address = try #require(SocketAddress.of(descriptor, peer: false))
    }

    deinit { close() }

    func close() {
        if descriptor >= 0 { Glibc.close(descriptor) }
        descriptor = -1
    }

    /// The next connection; waits for it, for a connect was begun before. Nil when there is none in two seconds.
    func accept() -> RawPeer? {
        var request = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        guard poll(&request, 1, 2_000) > 0 else { return nil }
        let connection = Glibc.accept(descriptor, nil, nil)
        return connection >= 0 ? RawPeer(taking: connection) : nil
    }
}

/// A listener whose backlog is full, so that the kernel drops every further SYN: a connect there gets no answer.
final class SilentListener {
    private let listener: RawListener
    private var fillers: [RawPeer] = []
    var address: SocketAddress { listener.address }

    init() throws {
        listener = try RawListener(backlog: 0)
        // A backlog of 0 holds one connection; the others' SYNs are dropped.
        for _ in 0..<4 { fillers.append(try RawPeer(to: listener.address)) }
        try #require(fillers[0].isConnected(within: 2_000))
    }
}
