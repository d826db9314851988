// Owns the contract's tests of bytes that go from socket to socket through a pipe.
import Glibc
import Testing
import Topology

@testable import Proactor

/// Two connections of a loop, and what comes on the one goes out on the other through pipes.
private final class PipedRelay {
    let bench: Workbench
    let (sender, source): (RawPeer, End)
    let (receiver, sink): (RawPeer, End)
    /// The bytes of each piece that came in a pipe, and of each that did not.
    var piped: [Int] = []
    var copied: [Int] = []
    /// Whether the next piece is asked for by itself.
    var isGreedy = true

    init(_ io: IOKind, receiveBuffer: Int32? = nil) throws {
        bench = try Workbench(io)
        (sender, source) = try bench.rawPair()
        (receiver, sink) = try bench.rawPair(receiveBuffer: receiveBuffer)
        source.record.holds = true
        source.record.onReceived = { [unowned self] _ in pass() }
        sink.record.onSent = { [unowned self] _ in if isGreedy, sink.stream.unsent == 0 { ask() } }
    }

    func ask() { source.stream.receivePiped() }

    private func pass() {
        while let buffer = source.record.held.popFirst() {
            note(buffer)
            sink.stream.send(buffer)
        }
    }

    private func note(_ buffer: borrowing LoopBuffer) {
        guard buffer.isPiped else { return copied.append(buffer.count) }
        let readable = buffer.bytes.count
        #expect(readable == 0, "its bytes are not in memory")
        piped.append(buffer.count)
    }

    /// Sends and receives from outside, small pieces at a time, until `count` bytes are through.
    func carry(_ bytes: [UInt8], readAtMost: Int = 1 << 20) -> [UInt8] {
        var (offset, received) = (0, [UInt8]())
        let limit = MonotonicClock.now + .seconds(30)
        while received.count < bytes.count, MonotonicClock.now < limit {
            offset += sender.write(bytes[offset..<min(bytes.count, offset + 300_000)])
            bench.loop.turn(limit: .milliseconds(1))
            if case .bytes(let piece) = receiver.read(atMost: readAtMost) { received.append(contentsOf: piece) }
        }
        return received
    }
}

extension EventLoopContract {
    @Test(arguments: backends)
    func bytesGoThroughPipesInOrder(_ io: IOKind) throws {
        let relay = try PipedRelay(io)
        let bytes = pattern(6_000_001)
        relay.ask()
        #expect(same(relay.carry(bytes), bytes))
        #expect(relay.piped.reduce(0, +) == bytes.count && relay.copied.isEmpty)
        #expect(relay.piped.allSatisfy { $0 <= Stream.mostPiped })
        #expect(relay.sink.record.sent == relay.piped, "each count is of a whole piece")
        relay.bench.finish()
    }

    @Test(arguments: backends)
    func aSlowReaderHoldsThePipeBack(_ io: IOKind) throws {
        let relay = try PipedRelay(io, receiveBuffer: 8 << 10)
        let bytes = pattern(3_000_000)
        relay.ask()
        #expect(same(relay.carry(bytes, readAtMost: 20_000), bytes))
        #expect(relay.piped.reduce(0, +) == bytes.count)
        relay.bench.finish()
    }

    @Test(arguments: backends)
    func aPermitIsAskedBeforeEachPipe(_ io: IOKind) throws {
        let relay = try PipedRelay(io)
        let permit = Permit(yeses: 1)
        relay.sink.stream.writePermit = permit
        relay.ask()
        #expect(relay.sender.write(pattern(1_000)[...]) == 1_000)
        #expect(relay.bench.turn { relay.sink.record.sent == [1_000] })
        #expect(relay.sender.write(pattern(2_000)[...]) == 2_000)
        #expect(relay.bench.turn { relay.sink.record.failures == [.notPermitted] })
        #expect(relay.piped == [1_000, 2_000] && relay.sink.stream.unsent == 0)
        #expect(relay.bench.loop.pool.pipes.lent == 0, "what may not go is dropped with its pipe")
        guard case .bytes(let received) = relay.receiver.read(atMost: 10_000) else {
            Issue.record("nothing was received")
            return relay.bench.finish()
        }
        #expect(received == pattern(1_000))
        relay.bench.finish()
    }

