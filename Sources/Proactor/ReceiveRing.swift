// Owns what the kernel knows of a stock of receive buffers: which of them it may fill next.
internal import CURing

/// Buffers that the kernel takes for receives. It takes them in the order in which it got them, so it is given only some
/// of them at a time, those used last first: then receives go round in memory that is in the processor's caches.
struct ReceiveRing {
    // SAFETY: registered with the kernel's ring until release(), which comes after that ring is gone.
    private let ring: OpaquePointer
    private var offered = 0
    private var depth: OfferDepth

    /// Registers a group of as many buffers as `stock` has.
    init(_ uring: OpaquePointer, group: UInt32, _ stock: inout ReceiveStock) throws(SystemError) {
        var out: OpaquePointer?
        let result = mu_register_buffers(uring, group, UInt32(stock.count), &out)
        guard result == 0, let out else { throw SystemError(code: -result, action: "io_uring_register_buf_ring") }
        ring = out
        depth = OfferDepth(most: stock.count)
        add(&stock)
    }

    /// The kernel has filled one of its buffers.
    @inline(__always)
    mutating func noteFilled() { offered &-= 1 }

    /// Gives the kernel as many buffers as it should have. Once a turn.
    @inline(__always)
    mutating func offer(_ stock: inout ReceiveStock) {
        depth.note(left: offered)
        add(&stock)
    }

    @inline(__always)
    private mutating func add(_ stock: inout ReceiveStock) {
        var added: UInt32 = 0
        while offered < depth.count, let index = stock.pop() {
            mu_add_buffer(ring, stock.address(of: index), UInt32(stock.size), UInt32(index), added)
            offered &+= 1
            added &+= 1
        }
        if added > 0 { mu_publish_buffers(ring, added) }
    }

    func release() { mu_release_buffers(ring) }
}
