// Owns the contract's tests of receiving: pausing, single receives, switching, exhaustion of buffers.
import Testing
import Topology

@testable import Proactor

extension EventLoopContract {
    /// Few and small buffers, so that few bytes exhaust them.
    static func scarce(small: Int = 4, large: Int = 2) -> LoopBuffers {
        var buffers = LoopBuffers()
        buffers.smallCount = small
        buffers.smallSize = 1_000
        buffers.largeCount = large
        buffers.largeSize = 8_000
        return buffers
    }

    @Test(arguments: backends)
    func pausingLosesNothingAndDeliversNothing(_ io: IOKind) throws {
        let bench = try Workbench(io)
        let (raw, server) = try bench.rawPair()
        let bytes = pattern(400_000)
        var written = 0
        var deliveredWhilePaused = 0
        var paused = false
        server.record.onReceived = { _ in if paused { deliveredWhilePaused += 1 } }
        var random: UInt32 = 7
        let limit = MonotonicClock.now + .seconds(20)
        while server.record.bytes.count < bytes.count, MonotonicClock.now < limit {
            random = random &* 1_664_525 &+ 1_013_904_223
            written += raw.write(bytes[written..<min(written + 9_000, bytes.count)])
            // The kernel has the bytes; the switch comes before the loop has seen them, or in the turn after.
            if random >> 31 == 0 {
                server.stream.pauseReceiving()
                paused = true
            } else {
                paused = false
                server.stream.receiveContinuously()
            }
            bench.loop.turn(limit: .milliseconds(1))
        }
        #expect(deliveredWhilePaused == 0)
        #expect(same(server.record.bytes, bytes))
        #expect(server.record.pieces.count > 50)
        bench.finish()
    }

    @Test(arguments: backends)
    func pausingInsideTheCallKeepsTheRest(_ io: IOKind) throws {
        let bench = try Workbench(io, buffers: Self.scarce(small: 16))
        let (raw, server) = try bench.rawPair()
        let bytes = pattern(12_000)
        server.record.onReceived = { $0.pauseReceiving() }
        server.stream.receiveContinuously()
        #expect(raw.write(bytes) == bytes.count)
        raw.shutdownWrite()
        for count in 1...12 {
            #expect(bench.turn { server.record.pieces.count == count })
            bench.turn(for: .milliseconds(3))
            #expect(server.record.pieces.count == count)
            #expect(server.record.ends == 0)
            server.stream.receiveContinuously()
        }
        #expect(bench.turn { server.record.ends == 1 })
        #expect(same(server.record.bytes, bytes))
        bench.finish()
    }

    @Test(arguments: backends)
    func anEndThatComesWhilePausedIsTold(_ io: IOKind) throws {
        for resets in [false, true] {
            let bench = try Workbench(io)
            let (raw, server) = try bench.rawPair()
            server.stream.receiveContinuously()
            bench.turn(for: .milliseconds(5))
            server.stream.pauseReceiving()
            bench.turn(for: .milliseconds(5))
            if resets { raw.reset() } else { raw.shutdownWrite() }
            bench.turn(for: .milliseconds(5))
            #expect(server.record.calls == 0)
            server.stream.receiveOnce()
            #expect(bench.turn { server.record.calls == 1 })
            #expect(server.record.ends == (resets ? 0 : 1))
            #expect(server.record.failures == (resets ? [.reset] : []))
            bench.finish()
        }
    }

    @Test(arguments: backends)
    func aSingleReceiveDeliversOnce(_ io: IOKind) throws {
        for large in [false, true] {
            let buffers = Self.scarce(large: 4)
            let size = large ? buffers.largeSize : buffers.smallSize
            let bench = try Workbench(io, buffers: buffers)
            let (raw, server) = try bench.rawPair()
            let bytes = pattern(size * 3)
            #expect(raw.write(bytes) == bytes.count)
            for count in 1...3 {
                server.stream.receiveOnce(large: large)
                #expect(server.record.pieces.count == count - 1, "nothing completes inside the submitting call")
                #expect(bench.turn { server.record.pieces.count == count })
                bench.turn(for: .milliseconds(3))
                #expect(server.record.pieces.count == count)
            }
            #expect(server.record.pieces == [size, size, size])
            #expect(same(server.record.bytes, bytes))
            #expect(bench.loop.receiveBuffersLent == 0)
            bench.finish()
        }
    }

