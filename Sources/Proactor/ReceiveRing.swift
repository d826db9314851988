// Owns a group of provided buffers: their memory, and which of them the kernel may fill next.
internal import CURing

/// Buffers that the kernel takes for receives. It takes them in the order in which it got them, so it is given only some
/// of them at a time, those used last first: then receives go round in memory that is in the processor's caches.
struct ReceiveRing {
    /// Buffers that the kernel has at a time: more than one call of it fills.
    private static let offeredCount = 64

    // SAFETY: the memory is mapped until release(), which comes after the kernel's ring is gone.
    private let memory: UnsafeMutableRawPointer
    private let ring: OpaquePointer
    private let home: BufferHome
    private let stride: Int
    let size: Int
    /// Buffers that neither the kernel nor a holder has, the last used last.
    private var free: [UInt16]
    private var offered = 0

    init(_ uring: OpaquePointer, _ home: BufferHome, count: Int, size: Int) throws(SystemError) {
        self.home = home
        self.size = size
        stride = size + BufferHome.stagger
        memory = .allocate(byteCount: count * stride, alignment: 4096)
        var out: OpaquePointer?
        let result = mu_register_buffers(uring, home == .small ? 0 : 1, UInt32(count), &out)
        guard result == 0, let out else {
            memory.deallocate()
            throw SystemError(code: -result, action: "io_uring_register_buf_ring")
        }
        ring = out
        free = (0..<count).reversed().map { UInt16($0) }
        // The first ones are soon in use: no request should pay for the page fault of the first time.
        if home == .small {
            for index in 0..<min(count, Self.offeredCount) {
                (memory + index * stride).storeBytes(of: 0, as: UInt8.self)
            }
        }
        offer()
    }

    /// The buffer that the kernel has filled.
    @inline(__always)
    mutating func take(_ index: UInt16, count bytes: Int) -> LoopBuffer {
        offered -= 1
        return LoopBuffer(
            base: memory + Int(index) * stride, capacity: size, count: max(0, bytes), home: home, index: index)
    }

    @inline(__always)
    mutating func giveBack(_ index: UInt16) { free.append(index) }

    /// Gives the kernel as many buffers as it should have.
    @inline(__always)
    mutating func offer() {
        var added: UInt32 = 0
        while offered < Self.offeredCount, let index = free.popLast() {
            mu_add_buffer(ring, memory + Int(index) * stride, UInt32(size), UInt32(index), added)
            offered += 1
            added += 1
        }
        if added > 0 { mu_publish_buffers(ring, added) }
    }

    func release() {
        mu_release_buffers(ring)
        memory.deallocate()
    }
}
