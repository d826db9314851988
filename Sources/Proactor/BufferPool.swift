// Owns the memory of all buffers of a loop: what is free, how much is lent, and what becomes of it when the loop ends.

/// The free buffers of one loop, by kind, and the number of those that somebody holds.
///
/// The loop owns it, and every buffer points to it without counting a reference: taking a buffer and giving it back are
/// on the path of each request. Belongs to the loop's thread.
@usableFromInline
final class BufferPool {
    /// Filled by continuous receives, and by single ones of bodies and relays.
    var small: ReceiveStock
    var large: ReceiveStock
    /// Filled by single receives of long bodies that are sent on as they are.
    var pipes: PipeStock
    // Output buffers by size. Last in, first out, so that the next request writes into warm memory.
    private var slabs2K = SlabStock(.slab2K, limit: 1024)
    private var slabs16K = SlabStock(.slab16K, limit: 256)
    private var slabs64K = SlabStock(.slab64K, limit: 64)
    /// Memory of queues that have become empty, for the next one that has something to hold.
    private(set) var blocks = UnsafeStock(limit: 256)
    /// Output buffers that somebody holds.
    var slabsLent = 0

    init(_ sizes: LoopBuffers) {
        small = ReceiveStock(.small, count: sizes.smallCount, size: sizes.smallSize)
        large = ReceiveStock(.large, count: sizes.largeCount, size: sizes.largeSize)
        pipes = PipeStock(most: sizes.pipeCount)
    }

    // MARK: Output buffers

    /// An empty buffer of at least `capacity` bytes, or of 64 KiB when more is asked for.
    @inline(__always)
    func allocate(_ capacity: Int) -> LoopBuffer {
        slabsLent &+= 1
        if capacity <= slabs2K.size { return buffer(slabs2K.take(), slabs2K.size, .slab2K) }
        if capacity <= 16 << 10 { return buffer(slabs16K.take(), 16 << 10, .slab16K) }
        return buffer(slabs64K.take(), 64 << 10, .slab64K)
    }

    /// The same for bytes in records, which are longer than what is in them: also of 17 or 65 KiB.
    @inline(__always)
    func allocateForRecords(_ capacity: Int) -> LoopBuffer {
        slabsLent &+= 1
        if capacity <= slabs2K.size { return buffer(slabs2K.take(), slabs2K.size, .slab2K) }
        if capacity <= slabs16K.size { return buffer(slabs16K.take(), slabs16K.size, .slab16K) }
        return buffer(slabs64K.take(), slabs64K.size, .slab64K)
    }

    // SAFETY: `base` is a free allocation of `size` bytes, which the buffer has alone until it gives it back.
    @inline(__always)
    private func buffer(_ base: UnsafeMutableRawPointer, _ size: Int, _ home: BufferHome) -> LoopBuffer {
        LoopBuffer(base: base, capacity: size, count: 0, home: home, index: 0, pool: .passUnretained(self))
    }

    // MARK: Receive buffers

    /// A free receive buffer, for a backend that fills it by itself; nil when all are lent.
    @inline(__always)
    func takeFree(_ home: BufferHome) -> LoopBuffer? {
        guard let index = home == .small ? small.pop() : large.pop() else { return nil }
        return lend(home, index, count: 0)
    }

    /// The receive buffer that the kernel has filled with `count` bytes.
    @inline(__always)
    func lend(_ home: BufferHome, _ index: UInt16, count: Int) -> LoopBuffer {
        if home == .small {
            small.lent &+= 1
            return LoopBuffer(
                base: small.address(of: index), capacity: small.size, count: count, home: home, index: index,
                pool: .passUnretained(self))
        }
        large.lent &+= 1
        return LoopBuffer(
            base: large.address(of: index), capacity: large.size, count: count, home: home, index: index,
            pool: .passUnretained(self))
    }

    /// A buffer without memory: its bytes will be in a pipe. nil: none can be had, and bytes have to be copied.
    // SAFETY: the pipe is the buffer's alone until it gives it back.
    func takePipe() -> LoopBuffer? {
        guard let pipe = pipes.take() else { return nil }
        return LoopBuffer(base: pipe, capacity: 0, count: 0, home: .pipe, index: 0, pool: .passUnretained(self))
    }

    /// Whether half of the receive buffers of a kind are lent.
    var isShort: Bool { small.lent > small.count / 2 || large.lent > large.count / 2 }

    /// Whether three quarters of the receive buffers of this kind are lent; never of output buffers.
    @inline(__always)
    func isScarce(_ home: BufferHome) -> Bool {
        switch home {
        case .small: small.lent > small.manyCount
        case .large: large.lent > large.manyCount
        default: false
        }
    }

    // MARK: Giving back

    /// Takes a buffer back, for `LoopBuffer.deinit` alone.
    // SAFETY: so a buffer comes back once, and nobody can name it any more.
    @inline(__always)
    func giveBack(_ base: UnsafeMutableRawPointer, _ home: BufferHome, _ index: UInt16) {
        switch home {
        case .small:
            small.lent &-= 1
            small.push(index)
        case .large:
            large.lent &-= 1
            large.push(index)
        case .pipe: pipes.giveBack(base.assumingMemoryBound(to: Pipe.self))
        default: giveBackSlab(base, home)
        }
    }

    private func giveBackSlab(_ base: UnsafeMutableRawPointer, _ home: BufferHome) {
        slabsLent &-= 1
        switch home {
        case .slab2K: slabs2K.push(base)
        case .slab16K: slabs16K.push(base)
        default: slabs64K.push(base)
        }
    }