    @Test(arguments: backends)
    func whatHadComeBeforeComesFirst(_ io: IOKind) throws {
        let relay = try PipedRelay(io)
        relay.isGreedy = false
        relay.source.stream.receiveContinuously()
        relay.bench.turn(for: .milliseconds(5))
        relay.source.stream.pauseReceiving()
        #expect(relay.sender.write(pattern(100)[...]) == 100)
        relay.bench.turn(for: .milliseconds(20))
        relay.ask()
        #expect(relay.bench.turn { relay.sink.record.sent == [100] })
        relay.ask()
        #expect(relay.sender.write(pattern(200)[...]) == 200)
        #expect(relay.bench.turn { relay.sink.record.sent == [100, 200] })
        #expect(relay.copied + relay.piped == [100, 200] && relay.piped.last == 200)
        relay.bench.finish()
    }

    @Test(arguments: backends)
    func whoPausesGetsNoPipe(_ io: IOKind) throws {
        let relay = try PipedRelay(io)
        relay.ask()
        relay.bench.turn(for: .milliseconds(5))
        relay.source.stream.pauseReceiving()
        #expect(relay.sender.write(pattern(500)[...]) == 500)
        relay.bench.turn(for: .milliseconds(20))
        #expect(relay.piped.isEmpty && relay.bench.loop.pool.pipes.lent == 0, "the bytes stay in the socket")
        // Another way of receiving takes over.
        relay.source.stream.receiveOnce()
        #expect(relay.bench.turn { relay.copied == [500] })
        relay.bench.finish()
    }

    @Test(arguments: backends)
    func theEndComesBehindTheBytes(_ io: IOKind) throws {
        let relay = try PipedRelay(io)
        relay.ask()
        #expect(relay.sender.write(pattern(70_000)[...]) == 70_000)
        relay.sender.shutdownWrite()
        #expect(relay.bench.turn { relay.source.record.ends == 1 })
        #expect(relay.piped.reduce(0, +) == 70_000)
        #expect(relay.bench.turn { relay.sink.stream.unsent == 0 })
        relay.bench.finish()
    }

    @Test(arguments: backends)
    func aResetIsAFailure(_ io: IOKind) throws {
        let relay = try PipedRelay(io)
        relay.ask()
        relay.bench.turn(for: .milliseconds(5))
        relay.sender.reset()
        #expect(relay.bench.turn { relay.source.record.failures == [.reset] })
        // A peer that is gone is no signal that ends the process.
        relay.receiver.reset()
        relay.bench.finish()
    }

    @Test(arguments: backends)
    func aSinkThatIsClosedTakesItsPipeAlong(_ io: IOKind) throws {
        for aborts in [false, true] {
            let relay = try PipedRelay(io, receiveBuffer: 4 << 10)
            relay.ask()
            let bytes = pattern(4_000_000)
            var offset = 0
            // Until the sink's kernel has no room and a pipe waits.
            #expect(
                relay.bench.turn(by: .milliseconds(1)) {
                    offset += relay.sender.write(bytes[offset..<min(bytes.count, offset + 200_000)])
                    return relay.bench.loop.pool.pipes.lent > 0 && relay.sink.stream.unsent > 0 && offset > 1_000_000
                })
            if aborts { relay.sink.stream.abort() } else { relay.sink.stream.close() }
            #expect(relay.bench.turn { relay.bench.loop.pool.pipes.lent == 0 })
            relay.bench.finish()
        }
    }

    @Test(arguments: backends)
    func withoutPipesBytesAreCopied(_ io: IOKind) throws {
        let relay = try PipedRelay(io)
        var taken: [UnsafeMutablePointer<Pipe>] = []
        while let pipe = relay.bench.loop.pool.pipes.take() { taken.append(pipe) }
        #expect(taken.count == 64)
        let bytes = pattern(400_000)
        relay.ask()
        #expect(same(relay.carry(bytes), bytes))
        #expect(relay.piped.isEmpty && relay.copied.reduce(0, +) == bytes.count)
        for pipe in taken { relay.bench.loop.pool.pipes.giveBack(pipe) }
        relay.bench.finish()
    }
}
