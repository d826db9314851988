// Owns the contract's tests of the write permit: it is asked before every byte, and no is no.
import Glibc
import Testing
import Topology

@testable import Proactor

extension EventLoopContract {
    /// Everything that the peer has got until the other side closes or resets.
    private func rest(of raw: RawPeer) -> (bytes: [UInt8], end: RawPeer.Reading) {
        var bytes: [UInt8] = []
        while true {
            let reading = raw.next()
            guard case .bytes(let more) = reading else { return (bytes, reading) }
            bytes.append(contentsOf: more)
        }
    }

    @Test(arguments: backends)
    func withAPermitAllGoesAndEachSubmissionAsks(_ io: IOKind) throws {
        let bench = try Workbench(io)
        let (client, server) = try bench.pair()
        let permit = Permit()
        client.stream.writePermit = permit
        server.stream.receiveContinuously()
        let bytes = pattern(50_000)
        for piece in 0..<5 { client.stream.send(bench.buffer(Array(bytes[piece * 10_000..<(piece + 1) * 10_000]))) }
        #expect(bench.turn { client.record.sent.count == 5 && server.record.bytes.count == bytes.count })
        #expect(same(server.record.bytes, bytes))
        #expect(permit.asked >= 5)
        #expect(client.record.failures.isEmpty)
        bench.finish()
    }

    /// No at the first submission, and at that of a buffer that waited behind another.
    @Test(arguments: backends, [0, 1, 2])
    func withoutAPermitNothingMoreIsSubmitted(_ io: IOKind, _ yeses: Int) throws {
        let bench = try Workbench(io)
        let (raw, server) = try bench.rawPair()
        server.stream.writePermit = Permit(yeses: yeses)
        var unsentWhenTold: Int?
        server.record.onFailed = { unsentWhenTold = $0.unsent }
        for value in 1...4 { server.stream.send(bench.buffer([UInt8](repeating: UInt8(value), count: 1_000))) }
        #expect(server.record.calls == 0, "nothing is told inside the submitting call")
        #expect(bench.turn { !server.record.failures.isEmpty })
        #expect(server.record.failures == [.notPermitted])
        #expect(server.record.sent == [Int](repeating: 1_000, count: yeses))
        #expect(unsentWhenTold == 0)
        #expect(bench.loop.slabsLent == 0, "what was queued is dropped")
        // What comes later would not make sense to the peer, nor would FIN.
        server.stream.writePermit = nil
        server.stream.send(bench.buffer([9]))
        server.stream.shutdownWrite()
        #expect(server.stream.unsent == 0)
        bench.turn(for: .milliseconds(10))
        #expect(server.record.failures == [.notPermitted])
        server.stream.abort()
        let (bytes, end) = rest(of: raw)
        #expect(end == .failed(ECONNRESET))
        // A reset may destroy what the peer has not read yet, but nothing else may have come.
        #expect(bytes.allSatisfy { Int($0) <= yeses })
        bench.finish()
    }

    /// No for the rest of a send for which the kernel had no room: it does not go on by itself, even when there is room.
    @Test(arguments: backends, [0, 2])
    func theRestOfASendThatCameShortAsksToo(_ io: IOKind, _ yeses: Int) throws {
        let bench = try Workbench(io)
        let (raw, server) = try bench.rawPair(receiveBuffer: 4_096)
        let permit = Permit()
        server.stream.writePermit = permit
        // Until one comes short, which only a full kernel makes it do.
        var handed = 0
        while server.stream.unsent == 0, handed < 1_000 {
            server.stream.send(bench.buffer(pattern(65_536)))
            handed += 1
            bench.turn(for: .milliseconds(1))
        }
        for _ in 0..<8 { server.stream.send(bench.buffer(pattern(65_536))) }
        #expect(bench.turn { permit.asked >= handed })
        bench.turn(for: .milliseconds(5))
        let asked = permit.asked
        permit.yeses = yeses
        let withKernel = (handed + 8) * 65_536 - server.stream.unsent
        var received = 0
        let isTold = bench.turn(by: .milliseconds(1)) {
            if case .bytes(let bytes) = raw.read(atMost: 100_000) { received += bytes.count }
            return !server.record.failures.isEmpty
        }
        #expect(isTold)
        #expect(server.record.failures == [.notPermitted])
        #expect(permit.asked == asked + yeses + 1, "it was asked for each part, and the last answer was no")
        while raw.isReadable(within: 50), case .bytes(let bytes) = raw.read() { received += bytes.count }
        #expect(yeses == 0 ? received == withKernel : received > withKernel)
        #expect(server.stream.unsent == 0)
        #expect(bench.loop.slabsLent == 0)
        #expect(server.record.sent.count < handed + 8)
        bench.finish()
    }