    // MARK: The memory of queues

    /// Memory of `BufferQueue.smallest` places.
    // SAFETY: all blocks have that one size; a queue has one alone until it gives it back.
    func takeBlock(bytes: Int) -> UnsafeMutableRawPointer {
        blocks.pop() ?? .allocate(byteCount: bytes, alignment: 16)
    }

    func giveBackBlock(_ block: UnsafeMutableRawPointer) { blocks.push(block) }

    // MARK: The end

    /// Buffers of any kind that somebody holds.
    var lent: Int { small.lent + large.lent + pipes.lent + slabsLent }

    /// Frees all memory at the end of the loop, unless buffers are lent.
    ///
    /// Their holders may look at them and let go of them later, so then the pool and its memory are kept for ever.
    func end() {
        guard lent == 0 else {
            // SAFETY: never released on purpose: a buffer that is let go of later still finds its pool.
            _ = Unmanaged.passRetained(self)
            return
        }
        small.release()
        large.release()
        pipes.release()
        slabs2K.release()
        slabs16K.release()
        slabs64K.release()
        blocks.release()
    }
}

/// The kind of a buffer: which stock it goes back to.
@usableFromInline
enum BufferHome: UInt8 {
    /// Filled by continuous receives.
    case small
    /// Filled by single receives of bodies and relays.
    case large
    /// Allocated by a holder, by size.
    case slab2K, slab16K, slab64K
    /// No memory: its bytes are in a pipe.
    case pipe
}

/// A fixed number of equally large receive buffers, the last used first.
struct ReceiveStock {
    /// Bytes between the buffers: without them equal places of all buffers would share a few sets of the processor's
    /// caches.
    private static let stagger = 5 * 64

    // SAFETY: one allocation, cut in pieces; a piece is free, with the kernel, or lent to one holder.
    private let memory: UnsafeMutableRawPointer
    private let stride: Int
    let size: Int
    let count: Int
    /// Three quarters of them.
    let manyCount: Int
    // SAFETY: `count` places, of which the first `freeCount` are set: an index is free at most once.
    private let free: UnsafeMutablePointer<UInt16>
    private var freeCount: Int
    /// Those that somebody holds.
    var lent = 0

    init(_ home: BufferHome, count: Int, size: Int) {
        self.count = count
        manyCount = count / 4 * 3
        self.size = size
        stride = size + Self.stagger
        memory = .allocate(byteCount: max(1, count * stride), alignment: 4096)
        free = .allocate(capacity: max(1, count))
        freeCount = count
        for index in 0..<count { free[index] = UInt16(count - 1 - index) }
    }

    /// Those that no holder has: free, or with the kernel.
    var unlent: Int { count - lent }

    // SAFETY: every index is one of `free`'s, so the address lies within the memory.
    @inline(__always)
    func address(of index: UInt16) -> UnsafeMutableRawPointer { memory + Int(index) &* stride }

    @inline(__always)
    mutating func pop() -> UInt16? {
        guard freeCount > 0 else { return nil }
        freeCount &-= 1
        return free[freeCount]
    }

    @inline(__always)
    mutating func push(_ index: UInt16) {
        free[freeCount] = index
        freeCount &+= 1
    }

    /// Has the pages of the first buffers mapped, which are soon in use: no request should pay for their faults.
    func touch(_ first: Int) {
        for index in 0..<min(count, first) { address(of: UInt16(index)).storeBytes(of: 0, as: UInt8.self) }
    }

    func release() {
        memory.deallocate()
        free.deallocate()
    }
}

/// Free output buffers of one size.
private struct SlabStock {
    let size: Int
    private var stock: UnsafeStock

    init(_ home: BufferHome, limit: Int) {
        size =
            switch home {
            case .slab2K: 2 << 10
            // And what is around 16 KiB and 64 KiB in records of TLS.
            case .slab16K: 17 << 10
            default: 65 << 10
            }
        stock = UnsafeStock(limit: limit)
    }

    // SAFETY: all pointers of a stock are of its size, for only buffers of its kind come back to it.
    @inline(__always)
    mutating func take() -> UnsafeMutableRawPointer { stock.pop() ?? .allocate(byteCount: size, alignment: 64) }

    @inline(__always)
    mutating func push(_ base: UnsafeMutableRawPointer) { stock.push(base) }

    func release() { stock.release() }
}

/// A bounded stack of equally large allocations.
struct UnsafeStock {
    // SAFETY: `limit` places, of which the first `count` hold what came from `allocate` and nobody else holds.
    private let pointers: UnsafeMutablePointer<UnsafeMutableRawPointer>
    private(set) var count = 0
    private let limit: Int

    init(limit: Int) {
        self.limit = limit
        pointers = .allocate(capacity: limit)
    }

    @inline(__always)
    mutating func pop() -> UnsafeMutableRawPointer? {
        guard count > 0 else { return nil }
        count &-= 1
        return pointers[count]
    }

    // SAFETY: whoever gives a pointer here has no other use for it.
    @inline(__always)
    mutating func push(_ pointer: UnsafeMutableRawPointer) {
        guard count < limit else { return pointer.deallocate() }
        pointers[count] = pointer
        count &+= 1
    }

    func release() {
        for index in 0..<count { pointers[index].deallocate() }
        pointers.deallocate()
    }
}
