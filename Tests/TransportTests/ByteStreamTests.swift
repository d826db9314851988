// Owns the tests of what a plain stream and one under TLS have in common, on both backends.
import Proactor
import TLS
import Testing
import Topology

@testable import Transport

@Suite("A stream of bytes, plain or under TLS", .serialized)
struct ByteStreamTests {
    @Test("Bytes arrive whole and in order, and each buffer is told once", arguments: Way.all)
    func order(_ way: Way) throws {
        let bench = try Bench(way)
        let (client, server) = try bench.pair()
        let bytes = pattern(1 << 20)
        let sizes = [1, 2_000, 65_536, 3, 16_384, 16_385, 100, 50_000]
        var offset = 0
        var handed: [Int] = []
        // Two at a time, as a relay would.
        func fill() {
            while client.stream.unsent < 100_000, offset < bytes.count {
                let count = min(sizes[handed.count % sizes.count], bytes.count - offset)
                client.stream.send(bench.buffer(Array(bytes[offset..<offset + count])))
                offset += count
                handed.append(count)
            }
        }
        client.record.onSent = fill
        server.stream.receiveContinuously()
        fill()
        #expect(client.record.sent.isEmpty, "nothing is told inside the call")
        #expect(client.stream.unsent > 0)
        #expect(bench.turn { server.record.bytes.count == bytes.count && client.stream.unsent == 0 })
        #expect(same(server.record.bytes, bytes))
        #expect(bench.turn { client.record.sent.count == handed.count })
        #expect(client.record.sent == handed)
        #expect(client.record.failures.isEmpty && server.record.failures.isEmpty)
        bench.finish()
    }

    @Test("Either side may end its half first", arguments: Way.all, [false, true])
    func halves(_ way: Way, _ isLast: Bool) throws {
        let bench = try Bench(way)
        let (client, server) = try bench.pair()
        client.stream.receiveContinuously()
        server.stream.receiveContinuously()
        client.stream.send(bench.buffer(pattern(1_000)), isLast: isLast)
        #expect(bench.turn { client.record.sent == [1_000] })
        client.stream.shutdownWrite()
        #expect(bench.turn { server.record.ends == 1 })
        #expect(same(server.record.bytes, pattern(1_000)))
        server.stream.send(bench.buffer(pattern(40_000)))
        #expect(bench.turn { client.record.bytes.count == 40_000 && server.record.sent == [40_000] })
        #expect(client.record.ends == 0)
        server.stream.shutdownWrite()
        #expect(bench.turn { client.record.ends == 1 })
        #expect(client.record.failures.isEmpty && server.record.failures.isEmpty)
        bench.finish()
    }

    @Test("A single receive delivers once, and a pause keeps the rest", arguments: Way.all)
    func backpressure(_ way: Way) throws {
        let bench = try Bench(way)
        let (client, server) = try bench.pair()
        let bytes = pattern(100_000)
        var offset = 0
        while offset < bytes.count {
            let end = min(offset + 10_000, bytes.count)
            client.stream.send(bench.buffer(Array(bytes[offset..<end])))
            offset = end
        }
        #expect(bench.turn { client.stream.unsent == 0 })
        client.stream.shutdownWrite()
        bench.turn(for: .milliseconds(20))
        #expect(server.record.calls == server.record.connections, "nobody has asked for bytes")
        var rounds = 0
        while server.record.ends == 0, rounds < 2_000 {
            rounds += 1
            let pieces = server.record.pieces.count
            switch rounds % 3 {
            case 0: server.stream.receiveOnce(large: true)
            case 1: server.stream.receiveOnce(large: false)
            default:
                server.record.onReceived = { server.stream.pauseReceiving() }
                server.stream.receiveContinuously()
            }
            #expect(server.record.pieces.count == pieces, "nothing is delivered inside the call")
            let came = bench.turn { server.record.pieces.count > pieces || server.record.ends > 0 }
            try #require(came, "round \(rounds), after \(server.record.bytes.count) bytes")
            server.record.onReceived = nil
            // Whether more comes than was asked for, shows in the next turns.
            for _ in 0..<2 { bench.loop.turn(limit: .zero) }
            #expect(server.record.pieces.count <= pieces + 1)
        }
        #expect(same(server.record.bytes, bytes))
        #expect(server.record.ends == 1 && server.record.failures.isEmpty)
        bench.finish()
    }