    @Test(arguments: backends)
    func aSlowReaderGetsAllWithAPermit(_ io: IOKind) throws {
        let bench = try Workbench(io)
        let (raw, server) = try bench.rawPair(receiveBuffer: 8 << 10)
        server.stream.writePermit = Permit()
        let bytes = pattern(4 << 20)
        for offset in stride(from: 0, to: bytes.count, by: 64 << 10) {
            server.stream.send(bench.buffer(Array(bytes[offset..<offset + 64 << 10])))
        }
        var received: [UInt8] = []
        let isWhole = bench.turn(by: .milliseconds(1)) {
            for _ in 0..<4 {
                if case .bytes(let piece) = raw.read(atMost: 64_000) { received.append(contentsOf: piece) }
            }
            return received.count == bytes.count && server.record.sent.count == 64
        }
        #expect(isWhole && same(received, bytes))
        #expect(server.stream.unsent == 0)
        bench.finish()
    }

    @Test(arguments: backends, [false, true])
    func closingBeforeTheRefusalIsToldIsSilent(_ io: IOKind, _ aborts: Bool) throws {
        let bench = try Workbench(io)
        let (_, server) = try bench.rawPair()
        server.stream.receiveContinuously()
        server.stream.writePermit = Permit(yeses: 0)
        server.stream.send(bench.buffer([1]))
        if aborts { server.stream.abort() } else { server.stream.close() }
        #expect(bench.turn { server.stream.phase == .closed })
        bench.turn(for: .milliseconds(2))
        #expect(server.record.calls == 0)
        bench.finish()
    }

    // MARK: What is not sent yet

    @Test(arguments: backends)
    func unsentCountsWhatTheKernelHasNot(_ io: IOKind) throws {
        let bench = try Workbench(io)
        let (raw, server) = try bench.rawPair(receiveBuffer: 4_096)
        var told = 0
        var handed = 0
        server.record.onSent = { stream in
            told = server.record.sent.reduce(0, +)
            // A part of the one in flight may be with the kernel, too.
            #expect(stream.unsent <= handed - told && stream.unsent > handed - told - 65_536)
        }
        for _ in 0..<64 {
            server.stream.send(bench.buffer(pattern(65_536)))
            handed += 65_536
            #expect(server.stream.unsent == handed)
        }
        #expect(
            bench.turn(by: .milliseconds(1)) {
                _ = raw.read(atMost: 100_000)
                return told >= handed / 2
            })
        #expect(server.stream.unsent > 0)
        server.stream.close()
        #expect(server.stream.unsent <= 65_536, "only what is in flight")
        #expect(bench.turn { server.stream.phase == .closed })
        #expect(server.stream.unsent == 0)
        bench.finish()
    }

    @Test(arguments: backends)
    func aFailedSendLeavesNothingUnsent(_ io: IOKind) throws {
        let bench = try Workbench(io)
        let (raw, server) = try bench.rawPair(receiveBuffer: 4_096)
        for _ in 0..<64 { server.stream.send(bench.buffer(pattern(65_536))) }
        bench.turn(for: .milliseconds(5))
        raw.reset()
        #expect(bench.turn { !server.record.failures.isEmpty })
        #expect(server.stream.unsent == 0 && bench.loop.slabsLent == 0)
        server.stream.send(bench.buffer([1]))
        #expect(server.stream.unsent == 0, "what follows a gap is of no use")
        bench.finish()
    }

    @Test(arguments: backends)
    func anIdleStreamIsSmall(_ io: IOKind) throws {
        let bench = try Workbench(io)
        typealias Measure = @convention(c) (UnsafeMutableRawPointer) -> Int
        let measure = unsafeBitCast(try #require(dlsym(nil, "malloc_usable_size")), to: Measure.self)
        var ends: [(raw: RawPeer, server: End)] = []
        for _ in 0..<16 { ends.append(try bench.rawPair()) }
        // The least: an allocator may give more than it was asked for.
        let sizes = ends.map { measure(Unmanaged.passUnretained($0.server.stream).toOpaque()) }
        #expect(sizes.min().map { $0 <= 136 } == true, "\(sizes)")
        bench.finish()
    }
}
