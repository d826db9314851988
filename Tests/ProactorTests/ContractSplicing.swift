// Owns the contract's tests of pipes: bytes that pass from socket to socket without being seen.
import Glibc
import Testing
import Topology

@testable import Proactor

extension EventLoopContract {
    /// One direction of a relay by splice: fills the pipe when it is empty, drains it when it is not, polls otherwise.
    private final class Relay: StreamHandler {
        let source: Stream
        let sink: Stream
        var pipe: Pipe
        var moved = 0
        var sourceEnded = false
        var finished = false
        var steps = 0
        private var pollsSource = false
        private var pollsSink = false

        init(from source: Stream, to sink: Stream, through pipe: Pipe) {
            self.source = source
            self.sink = sink
            self.pipe = pipe
        }

        func advance() {
            while !finished {
                steps += 1
                if pipe.count > 0 {
                    switch pipe.drain(into: sink) {
                    case .moved(let count): moved += count
                    case .wouldBlock: return pollSink()
                    case .ended, .failed: finished = true
                    }
                } else if sourceEnded {
                    sink.shutdownWrite()
                    finished = true
                } else {
                    switch pipe.fill(from: source) {
                    case .moved: break
                    case .ended: sourceEnded = true
                    case .wouldBlock: return pollSource()
                    case .failed: finished = true
                    }
                }
            }
        }

        private func pollSource() {
            guard !pollsSource else { return }
            pollsSource = true
            source.poll(readable: true, writable: false)
        }

        private func pollSink() {
            guard !pollsSink else { return }
            pollsSink = true
            sink.poll(readable: false, writable: true)
        }

        /// A poll of the source, or one of the sink, was answered.
        func answered(readable: Bool) {
            if readable { pollsSource = false } else { pollsSink = false }
            advance()
        }

        func stream(_ stream: Stream, received buffer: LoopBuffer) {}
        func streamEnded(_ stream: Stream) {}
        func stream(_ stream: Stream, sent count: Int) {}
        func stream(_ stream: Stream, failed failure: StreamFailure) {}
    }

    @Test(arguments: backends)
    func pipesCarryBothDirectionsAndTheirEnds(_ io: IOKind) throws {
        let bench = try Workbench(io)
        let (left, leftServer) = try bench.rawPair(receiveBuffer: 16 << 10)
        let (right, rightServer) = try bench.rawPair(receiveBuffer: 16 << 10)
        let pool = PipePool(limit: 1)
        let forth = Relay(from: leftServer.stream, to: rightServer.stream, through: try pool.take())
        let back = Relay(from: rightServer.stream, to: leftServer.stream, through: try pool.take())
        // Both relays poll both streams; each stream has at most one poll for reading and one for writing.
        leftServer.record.onReady = { _, readable, _ in
            readable ? forth.answered(readable: true) : back.answered(readable: false)
        }
        rightServer.record.onReady = { _, readable, _ in
            readable ? back.answered(readable: true) : forth.answered(readable: false)
        }
        forth.advance()
        back.advance()
        let there = pattern(3 << 20)
        let here = pattern(2 << 20).reversed() as [UInt8]
        var sent = (left: 0, right: 0)
        var got = (left: [UInt8](), right: [UInt8]())
        var ended = (left: false, right: false)
        let limit = EventLoop.clock() + .seconds(30)
        while !(ended.left && ended.right), EventLoop.clock() < limit {
            push(there, &sent.left, left)
            push(here, &sent.right, right)
            // The right side reads slowly, so that the pipe stands full at times.
            pull(right, 9_000, &got.right, &ended.right)
            pull(left, 40_000, &got.left, &ended.left)
            bench.loop.turn(limit: .milliseconds(1))
        }
        #expect(same(got.right, there) && same(got.left, here))
        #expect(forth.moved == there.count && back.moved == here.count)
        #expect(forth.finished && back.finished)
        // No spin: each step moved something or ended in a poll.
        #expect(forth.steps + back.steps < 40_000)
        pool.giveBack(forth.pipe)
        pool.giveBack(back.pipe)
        bench.finish()
    }

    private func push(_ bytes: [UInt8], _ sent: inout Int, _ peer: RawPeer) {
        guard sent < bytes.count else { return }
        sent += peer.write(bytes[sent..<min(sent + 50_000, bytes.count)])
        if sent == bytes.count { peer.shutdownWrite() }
    }

    private func pull(_ peer: RawPeer, _ count: Int, _ got: inout [UInt8], _ ended: inout Bool) {
        switch peer.read(atMost: count) {
        case .bytes(let piece): got.append(contentsOf: piece)
        case .ended: ended = true
        case .nothing, .failed: break
        }
    }

    /// Fills a pipe with what a peer has just sent: it may come a little later, see `RawPeer.next`.
    private func filled(_ pipe: inout Pipe, from stream: Stream) -> Pipe.Outcome {
        let limit = EventLoop.clock() + .seconds(10)
        while true {
            let outcome = pipe.fill(from: stream)
            guard outcome == .wouldBlock, EventLoop.clock() < limit else { return outcome }
            sched_yield()
        }
    }

    @Test(arguments: backends)
    func aPipeSaysWhatItCannotDo(_ io: IOKind) throws {
        let bench = try Workbench(io)
        let (raw, server) = try bench.rawPair()
        let pool = PipePool(limit: 1)
        var pipe = try pool.take()
        let ends = (pipe.readEnd, pipe.writeEnd)
        #expect(pipe.fill(from: server.stream) == .wouldBlock)
        #expect(pipe.drain(into: server.stream) == .wouldBlock)
        raw.write([1, 2, 3])
        #expect(filled(&pipe, from: server.stream) == .moved(3))
        #expect(pipe.count == 3)
        raw.shutdownWrite()
        #expect(filled(&pipe, from: server.stream) == .ended)
        #expect(pipe.drain(into: server.stream) == .moved(3))
        #expect(raw.next() == .bytes([1, 2, 3]))
        // Kept when empty; closed when it still holds bytes, or when there are enough.
        pool.giveBack(pipe)
        let (raw2, server2) = try bench.rawPair()
        raw2.write([9])
        var full = try pool.take()
        #expect(full.readEnd == ends.0 && full.writeEnd == ends.1)
        #expect(filled(&full, from: server2.stream) == .moved(1))
        let empty = try pool.take()
        let others = (empty.readEnd, empty.writeEnd)
        pool.giveBack(full)
        pool.giveBack(empty)
        raw2.reset()
        var last = try pool.take()
        #expect(last.readEnd == others.0 && last.writeEnd == others.1)
        #expect(filled(&last, from: server2.stream) == .failed(.reset))
        pool.giveBack(last)
        bench.finish()
    }

    @Test(arguments: backends)
    func aStreamMayChangeBetweenSpliceAndReceive(_ io: IOKind) throws {
        let bench = try Workbench(io)
        let (raw, server) = try bench.rawPair()
        let pool = PipePool()
        var pipe = try pool.take()
        for round in 1...3 {
            raw.write(pattern(1_000))
            server.stream.poll(readable: true, writable: false)
            #expect(bench.turn { server.record.readiness.count == round })
            #expect(pipe.fill(from: server.stream) == .moved(1_000))
            server.stream.receiveOnce()
            bench.turn(for: .milliseconds(3))
            raw.write([UInt8(round)])
            #expect(bench.turn { server.record.bytes.count == round })
            #expect(pipe.drain(into: server.stream) == .moved(1_000))
            #expect(raw.next() == .bytes(pattern(1_000)))
        }
        #expect(server.record.bytes == [1, 2, 3])
        pool.giveBack(pipe)
        bench.finish()
    }
}