    @Test("An idle stream holds no buffer", arguments: Way.all)
    func idle(_ way: Way) throws {
        let bench = try Bench(way)
        let (client, server) = try bench.pair()
        client.stream.receiveContinuously()
        server.stream.receiveContinuously()
        client.stream.send(bench.buffer([1, 2, 3]))
        #expect(bench.turn { server.record.bytes == [1, 2, 3] && client.stream.unsent == 0 })
        #expect(bench.loop.receiveBuffersLent == 0 && bench.loop.slabsLent == 0)
        bench.finish()
    }

    @Test("Another handler hears what comes from then on", arguments: Way.all)
    func handlers(_ way: Way) throws {
        let bench = try Bench(way)
        let (client, server) = try bench.pair()
        let other = Recorder()
        server.stream.receiveContinuously()
        server.record.onReceived = { server.stream.setHandler(other) }
        client.stream.send(bench.buffer([1]))
        #expect(bench.turn { server.record.bytes == [1] })
        client.stream.send(bench.buffer([2]))
        #expect(bench.turn { other.bytes == [2] })
        #expect(server.record.bytes == [1])
        bench.finish()
    }

    @Test("Closing inside each call is silent afterwards", arguments: Way.all, 0..<4)
    func closingInside(_ way: Way, _ kind: Int) throws {
        let bench = try Bench(way)
        let (client, server) = try bench.pair()
        let close = { server.stream.close() }
        switch kind {
        case 0: server.record.onReceived = close
        case 1: server.record.onSent = close
        case 2: server.record.onFailed = close
        default: break
        }
        let before = server.record.calls
        server.stream.receiveContinuously()
        if kind == 1 { server.stream.send(bench.buffer([1])) }
        if kind == 2 { client.stream.abort() }
        if kind == 3 { server.stream.close() }
        if kind != 2 { client.stream.send(bench.buffer(pattern(60_000))) }
        #expect(bench.turn { !server.stream.isOpen })
        bench.turn(for: .milliseconds(10))
        #expect(server.record.calls == before + (kind == 3 ? 0 : 1))
        server.stream.receiveOnce()
        server.stream.send(bench.buffer([1]))
        server.stream.shutdownWrite()
        #expect(server.stream.unsent == 0)
        bench.finish()
    }

    @Test("An aborted stream is a reset to its peer", arguments: Way.all)
    func abort(_ way: Way) throws {
        let bench = try Bench(way)
        let (client, server) = try bench.pair()
        server.stream.receiveContinuously()
        bench.turn(for: .milliseconds(5))
        client.stream.abort()
        #expect(bench.turn { !server.record.failures.isEmpty })
        #expect(server.record.failures == [.reset] && server.record.ends == 0)
        bench.finish()
    }

    @Test("The permit is asked below, and no is no", arguments: Way.all, [0, 1, 2])
    func permit(_ way: Way, _ yeses: Int) throws {
        let bench = try Bench(way)
        let (client, server) = try bench.pair()
        server.stream.receiveContinuously()
        let permit = Permit(yeses: yeses)
        client.stream.writePermit = permit
        for value in 1...4 { client.stream.send(bench.buffer([UInt8](repeating: UInt8(value), count: 1_000))) }
        #expect(bench.turn { !client.record.failures.isEmpty })
        #expect(client.record.failures == [.notPermitted])
        #expect(client.record.sent == [Int](repeating: 1_000, count: yeses))
        #expect(client.stream.unsent == 0 && permit.asked == yeses + 1)
        #expect(bench.turn { server.record.bytes.count == yeses * 1_000 })
        client.stream.writePermit = nil
        client.stream.send(bench.buffer([9]))
        client.stream.shutdownWrite()
        bench.turn(for: .milliseconds(10))
        #expect(server.record.bytes.count == yeses * 1_000, "nothing follows what was dropped")
        #expect(server.record.ends == 0, "nor an end that would call it whole")
        client.stream.close()
        bench.finish()
    }
}
