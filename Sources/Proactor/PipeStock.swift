// Owns the pipes in which long bodies go from socket to socket, so that nobody copies their bytes (splice(2)).
internal import CLinux
internal import Glibc

/// One pipe, and how many bytes are in it.
struct Pipe {
    let readEnd: Int32
    let writeEnd: Int32
    var count = 0
}

/// Pipes that are free, and the number of those that are lent: each as a `LoopBuffer` for as long as it holds bytes.
struct PipeStock {
    /// Bytes that a pipe takes at most: a body has at least as many to come when it is asked for.
    static let room = 128 << 10
    private let most: Int
    // SAFETY: allocated in `take`; each is free, or lent to one buffer, which gives it back once.
    private var free: [UnsafeMutablePointer<Pipe>] = []
    private(set) var lent = 0
    /// All that there are.
    var count: Int { free.count + lent }
    /// Whether the kernel does not let this process splice: then bytes are copied, as they are under TLS.
    private(set) var isForbidden = false

    /// - Parameter most: two descriptors each.
    init(most: Int) { self.most = most }

    /// Whether `take` is worth a try.
    var isUseful: Bool { !isForbidden && lent < most }

    /// An empty pipe; nil when too many are lent, or there are no descriptors.
    mutating func take() -> UnsafeMutablePointer<Pipe>? {
        guard isUseful, let pipe = free.popLast() ?? Self.make() else { return nil }
        lent += 1
        return pipe
    }

    // SAFETY: one allocation, freed by `discard`.
    private static func make() -> UnsafeMutablePointer<Pipe>? {
        var ends: (Int32, Int32) = (-1, -1)
        guard ml_pipe(&ends.0, &ends.1, Int32(room)) == 0 else { return nil }
        let pipe = UnsafeMutablePointer<Pipe>.allocate(capacity: 1)
        pipe.initialize(to: Pipe(readEnd: ends.0, writeEnd: ends.1))
        return pipe
    }

    /// Takes one back. Bytes that are still in it are dropped with it.
    // SAFETY: here and below: from the buffer that had it alone, or from `free`.
    mutating func giveBack(_ pipe: UnsafeMutablePointer<Pipe>) {
        lent -= 1
        if pipe.pointee.count == 0 { free.append(pipe) } else { Self.discard(pipe) }
    }

    mutating func forbid() { isForbidden = true }

    private static func discard(_ pipe: UnsafeMutablePointer<Pipe>) {
        close(pipe.pointee.readEnd)
        close(pipe.pointee.writeEnd)
        pipe.deallocate()
    }

    mutating func release() {
        for pipe in free { Self.discard(pipe) }
        free = []
    }
}

extension LoopBuffer {
    /// Whether its bytes stay with the kernel: they can be sent on, and nobody can read them.
    @inlinable public var isPiped: Bool { home == .pipe }

    // SAFETY: only of a piped buffer, whose memory is its pipe.
    private var pipe: UnsafeMutablePointer<Pipe> { base.assumingMemoryBound(to: Pipe.self) }

    /// Moves what has come to a socket into the pipe, which is empty.
    ///
    /// - Returns: the number of bytes, 0 at the end, or a negative errno; -EAGAIN: nothing has come.
    mutating func fill(from descriptor: Int32) -> Int32 {
        let moved = ml_splice(descriptor, pipe.pointee.writeEnd, PipeStock.room)
        guard moved > 0 else { return Int32(truncatingIfNeeded: moved) }
        pipe.pointee.count = moved
        length = Int32(truncatingIfNeeded: moved)
        return length
    }

    /// Moves as many of its bytes to a socket as the kernel has room for; `consume(_:)` then drops them.
    ///
    /// - Returns: the number of bytes, or a negative errno; -EAGAIN: there is no room.
    func drain(into descriptor: Int32) -> Int32 {
        let moved = ml_splice(pipe.pointee.readEnd, descriptor, count)
        if moved > 0 { pipe.pointee.count -= moved }
        return Int32(truncatingIfNeeded: moved)
    }
}
