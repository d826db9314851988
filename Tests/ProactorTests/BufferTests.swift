// Owns the tests of buffers and of the pool that they come from and go back to.
import Glibc
import Testing
import Topology

@testable import Proactor

@Suite struct BufferTests {
    /// Lets go of a buffer.
    private func drop(_ buffer: consuming LoopBuffer) {}

    @Test func aBufferIsBackInItsPoolWithItsHoldersUseOfIt() throws {
        let loop = try EventLoop(io: .epoll, buffers: .modest)
        do {
            let first = loop.allocate(100)
            let second = loop.allocate(10_000)
            #expect(loop.slabsLent == 2)
            drop(first)
            #expect(loop.slabsLent == 1)
            #expect(second.free == 16 << 10)
        }
        #expect(loop.slabsLent == 0)
    }

    @Test(arguments: [1, 2 << 10, (2 << 10) + 1, 16 << 10, (16 << 10) + 1, 64 << 10, 1 << 20])
    func whatIsGivenBackLastIsTakenFirst(_ capacity: Int) throws {
        let loop = try EventLoop(io: .epoll, buffers: .modest)
        let one = loop.allocate(capacity)
        let other = loop.allocate(capacity)
        let (first, last) = (one.bytesStart, other.bytesStart)
        #expect(first != last)
        drop(one)
        drop(other)
        let again = loop.allocate(capacity)
        let andAgain = loop.allocate(capacity)
        #expect(again.bytesStart == last && andAgain.bytesStart == first)
        #expect(again.isEmpty && again.free >= min(capacity, 64 << 10))
    }

    @Test func aBufferIsSmallAndSoIsAnAbsentOne() {
        #expect(MemoryLayout<LoopBuffer>.size <= 32)
        #expect(MemoryLayout<LoopBuffer?>.size <= 32)
        #expect(MemoryLayout<BufferQueue>.size == 8)
    }

    @Test func aLoopThatEndsWithNothingLentFreesItsPool() throws {
        weak var pool: BufferPool?
        do {
            let loop = try EventLoop(io: .epoll, buffers: .modest)
            pool = loop.pool
            drop(loop.allocate(100))
            loop.end()
        }
        #expect(pool == nil)
    }

    @Test(arguments: EventLoopContract.backends)
    func aBufferThatOutlivesItsLoopIsStillMemory(_ io: IOKind) throws {
        weak var gone: EventLoop?
        weak var pool: BufferPool?
        var held = BufferQueue()
        do {
            let bench = try Workbench(io)
            (gone, pool) = (bench.loop, bench.loop.pool)
            let (raw, server) = try bench.rawPair()
            server.record.holds = true
            for large in [false, true] {
                raw.write([1, 2, 3])
                server.stream.receiveOnce(large: large)
                #expect(bench.turn { server.record.held.count == (large ? 2 : 1) })
            }
            while let buffer = server.record.held.popFirst() { held.append(buffer) }
            held.append(bench.buffer([1, 2, 3]))
            #expect(bench.loop.pool.lent == 3)
            bench.loop.end()
        }
        #expect(gone == nil)
        #expect(pool?.lent == 3, "kept for those who hold its buffers")
        while var buffer = held.popFirst() {
            #expect(buffer.bytes.indices.map { buffer.bytes[$0] } == [1, 2, 3])
            buffer.append([4].span)
            #expect(buffer.count == 4)
        }
        #expect(pool?.lent == 0)
    }

    @Test(arguments: EventLoopContract.backends)
    func whatMayBeHeldIsCopiedOnceReceiveBuffersAreScarce(_ io: IOKind) throws {
        let bench = try Workbench(io, buffers: EventLoopContract.scarce(small: 4))
        let (raw, server) = try bench.rawPair()
        server.record.holds = true
        server.stream.receiveContinuously()
        raw.write(pattern(4_000))
        #expect(bench.turn { server.record.held.count == 4 })
        for isFirst in [true, false, false, false] {
            guard let buffer = server.record.held.popFirst() else { break }
            let held = bench.loop.holdable(buffer)
            #expect(bench.loop.receiveBuffersLent == 3)
            #expect(held.isSlab == isFirst)
            #expect(held.count == 1_000)
            server.record.held.append(held)
        }
        bench.releaseHeld(server.record)
        bench.finish()
    }
}

