// Owns the contract's tests of sending: partial sends, order, counts, half-close.
import Glibc
import Testing
import Topology

@testable import Proactor

extension EventLoopContract {
    @Test(arguments: backends)
    func bytesArriveWholeAtASlowReader(_ io: IOKind) throws {
        let bench = try Workbench(io)
        let bytes = pattern(8 << 20)
        let (raw, server) = try bench.rawPair(receiveBuffer: 8 << 10)
        var offset = 0
        // Two buffers at a time: one in flight and one in the queue, as a relay would.
        func fill() {
            while server.stream.unsent <= 64 << 10, offset < bytes.count {
                let end = min(offset + 64 << 10, bytes.count)
                server.stream.send(bench.buffer(Array(bytes[offset..<end])))
                offset = end
            }
        }
        server.record.onSent = { _ in fill() }
        fill()
        var received: [UInt8] = []
        let limit = MonotonicClock.now + .seconds(30)
        while received.count < bytes.count, MonotonicClock.now < limit {
            // Small reads, one or two a turn: the kernel's buffers stay full, so sends come short.
            bench.loop.turn(limit: .milliseconds(1))
            for _ in 0..<2 {
                if case .bytes(let piece) = raw.read(atMost: 24_000) { received.append(contentsOf: piece) }
            }
        }
        #expect(same(received, bytes))
        #expect(bench.turn { server.record.sent.count == 128 })
        #expect(server.record.sent.allSatisfy { $0 == 64 << 10 }, "each count is of a whole buffer")
        #expect(server.stream.unsent == 0)
        bench.finish()
    }

    @Test(arguments: backends)
    func queuedSendsKeepTheirOrder(_ io: IOKind) throws {
        let bench = try Workbench(io)
        let (client, server) = try bench.pair()
        server.stream.receiveContinuously()
        let bytes = pattern(300_000)
        var offset = 0
        var sizes: [Int] = []
        for size in [1, 2_000, 65_536, 3, 16_384, 60_000, 100, 50_000] {
            client.stream.send(bench.buffer(Array(bytes[offset..<offset + size])))
            offset += size
            sizes.append(size)
        }
        #expect(client.record.sent.isEmpty, "nothing completes inside the submitting call")
        #expect(client.stream.unsent == offset)
        #expect(bench.turn { server.record.bytes.count == offset && client.record.sent.count == sizes.count })
        #expect(same(server.record.bytes, Array(bytes.prefix(offset))))
        #expect(client.record.sent == sizes)
        bench.finish()
    }

    @Test(arguments: backends)
    func anEmptyBufferIsGivenBackAtOnce(_ io: IOKind) throws {
        let bench = try Workbench(io)
        let (client, _) = try bench.pair()
        client.stream.send(bench.loop.allocate(100))
        #expect(bench.loop.slabsLent == 0)
        #expect(client.stream.unsent == 0)
        bench.finish()
    }

    @Test(arguments: backends)
    func receivedBuffersCanBeSentOn(_ io: IOKind) throws {
        let bench = try Workbench(io)
        let (client, server) = try bench.pair()
        server.record.holds = true
        server.record.onReceived = { stream in
            while let buffer = server.record.held.popFirst() { stream.send(buffer) }
        }
        server.stream.receiveContinuously()
        client.stream.receiveContinuously()
        let bytes = pattern(50_000)
        client.stream.send(bench.buffer(bytes))
        #expect(bench.turn { client.record.bytes.count == bytes.count })
        #expect(same(client.record.bytes, bytes))
        #expect(bench.turn { bench.loop.receiveBuffersLent == 0 })
        bench.finish()
    }

    @Test(arguments: backends)
    func eitherSideMayEndItsHalfFirst(_ io: IOKind) throws {
        for clientFirst in [true, false] {
            let bench = try Workbench(io)
            let (client, server) = try bench.pair()
            let (first, second) = clientFirst ? (client, server) : (server, client)
            first.stream.receiveContinuously()
            second.stream.receiveContinuously()
            first.stream.send(bench.buffer(pattern(1_000)))
            #expect(bench.turn { first.record.sent == [1_000] })
            first.stream.shutdownWrite()
            #expect(bench.turn { second.record.ends == 1 })
            #expect(second.record.bytes == pattern(1_000))
            // The other half is as good as before.
            second.stream.send(bench.buffer(pattern(40_000)))
            #expect(bench.turn { first.record.bytes.count == 40_000 && second.record.sent == [40_000] })
            #expect(first.record.ends == 0)
            second.stream.shutdownWrite()
            #expect(bench.turn { first.record.ends == 1 })
            #expect(first.record.failures.isEmpty && second.record.failures.isEmpty)
            bench.finish()
        }
    }

    @Test(arguments: backends)
    func aSendToAPeerThatResetFails(_ io: IOKind) throws {
        let bench = try Workbench(io)
        let (raw, server) = try bench.rawPair()
        raw.reset()
        bench.turn(for: .milliseconds(20))
        server.stream.send(bench.buffer([1, 2, 3]))
        server.stream.send(bench.buffer([4, 5, 6]))
        #expect(bench.turn { !server.record.failures.isEmpty })
        #expect(server.record.failures == [.reset])
        bench.finish()
    }
}