    @Test(arguments: backends)
    func waysToReceiveCanBeSwitchedInTheStream(_ io: IOKind) throws {
        let bench = try Workbench(io)
        let (raw, server) = try bench.rawPair()
        let bytes = pattern(2 << 20)
        var written = 0
        var step = 0
        server.record.onReceived = { stream in
            step += 1
            switch step % 4 {
            case 0: stream.receiveContinuously()
            case 1: stream.receiveOnce(large: true)
            case 2: stream.receiveOnce(large: false)
            default: stream.receiveOnce(large: step % 8 == 3)
            }
        }
        server.stream.receiveContinuously()
        let limit = MonotonicClock.now + .seconds(20)
        while server.record.bytes.count < bytes.count, MonotonicClock.now < limit {
            written += raw.write(bytes[written..<min(written + 100_000, bytes.count)])
            bench.loop.turn(limit: .milliseconds(1))
        }
        #expect(same(server.record.bytes, bytes))
        bench.finish()
    }

    @Test(arguments: backends)
    func aContinuousReceiveThatTheKernelEndsIsArmedAgain(_ io: IOKind) throws {
        let bench = try Workbench(io)
        let (client, server) = try bench.pair()
        server.stream.receiveContinuously()
        for round in 1...3 {
            // As the kernel does when it must: the last completion without F_MORE, and nobody asked for it.
            server.stream.flags.insert(.cancelling)
            bench.loop.backend.cancelReceive(server.stream)
            #expect(bench.turn { !server.stream.flags.contains(.cancelling) && server.stream.armed == .continuous })
            client.stream.send(bench.buffer([UInt8(round)]))
            #expect(bench.turn { server.record.bytes.count == round })
        }
        #expect(server.record.bytes == [1, 2, 3])
        bench.finish()
    }

    @Test(arguments: backends)
    func idleStreamsHoldNoBuffer(_ io: IOKind) throws {
        let bench = try Workbench(io, buffers: Self.scarce())
        var ends: [(raw: RawPeer, server: End)] = []
        for _ in 0..<20 {
            let pair = try bench.rawPair()
            pair.server.stream.receiveContinuously()
            ends.append(pair)
        }
        bench.turn(for: .milliseconds(5))
        #expect(bench.loop.receiveBuffersLent == 0)
        for pair in ends { pair.raw.write([9]) }
        #expect(bench.turn { ends.allSatisfy { $0.server.record.bytes == [9] } })
        bench.finish()
    }

    @Test(arguments: backends)
    func whoWasFloodedReceivesABufferAtATime(_ io: IOKind) throws {
        let bench = try Workbench(io)
        let (raw, server) = try bench.rawPair()
        server.record.onReceived = { $0.pauseReceiving() }
        let size = bench.loop.pool.small.size
        /// Sends more than a few buffers take, receives the first, and says what came beside it.
        func flood() -> Int {
            let before = server.record.pieces.count
            #expect(raw.write(pattern(size * 20)) == size * 20)
            server.stream.receiveContinuously()
            #expect(bench.turn { server.record.pieces.count > before })
            bench.turn(for: .milliseconds(20))
            return server.stream.kept.byteCount
        }
        /// Takes all that is left.
        func drain(_ count: Int) {
            #expect(
                bench.turn {
                    server.stream.receiveOnce()
                    return server.record.bytes.count == count
                })
            server.stream.pauseReceiving()
        }
        _ = flood()
        drain(size * 20)
        #expect(flood() == 0, "the kernel went on receiving")
        drain(size * 40)
        // A message that is none of a flood's ends the caution.
        for count in [3, 6] {
            // The first one may complete the receive that is armed still.
            #expect(raw.write([1, 2, 3]) == 3)
            server.stream.receiveContinuously()
            #expect(bench.turn { server.record.bytes.count == size * 40 + count })
        }
        #expect(!server.stream.flags.contains(.floods))
        bench.finish()
    }
}
