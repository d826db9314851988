// Owns the contract's tests of accepting: cancelling, a lack of descriptors, and many connections.
import Glibc
import Synchronization
import Testing
import Topology

@testable import Proactor

extension EventLoopContract {
    @Test(arguments: backends)
    func cancellingTakesWhatIsInTheBacklog(_ io: IOKind) throws {
        for turnsBefore in 0...1 {
            let bench = try Workbench(io)
            for _ in 0..<turnsBefore { bench.loop.turn(limit: .milliseconds(1)) }
            let peers = try (0..<30).map { _ in try RawPeer(to: bench.address) }
            #expect(peers.allSatisfy { $0.isConnected(within: 10_000) })
            #expect(bench.accepted.isEmpty)
            bench.acceptor.cancel()
            bench.acceptor.cancel()
            #expect(bench.acceptorClosed == 0 || turnsBefore == 0)
            #expect(bench.turn { bench.acceptorClosed == 1 })
            #expect(bench.accepted.count == 30, "their clients think they are served")
            for end in bench.accepted { end.stream.send(bench.buffer([5])) }
            #expect(bench.turn { bench.accepted.allSatisfy { $0.record.sent == [1] } })
            #expect(peers.allSatisfy { $0.next() == .bytes([5]) })
            // The address is free again.
            try Self.bindAgain(bench.address)
            bench.finish()
            #expect(bench.acceptorClosed == 1)
        }
    }

    /// A connection that begins after the cancelling neither comes nor is reset: its client tries again and is refused.
    @Test(arguments: backends)
    func cancellingDropsNewHandshakes(_ io: IOKind) throws {
        let bench = try Workbench(io)
        bench.loop.turn(limit: .milliseconds(1))
        let before = try RawPeer(to: bench.address)
        bench.acceptor.cancel()
        let after = try RawPeer(to: bench.address)
        #expect(bench.turn { bench.acceptorClosed == 1 })
        #expect(before.isConnected(within: 10_000))
        #expect(bench.accepted.count == 1)
        #expect(!after.isConnected(within: 0))
        #expect(after.isConnected(within: 10_000), "it failed")
        #expect(after.next() == .failed(ECONNREFUSED))
        bench.finish()
    }

    @Test(arguments: backends)
    func cancellingInsideTheCallIsSafe(_ io: IOKind) throws {
        let bench = try Workbench(io)
        bench.onAccepted = { _ in bench.acceptor.cancel() }
        let peers = try (0..<5).map { _ in try RawPeer(to: bench.address) }
        #expect(peers.allSatisfy { $0.isConnected(within: 10_000) })
        #expect(bench.turn { bench.acceptorClosed == 1 })
        #expect(bench.accepted.count == peers.count)
        bench.finish()
    }

    @Test(arguments: backends)
    func anAcceptThatTheKernelEndsIsArmedAgain(_ io: IOKind) throws {
        let bench = try Workbench(io)
        for round in 1...3 {
            _ = try bench.rawPair()
            // As the kernel does when it must: the last completion without F_MORE, and nobody cancelled.
            bench.loop.backend.cancelAccept(bench.acceptor)
            bench.turn(for: .milliseconds(3))
            #expect(bench.accepted.count == round)
        }
        #expect(bench.acceptErrors.isEmpty && bench.acceptorClosed == 0)
        bench.finish()
    }

    @Test(arguments: backends)
    func aRefusedConnectionIsReset(_ io: IOKind) throws {
        let loop = try EventLoop(io: io, buffers: .modest)
        let socket = try ListeningSocket.bind(#require(SocketAddress(numeric: .host("127.0.0.1", port: 0))))[0]
        let refuser = Refuser()
        let acceptor = loop.accept(on: socket, handler: refuser)
        let peer = try RawPeer(to: socket.address)
        let limit = MonotonicClock.now + .seconds(10)
        while refuser.refused == 0, MonotonicClock.now < limit { loop.turn(limit: .milliseconds(10)) }
        #expect(peer.next() == .failed(ECONNRESET))
        acceptor.cancel()
        while !refuser.closed, MonotonicClock.now < limit { loop.turn(limit: .milliseconds(10)) }
        #expect(refuser.closed)
        loop.end()
    }

    @Test(arguments: backends)
    func aLackOfDescriptorsIsWaitedOut(_ io: IOKind) async throws {
        await #expect(processExitsWith: .success) { [name = io.rawValue as String] in
            try EventLoopContract.acceptWithoutDescriptors(try #require(IOKind(rawValue: name)))
        }
    }

    /// Runs in a process of its own, because the limit of descriptors is one of the process.
    private static func acceptWithoutDescriptors(_ io: IOKind) throws {
        let bench = try Workbench(io)
        // No turn yet: io_uring takes the limit that held when the accept was armed.
        let peers = try (0..<20).map { _ in try RawPeer(to: bench.address) }
        // Descriptors come with the process, from whoever started it, and leave holes: all are taken, then five given back.
        var last = dup(0)
        var limit = rlimit(rlim_cur: rlim_t(last + 64), rlim_max: rlim_t(last + 64))
        try #require(setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0)
        var taken: [Int32] = []
        while last >= 0 {
            taken.append(last)
            last = dup(0)
        }
        try #require(errno == EMFILE && taken.count > 5)
        for descriptor in taken.suffix(5) { close(descriptor) }
        try #require(bench.turn { !bench.acceptErrors.isEmpty })
        try #require(bench.acceptErrors[0].code == EMFILE)
        // Not always five: a thread of the test library may take one meanwhile.
        try #require((1...5).contains(bench.accepted.count))
        let (began, tries) = (bench.loop.now, bench.acceptErrors.count)
        var turns = 0
        try #require(
            bench.turn(by: .seconds(1)) {
                turns += 1
                return bench.acceptErrors.count >= tries + 3
            })
        try #require(bench.loop.now - began >= .milliseconds(300), "three tries, each 100 ms after the one before")
        try #require(turns < 50, "no spin: \(turns) turns")
        // Room again: it goes on by itself, and everyone is served in the end.
        try #require(
            bench.turn {
                for end in bench.accepted { end.stream.close() }
                return bench.accepted.count == peers.count
            })
        bench.finish()
        try #require(bench.loop.slots.isEmpty)
    }
}

private final class Refuser: AcceptHandler {
    var refused = 0
    var closed = false
    func acceptor(_ acceptor: Acceptor, accepted connection: AcceptedConnection) {
        refused += 1
        connection.refuse()
    }
    func acceptor(_ acceptor: Acceptor, failed error: SystemError) {}
    func acceptorClosed(_ acceptor: Acceptor) { closed = true }
}
