// Owns the contract's tests of closing: operations in flight, resets, and the end of a loop.
import Glibc
import Testing
import Topology

@testable import Proactor

extension EventLoopContract {
    /// What is in flight when `close()` comes.
    enum InFlight: CaseIterable {
        case nothing, continuous, single, large, send, queue, room, everything, cancelledReceive, kept
    }

    private func begin(_ kind: InFlight, on end: End, peer: RawPeer, _ bench: Workbench) {
        let stream = end.stream
        switch kind {
        case .nothing: break
        case .continuous: stream.receiveContinuously()
        case .single: stream.receiveOnce(large: false)
        case .large: stream.receiveOnce(large: true)
        case .send: fillPeer(of: stream, bench, buffers: 1)
        case .queue: fillPeer(of: stream, bench, buffers: 100)
        case .room:
            stream.writePermit = Permit()
            fillPeer(of: stream, bench, buffers: 100)
        case .everything:
            stream.receiveContinuously()
            fillPeer(of: stream, bench, buffers: 100)
        case .cancelledReceive:
            stream.receiveContinuously()
            bench.loop.turn(limit: .zero)
            stream.pauseReceiving()
        case .kept:
            stream.receiveContinuously()
            bench.loop.turn(limit: .zero)
            peer.write(pattern(20_000))
            stream.pauseReceiving()
        }
    }

    private func fillPeer(of stream: Stream, _ bench: Workbench, buffers: Int) {
        for _ in 0..<buffers { stream.send(bench.buffer(pattern(65_536))) }
    }

    @Test(arguments: backends, InFlight.allCases)
    func closingWithOperationsInFlightIsSilentAndWhole(_ io: IOKind, _ kind: InFlight) throws {
        for turnsBefore in 0...2 {
            for aborts in [false, true] {
                let bench = try Workbench(io)
                let (raw, server) = try bench.rawPair(receiveBuffer: 4_096)
                begin(kind, on: server, peer: raw, bench)
                for _ in 0..<turnsBefore { bench.loop.turn(limit: .milliseconds(2)) }
                let calls = server.record.calls
                if aborts { server.stream.abort() } else { server.stream.close() }
                #expect(!server.stream.isOpen)
                server.stream.close()
                server.stream.receiveContinuously()
                server.stream.send(bench.buffer([1]))
                raw.write([1, 2, 3])
                #expect(bench.turn { server.stream.phase == .closed })
                bench.turn(for: .milliseconds(1))
                #expect(server.record.calls == calls, "no call comes after close")
                #expect(bench.loop.receiveBuffersLent == 0 && bench.loop.slabsLent == 0)
                bench.finish()
            }
        }
    }

    @Test(arguments: backends)
    func closingInsideEachCallIsSafe(_ io: IOKind) throws {
        let bench = try Workbench(io)
        for kind in 0..<4 {
            let (raw, server) = try bench.rawPair()
            let close: (Stream) -> Void = { $0.close() }
            server.record.onReceived = close
            server.record.onEnded = close
            server.record.onSent = close
            switch kind {
            case 0:
                server.stream.receiveContinuously()
                raw.write(pattern(30_000))
            case 1:
                server.stream.receiveOnce()
                raw.shutdownWrite()
            case 2:
                for _ in 0..<5 { server.stream.send(bench.buffer(pattern(1_000))) }
            default:
                server.stream.receiveContinuously()
                server.stream.send(bench.buffer([1]))
            }
            #expect(bench.turn { server.stream.phase == .closed })
            #expect(server.record.calls == 1)
            #expect(bench.loop.receiveBuffersLent == 0 && bench.loop.slabsLent == 0)
        }
        let client = try bench.connect()
        client.record.onConnected = { $0.close() }
        #expect(bench.turn { client.stream.phase == .closed })
        #expect(client.record.calls == 1)
        bench.finish()
    }

