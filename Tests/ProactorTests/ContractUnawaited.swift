// Owns the contract's tests of sends that nobody waits for, and of the last one before FIN.
import Glibc
import Testing
import Topology

@testable import Proactor

extension EventLoopContract {
    /// Far longer than anything here takes: a turn that lasts as long has missed what it should have told.
    private static let never = Duration.seconds(9)

    @Test(arguments: backends)
    func aSendThatNobodyWaitsForIsToldWithTheNextEvent(_ io: IOKind) throws {
        let bench = try Workbench(io)
        let (raw, server) = try bench.rawPair()
        server.stream.receiveContinuously()
        server.stream.send(bench.buffer(pattern(1_000)), isAwaited: false)
        bench.turn(for: .milliseconds(5))
        #expect(raw.isReadable(within: 1_000), "the bytes themselves wait for nothing")
        raw.write([1])
        #expect(bench.turn { server.record.bytes == [1] })
        #expect(server.record.sent == [1_000])
        #expect(server.stream.unsent == 0)
        bench.finish()
    }

    @Test(arguments: backends)
    func whoBeginsToWaitIsTold(_ io: IOKind) throws {
        let bench = try Workbench(io)
        let (raw, server) = try bench.rawPair()
        bench.turn(for: .milliseconds(5))
        server.stream.send(bench.buffer(pattern(1_000)), isAwaited: false)
        server.stream.awaitSent()
        // A turn may go on after it told.
        let began = MonotonicClock.now
        var told = Tick.distantFuture
        server.record.onSent = { _ in told = MonotonicClock.now }
        #expect(bench.turn(by: Self.never) { server.record.sent == [1_000] })
        #expect(told - began < Self.never)
        #expect(raw.isReadable(within: 1_000))
        bench.finish()
    }

    @Test(arguments: backends)
    func sendsBehindOneThatNobodyWaitsForGoOutToo(_ io: IOKind) throws {
        let bench = try Workbench(io)
        let (raw, server) = try bench.rawPair()
        bench.turn(for: .milliseconds(5))
        let began = MonotonicClock.now
        var told = Tick.distantFuture
        server.record.onSent = { _ in told = MonotonicClock.now }
        for size in [10, 20, 30] { server.stream.send(bench.buffer(pattern(size)), isAwaited: false) }
        #expect(bench.turn(by: Self.never) { server.record.sent == [10, 20, 30] })
        #expect(told - began < Self.never)
        #expect(raw.isReadable(within: 1_000))
        bench.finish()
    }

    @Test(arguments: backends)
    func aPeerThatDoesNotReadDelaysNobody(_ io: IOKind) throws {
        let bench = try Workbench(io)
        let slow = try bench.rawPair(receiveBuffer: 4 << 10)
        let other = try bench.rawPair()
        other.server.stream.receiveContinuously()
        // Until the kernel has no more room for it.
        let piece = pattern(16 << 10)
        var given = 0
        slow.server.record.onSent = { stream in
            given += 1
            stream.send(bench.buffer(piece), isAwaited: false)
            stream.awaitSent()
        }
        slow.server.stream.send(bench.buffer(piece), isAwaited: false)
        slow.server.stream.awaitSent()
        repeat { given = 0; bench.turn(for: .milliseconds(20)) } while given > 0
        #expect(slow.server.stream.unsent > 0)
        let began = MonotonicClock.now
        for byte in UInt8(1)...3 {
            other.raw.write([byte])
            #expect(bench.turn(by: Self.never) { other.server.record.bytes.last == byte })
        }
        #expect(MonotonicClock.now - began < Self.never)
        bench.finish()
    }

    @Test(arguments: backends)
    func whatIsLeftOfASendThatCameShortGoesOutSoon(_ io: IOKind) throws {
        let bench = try Workbench(io)
        let (raw, server) = try bench.rawPair(receiveBuffer: 4 << 10)
        bench.turn(for: .milliseconds(5))
        let piece = pattern(16 << 10)
        var given = 0
        server.record.onSent = { _ in given += 1 }
        // Until one comes short: then its end is not told for as long as the peer does not read.
        var bytes = 0
        repeat {
            given = 0
            server.stream.send(bench.buffer(piece), isAwaited: false)
            bytes += piece.count
            bench.turn(for: .milliseconds(15))
        } while given > 0
        let began = MonotonicClock.now
        var received = 0
        #expect(
            bench.turn {
                while case .bytes(let piece) = raw.read() { received += piece.count }
                return received == bytes && server.stream.unsent == 0
            })
        #expect(MonotonicClock.now - began < Self.never)
        bench.finish()
    }

    @Test(arguments: backends)
    func theLastSendIsFollowedByFIN(_ io: IOKind) throws {
        for closes in [true, false] {
            let bench = try Workbench(io)
            let (raw, server) = try bench.rawPair()
            server.stream.receiveContinuously()
            server.record.onSent = { stream in if closes { stream.close() } else { stream.shutdownWrite() } }
            server.stream.send(bench.buffer(pattern(3_000)), isAwaited: false, isLast: true)
            var received: [UInt8] = []
            var hasEnded = false
            #expect(
                bench.turn {
                    switch raw.read() {
                    case .bytes(let piece): received += piece
                    case .ended: hasEnded = true
                    default: break
                    }
                    return hasEnded
                })
            #expect(received == pattern(3_000))
            bench.finish()
        }
    }
}
