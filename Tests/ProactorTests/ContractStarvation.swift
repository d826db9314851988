// Owns the contract's tests of what happens when all receive buffers are out.
import Testing
import Topology

@testable import Proactor

extension EventLoopContract {
    /// Streams that have bytes to receive while others hold all small buffers.
    private func starve(_ bench: Workbench, count: Int) throws -> (holder: End, waiting: [(raw: RawPeer, end: End)]) {
        let (raw, holder) = try bench.rawPair()
        holder.record.holds = true
        holder.stream.receiveContinuously()
        raw.write(pattern(bench.loop.pool.small.count * bench.loop.pool.small.size))
        try #require(bench.turn { holder.record.held.count == bench.loop.pool.small.count })
        var waiting: [(raw: RawPeer, end: End)] = []
        for index in 0..<count {
            let pair = try bench.rawPair()
            pair.raw.write([UInt8(index)])
            pair.server.stream.receiveContinuously()
            // One after the other, so that the order of their asking is known.
            try #require(bench.turn { pair.server.stream.starved == .small })
            waiting.append((pair.raw, pair.server))
        }
        return (holder, waiting)
    }

    @Test(arguments: backends)
    func whoFindsNoBufferWaitsInOrder(_ io: IOKind) throws {
        let bench = try Workbench(io, buffers: Self.scarce())
        let (holder, waiting) = try starve(bench, count: 12)
        var order: [UInt8] = []
        for peer in waiting { peer.end.record.onReceived = { _ in order.append(peer.end.record.bytes[0]) } }
        #expect(bench.turn(for: .milliseconds(200)) < 10, "waiting for buffers must not spin")
        #expect(order.isEmpty)
        // One buffer is enough to serve all, one after the other.
        _ = holder.record.held.popFirst()
        #expect(bench.turn { order.count == 12 })
        #expect(order == Array(0..<12))
        bench.releaseHeld(holder.record)
        bench.finish()
    }

    @Test(arguments: backends)
    func buffersThatComeBackAtTheEndOfATurnFeedToo(_ io: IOKind) throws {
        let bench = try Workbench(io, buffers: Self.scarce())
        let (holder, waiting) = try starve(bench, count: 1)
        bench.loop.atEndOfTurn { bench.releaseHeld(holder.record) }
        #expect(bench.turn { waiting[0].end.record.bytes == [0] })
        bench.finish()
    }

    @Test(arguments: backends)
    func idleAndClosedStreamsInTheQueueHoldNobodyUp(_ io: IOKind) throws {
        let bench = try Workbench(io, buffers: Self.scarce())
        let (holder, waiting) = try starve(bench, count: 3)
        var idle: [(raw: RawPeer, server: End)] = []
        for _ in 0..<10 {
            let pair = try bench.rawPair()
            pair.server.stream.receiveContinuously()
            idle.append(pair)
        }
        bench.turn(for: .milliseconds(5))
        waiting[0].end.stream.close()
        waiting[1].end.stream.pauseReceiving()
        bench.turn(for: .milliseconds(5))
        _ = holder.record.held.popFirst()
        // One turn without a limit must not sleep while a buffer is free and somebody waits for it.
        #expect(bench.turn { waiting[2].end.record.bytes == [2] })
        bench.turn(for: .milliseconds(5))
        for pair in idle { pair.raw.write([7]) }
        #expect(bench.turn { idle.allSatisfy { $0.server.record.bytes == [7] } })
        #expect(waiting[1].end.record.calls == 0)
        waiting[1].end.stream.receiveOnce(large: false)
        #expect(bench.turn { waiting[1].end.record.bytes == [1] })
        bench.releaseHeld(holder.record)
        bench.finish()
    }

    @Test(arguments: backends)
    func everyoneIsFedByOneReturnedBufferWithoutAnotherEvent(_ io: IOKind) throws {
        let bench = try Workbench(io, buffers: Self.scarce())
        let (holder, waiting) = try starve(bench, count: 6)
        for peer in waiting[0..<5] { peer.end.stream.pauseReceiving() }
        _ = holder.record.held.popFirst()
        // Nothing but the alarm would wake it.
        let alarm = Alarm(bench.loop, after: .seconds(10))
        while waiting[5].end.record.bytes.isEmpty, !alarm.rang { bench.loop.turn() }
        #expect(waiting[5].end.record.bytes == [5])
        #expect(!alarm.rang, "the loop slept while a buffer was free")
        alarm.stop()
        bench.releaseHeld(holder.record)
        bench.finish()
    }

    @Test(arguments: backends)
    func whoWaitsForSmallBuffersMayTakeALargeOne(_ io: IOKind) throws {
        let bench = try Workbench(io, buffers: Self.scarce())
        let (holder, waiting) = try starve(bench, count: 2)
        waiting[1].end.stream.receiveOnce(large: true)
        #expect(bench.turn { waiting[1].end.record.bytes == [1] })
        #expect(waiting[0].end.record.calls == 0)
        waiting[1].end.stream.receiveContinuously()
        waiting[1].raw.write([8])
        bench.releaseHeld(holder.record)
        #expect(bench.turn { waiting[0].end.record.bytes == [0] && waiting[1].end.record.bytes == [1, 8] })
        bench.finish()
    }

    @Test(arguments: backends)
    func largeBuffersRunOutToo(_ io: IOKind) throws {
        let bench = try Workbench(io, buffers: Self.scarce())
        var ends: [(raw: RawPeer, server: End)] = []
        for index in 0..<6 {
            let pair = try bench.rawPair()
            pair.server.record.holds = true
            pair.raw.write([UInt8(index)])
            pair.server.stream.receiveOnce()
            ends.append(pair)
        }
        #expect(bench.turn(for: .milliseconds(100)) < 20)
        #expect(ends.count { !$0.server.record.held.isEmpty } == 2)
        #expect(bench.loop.receiveBuffersLent == 2)
        #expect(
            bench.turn {
                for pair in ends { bench.releaseHeld(pair.server.record) }
                return ends.allSatisfy { $0.server.record.bytes.count == 1 }
            })
        for pair in ends { bench.releaseHeld(pair.server.record) }
        bench.finish()
    }
}

/// Ends a wait without limit when what should end it does not come.
final class Alarm: TimerHandler {
    private var timer: LoopTimer?
    private(set) var rang = false

    init(_ loop: EventLoop, after duration: Duration) {
        timer = loop.makeTimer(self)
        timer?.set(MonotonicClock.now + duration)
    }

    func stop() { timer?.invalidate() }
    func timerExpired(_ timer: LoopTimer) { rang = true }
}
