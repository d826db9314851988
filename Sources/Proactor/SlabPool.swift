// Owns the buffers that holders allocate to write into: three sizes, each with a bounded stock of free ones.

/// Free output buffers by size. Last in, first out, so that the next request writes into warm memory.
struct SlabPool {
    /// The largest buffer that can be asked for.
    static let largest = 64 << 10

    private var free: (UnsafeStock, UnsafeStock, UnsafeStock)

    init() {
        free = (UnsafeStock(limit: 1024), UnsafeStock(limit: 256), UnsafeStock(limit: 64))
    }

    /// A buffer of at least `capacity` bytes, or of 64 KiB when more is asked for.
    mutating func take(_ capacity: Int) -> LoopBuffer {
        if capacity <= 2 << 10 { return Self.buffer(from: &free.0, .slab2K, 2 << 10) }
        if capacity <= 16 << 10 { return Self.buffer(from: &free.1, .slab16K, 16 << 10) }
        return Self.buffer(from: &free.2, .slab64K, 64 << 10)
    }

    mutating func giveBack(_ buffer: LoopBuffer) {
        switch buffer.home {
        case .slab2K: free.0.push(buffer.base)
        case .slab16K: free.1.push(buffer.base)
        case .slab64K: free.2.push(buffer.base)
        case .small, .large: break
        }
    }

    mutating func releaseAll() {
        free.0.releaseAll()
        free.1.releaseAll()
        free.2.releaseAll()
    }

    private static func buffer(from stock: inout UnsafeStock, _ home: BufferHome, _ size: Int) -> LoopBuffer {
        // SAFETY: `size` is that of the stock the buffer goes back to, so all pointers of a stock are equally large.
        let base = stock.pop() ?? UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 64)
        return LoopBuffer(base: base, capacity: size, count: 0, home: home, index: 0)
    }
}

/// A bounded stack of equally large allocations.
struct UnsafeStock {
    // SAFETY: every pointer in it came from `allocate` and is held by nobody else.
    private var pointers: [UnsafeMutableRawPointer] = []
    private let limit: Int

    init(limit: Int) { self.limit = limit }

    mutating func pop() -> UnsafeMutableRawPointer? { pointers.popLast() }

    mutating func push(_ pointer: UnsafeMutableRawPointer) {
        if pointers.count < limit { pointers.append(pointer) } else { pointer.deallocate() }
    }

    mutating func releaseAll() {
        for pointer in pointers { pointer.deallocate() }
        pointers.removeAll()
    }
}