    @Test(arguments: backends)
    func closingAConnectInFlightIsSilent(_ io: IOKind) throws {
        for turnsBefore in 0...2 {
            let bench = try Workbench(io)
            let silent = try SilentListener()
            let ends = [
                try bench.connect(to: silent.address), try bench.connect(to: RawListener.refusing()),
                try bench.connect(),
            ]
            for end in ends { end.record.onFailed = { $0.close() } }
            for _ in 0..<turnsBefore { bench.loop.turn(limit: .milliseconds(1)) }
            let calls = ends.map(\.record.calls)
            for end in ends { end.stream.close() }
            #expect(bench.turn { ends.allSatisfy { $0.stream.phase == .closed } })
            #expect(ends.map(\.record.calls) == calls)
            bench.finish()
        }
    }

    @Test(arguments: backends)
    func closeSaysFinAndAbortSaysReset(_ io: IOKind) throws {
        for aborts in [false, true] {
            let bench = try Workbench(io)
            let (raw, server) = try bench.rawPair()
            server.stream.receiveContinuously()
            server.stream.send(bench.buffer([1, 2, 3]))
            #expect(bench.turn { server.record.sent == [3] })
            if aborts { server.stream.abort() } else { server.stream.close() }
            #expect(bench.turn { server.stream.phase == .closed })
            #expect(raw.next() == .bytes([1, 2, 3]))
            #expect(raw.next() == (aborts ? .failed(ECONNRESET) : .ended))
            bench.finish()
        }
    }

    /// No turn is needed: what a proxy may not write any more must not leave the machine because a send was under way.
    @Test(arguments: backends)
    func abortDropsWhatIsOnItsWayAtOnce(_ io: IOKind) throws {
        let bench = try Workbench(io)
        let (raw, server) = try bench.rawPair(receiveBuffer: 4_096)
        fillPeer(of: server.stream, bench, buffers: 64)
        bench.turn(for: .milliseconds(20))
        #expect(server.stream.unsent > 0, "the peer does not read, so a send is in flight")
        server.stream.abort()
        var arrived = 0
        var reading = raw.next()
        while case .bytes(let bytes) = reading {
            arrived += bytes.count
            reading = raw.next()
        }
        #expect(reading == .failed(ECONNRESET), "it is reset already, after \(arrived) bytes")
        #expect(bench.turn { server.stream.phase == .closed })
        bench.finish()
    }

    @Test(arguments: backends)
    func aResetByThePeerIsAFailure(_ io: IOKind) throws {
        let bench = try Workbench(io)
        let (raw, server) = try bench.rawPair()
        server.stream.receiveContinuously()
        bench.turn(for: .milliseconds(2))
        raw.reset()
        #expect(bench.turn { server.record.calls == 1 })
        #expect(server.record.failures == [.reset])
        bench.finish()
    }

    @Test(arguments: backends)
    func aLoopMayEndWithEverythingOpen(_ io: IOKind) async throws {
        await #expect(processExitsWith: .success) { [name = io.rawValue as String] in
            try EventLoopContract.endWithEverythingOpen(try #require(IOKind(rawValue: name)))
        }
    }

    /// Runs in a process of its own, where nobody else opens sockets.
    private static func endWithEverythingOpen(_ io: IOKind) throws {
        let before = openSockets()
        weak var gone: EventLoop?
        do {
            let bench = try Workbench(io)
            gone = bench.loop
            let (raw, server) = try bench.rawPair(receiveBuffer: 4_096)
            let timer = bench.loop.makeTimer(Sleeper())
            timer.set(bench.loop.now + .seconds(60))
            server.record.onReceived = { _ in _ = timer.deadline }
            EventLoopContract().begin(.everything, on: server, peer: raw, bench)
            bench.turn(for: .milliseconds(2))
            bench.loop.end()
        }
        try #require(gone == nil)
        try #require(openSockets() == before)
    }
}

/// A session whose timer is armed when the loop goes.
private final class Sleeper: TimerHandler {
    func timerExpired(_ timer: LoopTimer) {}
}