@Suite struct BufferQueueTests {
    private func buffer(_ loop: EventLoop, _ bytes: [UInt8]) -> LoopBuffer {
        var buffer = loop.allocate(bytes.count)
        buffer.append(bytes.span)
        return buffer
    }

    private func bytes(_ queue: borrowing BufferQueue) -> [[UInt8]] {
        var all: [[UInt8]] = []
        for index in 0..<queue.count {
            _ = queue.withBytes(at: index) { span in all.append(span.indices.map { span[$0] }) }
        }
        return all
    }

    /// Against an array, through every length up to some growths of the memory and every place in it.
    @Test func itGivesOutInTheOrderInWhichItTook() throws {
        let loop = try EventLoop(io: .epoll, buffers: .modest)
        var queue = BufferQueue()
        var model: [[UInt8]] = []
        var next: UInt8 = 0
        for round in 0..<120 {
            for _ in 0..<round % 41 {
                let item = [UInt8](repeating: next, count: 1 + Int(next) % 7)
                next &+= 1
                queue.append(buffer(loop, item))
                model.append(item)
            }
            #expect(bytes(queue) == model)
            for _ in 0..<round % 37 {
                guard let taken = queue.popFirst() else {
                    #expect(model.isEmpty)
                    break
                }
                let (count, value) = (taken.count, taken.bytes[0])
                #expect(count == model.first?.count && value == model.first?[0])
                if !model.isEmpty { model.removeFirst() }
            }
            #expect(queue.count == model.count && queue.isEmpty == model.isEmpty)
            #expect(queue.byteCount == model.reduce(0) { $0 + $1.count })
            #expect(loop.slabsLent == model.count)
        }
        queue.removeAll()
        #expect(queue.isEmpty && queue.count == 0 && queue.byteCount == 0)
        #expect(loop.slabsLent == 0)
    }

    @Test func whatItHoldsCanBeLookedAtWithoutTakingIt() throws {
        let loop = try EventLoop(io: .epoll, buffers: .modest)
        var queue = BufferQueue()
        queue.append(buffer(loop, [1, 2]))
        queue.append(buffer(loop, [3]))
        #expect(queue.withBytes(at: 1) { $0[0] } == 3)
        #expect(queue.withBytes(at: 2) { $0.count } == nil)
        #expect(queue.withBytes(at: -1) { $0.count } == nil)
        #expect(bytes(queue) == [[1, 2], [3]])
        #expect(queue.count == 2 && queue.byteCount == 3)
    }

    @Test(arguments: [1, 8, 9, 100])
    func whatItStillHoldsGoesBackWithIt(_ count: Int) throws {
        let loop = try EventLoop(io: .epoll, buffers: .modest)
        do {
            var queue = BufferQueue()
            for _ in 0..<count { queue.append(buffer(loop, [1])) }
            #expect(loop.slabsLent == count)
        }
        #expect(loop.slabsLent == 0)
    }

    @Test func anEmptyOneHasNoMemoryAndTheNextOneGetsIt() throws {
        let loop = try EventLoop(io: .epoll, buffers: .modest)
        var one = BufferQueue()
        var other = BufferQueue()
        #expect(loop.pool.blocks.count == 0)
        for _ in 0..<3 {
            one.append(buffer(loop, [1]))
            #expect(loop.pool.blocks.count == 0)
            _ = one.popFirst()
            #expect(loop.pool.blocks.count == 1)
            other.append(buffer(loop, [1]))
            #expect(loop.pool.blocks.count == 0)
            other.removeAll()
            #expect(loop.pool.blocks.count == 1)
        }
    }
}
