// Owns the buffers that a session's records go into, until somebody sends them.
internal import COpenSSL
internal import Proactor
internal import Topology

/// Ciphertext in buffers of a loop: one that is being filled, and full ones before it.
struct SessionOutput: ~Copyable {
    // SAFETY: it is a part of the session, which outlives this.
    let buffers: UnsafeMutablePointer<mt_buffers>
    // SAFETY: a session is used on its loop's thread only, which holds the loop for as long as it runs.
    private var loop: Unmanaged<EventLoop>?
    private var full = BufferQueue()
    private var block: LoopBuffer?
    /// The room that was in `block` when it was begun.
    private var blockRoom = 0

    init(_ buffers: UnsafeMutablePointer<mt_buffers>) { self.buffers = buffers }

    mutating func attach(to loop: EventLoop) { self.loop = .passUnretained(loop) }

    /// The loop's time; without a loop nothing is ever written.
    var now: Tick { loop?._withUnsafeGuaranteedRef { $0.now } ?? .zero }

    /// Bytes that wait.
    var count: Int { full.byteCount + blockCount }

    private var blockCount: Int { blockRoom - buffers.pointee.output_free }

    /// Makes room for plaintext in records, in one buffer if it can be had.
    mutating func reserve(_ count: Int) {
        // Small records of 1,369 bytes each have 29 bytes around them at most.
        let needed = count + count >> 5 + 64
        if blockCount == 0, buffers.pointee.output_free < needed { begin(needed) }
    }

    /// Room for `count` bytes more, which OpenSSL asks for.
    mutating func makeRoom(_ count: Int) {
        if blockCount > 0, let block = takeBlock() { full.append(block) }
        begin(count)
    }

    private mutating func begin(_ count: Int) {
        guard let loop else { return }
        var new = loop.takeUnretainedValue().allocateForRecords(count)
        blockRoom = new.free
        buffers.pointee.output_free = blockRoom
        var tail = new.tail
        // SAFETY: the memory stays where it is while `block` has it, and OpenSSL writes no more than `output_free` bytes.
        buffers.pointee.output = tail.withUnsafeMutableBufferPointer { $0.baseAddress }
        block = consume new
    }

    private mutating func takeBlock() -> LoopBuffer? {
        let count = blockCount
        buffers.pointee.output = nil
        buffers.pointee.output_free = 0
        blockRoom = 0
        guard var taken = block.take() else { return nil }
        taken.commit(count)
        return taken
    }

    /// The next buffer that has to be sent; nil when nothing waits.
    mutating func take() -> LoopBuffer? {
        if let first = full.popFirst() { return first }
        guard blockCount > 0 else {
            _ = takeBlock()
            return nil
        }
        return takeBlock()
    }

    mutating func removeAll() {
        full.removeAll()
        _ = takeBlock()
    }
}
