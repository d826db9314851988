// Owns buffers that wait in order: to be sent, to be delivered, or to be sent again.

/// Buffers, first in, first out.
///
/// An empty queue is 8 bytes and has no memory of its own: a queue takes it from the pool of the buffers that it holds,
/// and gives it back with the last of them. What it still holds when it ends goes back to the pool.
public struct BufferQueue: ~Copyable {
    /// Places of the memory that a pool keeps for its queues; longer queues have memory of their own.
    private static let smallest = 8

    // SAFETY: the pool lives for as long as one of its buffers is lent, and there is no memory without a buffer in it.
    private struct Header {
        let pool: Unmanaged<BufferPool>
        /// A power of two.
        let capacity: Int
        var first: Int
        var count: Int
        var byteCount: Int
    }

    // SAFETY: a header and behind it `capacity` places, of which those from `first` on, `count` of them and round the
    // end, hold a buffer. nil while there is none. A buffer in it keeps the pool alive, for the pool knows it as lent.
    private var memory: UnsafeMutablePointer<Header>?

    /// A queue without buffers.
    public init() {}

    deinit { Self.empty(memory) }

    /// The number of buffers.
    public var count: Int { memory?.pointee.count ?? 0 }
    /// The number of bytes in all of them.
    public var byteCount: Int { memory?.pointee.byteCount ?? 0 }
    public var isEmpty: Bool { memory == nil }

    /// Puts a buffer behind the others. O(1), amortised.
    public mutating func append(_ buffer: consuming LoopBuffer) {
        let header = room(in: buffer.pool)
        header.pointee.byteCount += buffer.count
        Self.place(header, header.pointee.count).initialize(to: buffer)
        header.pointee.count += 1
    }

    /// Takes the first buffer; nil when there is none. O(1).
    public mutating func popFirst() -> LoopBuffer? {
        guard let header = memory else { return nil }
        let buffer = Self.place(header, 0).move()
        header.pointee.first = (header.pointee.first + 1) & (header.pointee.capacity - 1)
        header.pointee.count -= 1
        header.pointee.byteCount -= buffer.count
        if header.pointee.count == 0 {
            memory = nil
            Self.release(header)
        }
        return buffer
    }

    /// Lets go of all buffers.
    public mutating func removeAll() {
        let held = memory
        memory = nil
        Self.empty(held)
    }

    /// Calls `body` with the bytes of the buffer at `index`, the first being 0, without taking it.
    ///
    /// - Returns: what `body` returned, or nil when there is no such buffer.
    public func withBytes<Result>(at index: Int, _ body: (Span<UInt8>) -> Result) -> Result? {
        guard let memory, index >= 0, index < memory.pointee.count else { return nil }
        return body(Self.place(memory, index).pointee.bytes)
    }

    // MARK: Memory

    // SAFETY: `index` is less than `capacity`, so the place lies within the memory behind the header.
    private static func place(_ header: UnsafeMutablePointer<Header>, _ index: Int) -> UnsafeMutablePointer<LoopBuffer>
    {
        let places = UnsafeMutableRawPointer(header + 1).assumingMemoryBound(to: LoopBuffer.self)
        return places + (header.pointee.first + index) & (header.pointee.capacity - 1)
    }

    private static func bytes(_ capacity: Int) -> Int {
        MemoryLayout<Header>.size + capacity * MemoryLayout<LoopBuffer>.stride
    }

    /// The memory, with room for one more buffer.
    // SAFETY: buffers are moved bit by bit and exactly once; the old memory, then empty, goes where it came from.
    private mutating func room(in pool: Unmanaged<BufferPool>) -> UnsafeMutablePointer<Header> {
        guard let old = memory else {
            let block = pool._withUnsafeGuaranteedRef { $0.takeBlock(bytes: Self.bytes(Self.smallest)) }
            return begin(block, pool, capacity: Self.smallest)
        }
        guard old.pointee.count == old.pointee.capacity else { return old }
        let capacity = old.pointee.capacity * 2
        let block = UnsafeMutableRawPointer.allocate(byteCount: Self.bytes(capacity), alignment: 16)
        let new = begin(block, old.pointee.pool, capacity: capacity)
        for index in 0..<old.pointee.count {
            Self.place(new, index).moveInitialize(from: Self.place(old, index), count: 1)
        }
        new.pointee.count = old.pointee.count
        new.pointee.byteCount = old.pointee.byteCount
        Self.release(old)
        return new
    }

    // SAFETY: `block` is free memory of as many bytes as a header and `capacity` places need.
    private mutating func begin(
        _ block: UnsafeMutableRawPointer, _ pool: Unmanaged<BufferPool>, capacity: Int
    ) -> UnsafeMutablePointer<Header> {
        let header = block.bindMemory(to: Header.self, capacity: 1)
        header.initialize(to: Header(pool: pool, capacity: capacity, first: 0, count: 0, byteCount: 0))
        UnsafeMutableRawPointer(header + 1).bindMemory(to: LoopBuffer.self, capacity: capacity)
        memory = header
        return header
    }

    // SAFETY: no place holds a buffer any more, and the caller forgets the memory.
    private static func release(_ header: UnsafeMutablePointer<Header>) {
        let (pool, capacity) = (header.pointee.pool, header.pointee.capacity)
        if capacity == smallest {
            pool._withUnsafeGuaranteedRef { $0.giveBackBlock(header) }
        } else {
            header.deallocate()
        }
    }

    private static func empty(_ header: UnsafeMutablePointer<Header>?) {
        guard let header else { return }
        for index in 0..<header.pointee.count { place(header, index).deinitialize(count: 1) }
        release(header)
    }
}
