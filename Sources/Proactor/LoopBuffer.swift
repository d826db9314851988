// Owns the one kind of memory that bytes pass through: a loan from the loop, which ends with its holder's use of it.

/// A stretch of memory that belongs to an `EventLoop`: either filled by a receive or allocated to be sent.
///
/// It is a loan to one holder at a time. Whoever holds it passes it on, to `Stream.send(_:isAwaited:isLast:)` for
/// example, or lets go of it: then it is back in its loop's pool. It can neither be forgotten, nor be given back twice,
/// nor be read after that. To be held and let go of on the loop's thread only, 32 bytes, no reference is counted.
public struct LoopBuffer: ~Copyable {
    // SAFETY: `base` stays mapped for as long as this value lives, for the pool frees nothing while a buffer is lent.
    @usableFromInline let base: UnsafeMutableRawPointer
    /// Where the bytes begin.
    @usableFromInline var start: Int32
    /// How many bytes there are.
    @usableFromInline var length: Int32
    /// Bytes that fit in all.
    @usableFromInline let room: Int32
    @usableFromInline let home: BufferHome
    @usableFromInline let index: UInt16
    // SAFETY: not counted: the loop owns the pool, and a loop that ends while buffers are lent leaves it alive for ever.
    let pool: Unmanaged<BufferPool>

    @inline(__always)
    init(
        base: UnsafeMutableRawPointer, capacity: Int, count: Int, home: BufferHome, index: UInt16,
        pool: Unmanaged<BufferPool>
    ) {
        self.base = base
        start = 0
        length = Int32(truncatingIfNeeded: count)
        room = Int32(truncatingIfNeeded: capacity)
        self.home = home
        self.index = index
        self.pool = pool
    }

    deinit { pool._withUnsafeGuaranteedRef { $0.giveBack(base, home, index) } }

    /// The number of bytes.
    @inlinable public var count: Int { Int(length) }
    /// The bytes that can still be appended.
    @inlinable public var free: Int { home == .pipe ? 0 : Int(room &- start &- length) }
    @inlinable public var isEmpty: Bool { length == 0 }
    /// Whether it was allocated to be written, and not filled by a receive.
    public var isSlab: Bool { home != .small && home != .large && home != .pipe }

    /// The address of the first byte.
    // SAFETY: `start` is within the memory at `base`.
    @inlinable var bytesStart: UnsafeMutableRawPointer { base + Int(start) }

    /// The bytes, to be read; none of a piped buffer.
    @inlinable
    public var bytes: Span<UInt8> {
        @_lifetime(borrow self)
        get {
            // SAFETY: `start` and `length` stay within `room`; the memory outlives the loan.
            let readable = home == .pipe ? 0 : Int(length)
            let span = Span<UInt8>(
                _unsafeStart: UnsafePointer(bytesStart.assumingMemoryBound(to: UInt8.self)), count: readable)
            return _overrideLifetime(span, borrowing: self)
        }
    }

    /// The room behind the bytes, to be written; `commit(_:)` then adds what was written.
    @inlinable
    public var tail: MutableSpan<UInt8> {
        @_lifetime(&self)
        mutating get {
            // SAFETY: the tail lies between the last byte and the end of the memory, which nobody else has.
            let start = (base + Int(self.start &+ length)).assumingMemoryBound(to: UInt8.self)
            let span = MutableSpan<UInt8>(_unsafeStart: start, count: free)
            return _overrideLifetime(span, mutating: &self)
        }
    }

    /// Counts `count` bytes of `tail` as written. More than there is room for counts as all the room.
    @inlinable
    public mutating func commit(_ count: Int) { length &+= Int32(truncatingIfNeeded: min(max(count, 0), free)) }

    /// Drops bytes from the front.
    @inlinable
    public mutating func consume(_ count: Int) {
        let dropped = Int32(truncatingIfNeeded: min(max(count, 0), self.count))
        start &+= dropped
        length &-= dropped
    }

    /// Keeps only the first `count` bytes.
    @inlinable
    public mutating func truncate(_ count: Int) { length = Int32(truncatingIfNeeded: min(max(count, 0), self.count)) }

    /// Forgets all bytes; the whole capacity is free again.
    @inlinable
    public mutating func clear() {
        start = 0
        length = 0
    }

    /// Appends what fits of `source`.
    ///
    /// - Returns: how many bytes were taken.
    @inlinable
    @discardableResult
    public mutating func append(_ source: Span<UInt8>) -> Int {
        let taken = min(source.count, free)
        guard taken > 0 else { return 0 }
        // SAFETY: `taken` bytes are there to be read and free to be written; the two memories are distinct loans.
        source.withUnsafeBytes { bytes in
            (base + Int(start &+ length)).copyMemory(from: bytes.baseAddress!, byteCount: taken)
        }
        length &+= Int32(truncatingIfNeeded: taken)
        return taken
    }

    /// Appends what fits of another buffer's bytes; nothing of a piped one's, which cannot be read.
    @inlinable
    @discardableResult
    public mutating func append(_ other: borrowing LoopBuffer) -> Int { append(other.bytes) }

    /// The buffer itself, or a copy when too many of its kind are held.
    @inline(__always)
    consuming func holdable() -> LoopBuffer {
        if pool._withUnsafeGuaranteedRef({ $0.isScarce(home) }) { return copied() }
        return self
    }

    private consuming func copied() -> LoopBuffer {
        var copy = pool.takeUnretainedValue().allocate(count)
        // A receive buffer is larger than the largest slab only where settings of the loop say so.
        guard copy.free >= count else { return self }
        copy.append(self)
        return copy
    }
}
