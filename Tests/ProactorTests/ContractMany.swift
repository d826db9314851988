// Owns the contract's test of ten thousand connections, whose client ends live in a process of their own.
import Glibc
import Testing
import Topology

@testable import Proactor

extension EventLoopContract {
    private static let many = 10_000

    @Test(arguments: backends)
    func tenThousandConnectionsAreServedAndIdleFree(_ io: IOKind) async throws {
        let bound = try ListeningSocket.bind(#require(SocketAddress(numeric: .host("127.0.0.1", port: 0))))[0]
        let report = Signal()
        let host = try LoopHost.start(name: "echo", io: io) { loop throws(SystemError) in
            let echo = Echo(loop: loop)
            _ = loop.accept(on: bound, handler: echo)
            return echo
        }
        await #expect(processExitsWith: .success) { [port = bound.address.port as UInt16] in
            try EventLoopContract.connectMany(to: port)
        }
        for question in [\Echo.accepted, \Echo.echoed, \Echo.failed, \Echo.lentWhileIdle] {
            host.post { report.raise($0[keyPath: question]) }
        }
        #expect(report.wait() == Self.many)
        #expect(report.wait() == Self.many * 2)
        #expect(report.wait() == 0)
        #expect(report.wait() == 0, "idle connections hold no buffer")
        // The clients are gone: every stream closes, and every descriptor and buffer comes back.
        var left: Int?
        let limit = MonotonicClock.now + .seconds(20)
        repeat {
            host.post { report.raise($0.streamsLeft * 1_000_000 + $0.loop.receiveBuffersLent + $0.loop.slabsLent) }
            left = report.wait()
        } while left != 0 && MonotonicClock.now < limit
        #expect(left == 0)
        host.stop()
    }

    /// The client's process: all connections are open at once, and each is asked twice, with all idle between.
    private static func connectMany(to port: UInt16) throws {
        var limit = rlimit(rlim_cur: 20_000, rlim_max: 20_000)
        _ = setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        let address = try #require(SocketAddress(numeric: .host("127.0.0.1", port: port)))
        var peers: [RawPeer] = []
        peers.reserveCapacity(many)
        for _ in 0..<many {
            let peer = try RawPeer(to: address)
            try #require(peer.isConnected(within: 60_000))
            peers.append(peer)
        }
        for round in 0..<2 {
            for (index, peer) in peers.enumerated() {
                try #require(peer.write([UInt8(round), UInt8(index & 255), UInt8(index >> 8)]) == 3)
            }
            for (index, peer) in peers.enumerated() {
                try #require(peer.isReadable(within: 60_000))
                try #require(peer.read(atMost: 16) == .bytes([UInt8(round), UInt8(index & 255), UInt8(index >> 8)]))
            }
        }
    }
}

/// Sends back what it receives, on any number of streams.
private final class Echo: AcceptHandler, StreamHandler {
    let loop: EventLoop
    var accepted = 0
    var echoed = 0
    var failed = 0
    /// Streams whose descriptor is not closed yet; the acceptor is the other object of the loop.
    var streamsLeft: Int { loop.slots.objects.count - 1 }
    /// Buffers that were out when the last answer of a round was sent and ten thousand connections stood idle.
    var lentWhileIdle = -1
    private var answered = 0

    init(loop: EventLoop) { self.loop = loop }

    func acceptor(_ acceptor: Acceptor, accepted connection: AcceptedConnection) {
        guard let stream = try? loop.adopt(connection, handler: self) else {
            failed += 1
            return
        }
        accepted += 1
        stream.receiveContinuously()
    }
    func acceptor(_ acceptor: Acceptor, failed error: SystemError) { failed += 1 }
    func acceptorClosed(_ acceptor: Acceptor) {}

    func stream(_ stream: Stream, received buffer: consuming LoopBuffer) {
        echoed += 1
        stream.send(buffer)
    }
    func stream(_ stream: Stream, sent count: Int) {
        answered += 1
        if answered == 10_000 { lentWhileIdle = loop.receiveBuffersLent + loop.slabsLent }
    }
    func streamEnded(_ stream: Stream) { close(stream) }
    func stream(_ stream: Stream, failed failure: StreamFailure) { close(stream) }
    private func close(_ stream: Stream) {
        stream.close()
    }
}
