// Owns the tests of cutting bytes into frames, and of the queue of what waits to be sent.
import Raft
import Testing
import Topology

@testable import RaftRuntime

@Suite("Cutting a connection's bytes into frames")
struct FrameReaderTests {
    private func frames(_ bytes: [UInt8], piece: Int, limit: Int = 1_000) throws -> [[UInt8]] {
        var reader = FrameReader(limit: limit)
        var frames: [[UInt8]] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            let part = Array(rest.prefix(piece))
            rest = rest.dropFirst(piece)
            var place = 0
            while let frame = try reader.next(part.span, from: &place) { frames.append(frame) }
            #expect(place == part.count)
        }
        return frames
    }

    @Test("In whatever pieces they come", arguments: [1, 2, 3, 4, 5, 7, 100, 10_000])
    func pieces(_ piece: Int) throws {
        let contents: [[UInt8]] = [[1], [], [2, 3, 4], [UInt8](repeating: 5, count: 300), [], [6]]
        let bytes = contents.flatMap { [UInt8].frameHeader($0.count) + $0 }
        #expect(try frames(bytes, piece: piece) == contents)
        // What is not whole is not delivered.
        #expect(try frames(Array(bytes.dropLast()), piece: piece) == Array(contents.dropLast()))
    }

    @Test("A frame over the limit is known by its length alone")
    func oversized() throws {
        #expect(try frames([0, 0, 3, 0xE8] + [UInt8](repeating: 1, count: 1_000), piece: 64).count == 1)
        #expect(throws: FrameReader.Oversized(announced: 1_001, limit: 1_000)) {
            try frames([0, 0, 3, 0xE9], piece: 4)
        }
        // "GET " of an HTTP client.
        #expect(throws: FrameReader.Oversized(announced: 0x4745_5420, limit: 1_000)) {
            try frames(Array("GET / HTTP/1.1\r\n".utf8), piece: 100)
        }
    }

    @Test("The beginning of TLS is known as such")
    func tls() {
        func isTLS(_ announced: Int) -> Bool { FrameReader.Oversized(announced: announced, limit: 9).isTLS }
        #expect(isTLS(0x1603_0102) && isTLS(0x1603_0302) && isTLS(0x1503_0100))
        #expect(!isTLS(0x4745_5420) && !isTLS(0x1602_0102) && !isTLS(0x1403_0100) && !isTLS(4_097))
    }
}

/// A queue that expectations may change.
private final class QueueBox {
    private var queue: PeerQueue
    init(limit: Int, byteLimit: Int) { queue = PeerQueue(limit: limit, byteLimit: byteLimit) }
    var isEmpty: Bool { queue.isEmpty }
    var count: Int { queue.count }
    func add(_ message: RaftMessage, now: Tick) { queue.add(message, now: now) }
    func add(_ frame: PeerFrame, cost: Int, now: Tick) -> Bool { queue.add(frame, cost: cost, now: now) }
    func next() -> PeerQueue.Item? { queue.next() }
    func takeDropped() -> UInt64 { queue.takeDropped() }
    func take(_ other: QueueBox, notBefore oldest: Tick) { queue.take(&other.queue, notBefore: oldest) }
    func removeAll() { queue.removeAll() }
}

@Suite("What waits for a peer")
struct PeerQueueTests {
    private func message(_ number: UInt64, bytes: Int = 0) -> RaftMessage {
        let entries = [
            LogEntry(
                Samples.position(1, number),
                .command(Command(session: 0, sequence: 0, bytes: [UInt8](repeating: 0, count: bytes))))
        ]
        let body: RaftMessage.Body =
            bytes > 0
            ? .append(Append(previous: Samples.position(1, number - 1), entries: entries, commit: .zero))
            : .heartbeat(Heartbeat(round: number, commit: .zero))
        return RaftMessage(from: NodeID("a"), to: NodeID("b"), term: Term(number), body)
    }

    private func drain(_ queue: QueueBox) -> [PeerQueue.Item] {
        var items: [PeerQueue.Item] = []
        while let item = queue.next() { items.append(item) }
        return items
    }

    @Test("Frames go before messages, each in their order")
    func order() {
        let queue = QueueBox(limit: 10, byteLimit: 10_000)
        queue.add(message(1), now: .zero)
        #expect(queue.add(.ping(1), cost: 10, now: .zero))
        queue.add(message(2), now: .zero)
        #expect(queue.add(.ping(2), cost: 10, now: .zero))
        #expect(queue.count == 4)
        #expect(
            drain(queue) == [.frame(.ping(1)), .frame(.ping(2)), .message(message(1)), .message(message(2))])
        #expect(queue.isEmpty && queue.takeDropped() == 0)
    }

    @Test("Too many: the oldest messages go, and are counted; frames are not taken")
    func full() {
        let queue = QueueBox(limit: 3, byteLimit: 10_000)
        for number in 1...5 { queue.add(message(UInt64(number)), now: .zero) }
        for number in 1...3 { #expect(queue.add(.ping(UInt64(number)), cost: 1, now: .zero)) }
        #expect(!queue.add(.ping(4), cost: 1, now: .zero))
        #expect(queue.takeDropped() == 2 && queue.takeDropped() == 0)
        #expect(drain(queue).suffix(3) == [.message(message(3)), .message(message(4)), .message(message(5))])
    }

    @Test("Too many bytes: as many of the oldest go as are needed; one that never fits goes itself")
    func bytes() {
        let queue = QueueBox(limit: 100, byteLimit: 1_000)
        for number in 1...4 { queue.add(message(UInt64(number), bytes: 200), now: .zero) }
        // Four cost 312 each: the first was dropped.
        #expect(queue.takeDropped() == 1)
        queue.add(message(5, bytes: 700), now: .zero)
        #expect(queue.takeDropped() == 3)
        queue.add(message(6, bytes: 2_000), now: .zero)
        #expect(queue.takeDropped() == 1)
        #expect(drain(queue) == [.message(message(5, bytes: 700))])
        #expect(queue.add(.ping(1), cost: 1_000, now: .zero))
        #expect(!queue.add(.ping(2), cost: 1, now: .zero))
    }

    @Test("What waited too long for a connection is dropped when the rest moves to its queue")
    func stale() {
        let first = QueueBox(limit: 10, byteLimit: 10_000)
        for number in 1...3 { first.add(message(UInt64(number)), now: Tick(nanoseconds: Int64(number))) }
        let second = QueueBox(limit: 10, byteLimit: 10_000)
        second.add(message(9), now: .zero)
        second.take(first, notBefore: Tick(nanoseconds: 2))
        #expect(first.isEmpty)
        #expect(second.takeDropped() == 1)
        #expect(drain(second) == [.message(message(9)), .message(message(2)), .message(message(3))])
        second.add(message(1), now: .zero)
        second.removeAll()
        #expect(second.isEmpty && second.takeDropped() == 1)
    }

    @Test("A long queue keeps its order while it is used")
    func fifo() {
        var fifo = Fifo<Int>()
        var (added, taken) = (0, 0)
        var random = RandomBits(seed: 3)
        for _ in 0..<2_000 {
            for _ in 0..<random.below(20) {
                fifo.append(added)
                added += 1
            }
            for _ in 0..<random.below(20) {
                guard let next = fifo.removeFirst() else {
                    #expect(taken == added)
                    continue
                }
                #expect(next == taken)
                taken += 1
            }
            #expect(fifo.count == added - taken)
        }
    }
}
