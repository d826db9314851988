// Owns the rewritten head of a request while it may be sent again.
internal import HTTPWire
internal import Proactor
internal import Switching

/// The lines that a backend gets, those that fence an old primary last, so that they can be written anew for another.
struct RequestLines: ~Copyable {
    private var buffer: LoopBuffer
    /// How long the fence's lines are, and the gate's generation that they are of.
    private var fenceLength: Int
    private var fenceGeneration: UInt64

    init(_ buffer: consuming LoopBuffer, fenceLength: Int, fenceGeneration: UInt64) {
        self.buffer = buffer
        self.fenceLength = fenceLength
        self.fenceGeneration = fenceGeneration
    }

    var count: Int { buffer.count }

    /// The lines, to be sent.
    @inline(__always)
    func copy(_ loop: EventLoop) -> LoopBuffer {
        var copy = loop.allocate(buffer.count)
        copy.append(buffer)
        return copy
    }

    /// Writes the lines that fence an old primary anew, if the gate's order is another than they were written for.
    @inline(__always)
    mutating func renewFence(_ gate: WorkerGate, _ loop: EventLoop) {
        if fenceGeneration != gate.order.generation { writeFence(gate, loop) }
    }

    private mutating func writeFence(_ gate: WorkerGate, _ loop: EventLoop) {
        let lines = gate.fenceLines
        let kept = buffer.count - fenceLength - 2
        var fresh = loop.allocate(kept + lines.count + 2)
        fresh.append(buffer.bytes.extracting(first: kept))
        fresh.append(lines.span)
        fresh.append(Self.lineEnd.span)
        buffer = fresh
        fenceLength = lines.count
        fenceGeneration = gate.order.generation
    }

    /// Leaves `Expect` out: the client was told to continue, and must not be told again.
    mutating func removeExpect(_ loop: EventLoop) {
        guard let line = HeadLines.line("expect", in: buffer.bytes) else { return }
        var fresh = loop.allocate(buffer.count)
        fresh.append(buffer.bytes.extracting(first: line.lowerBound))
        fresh.append(buffer.bytes.extracting(droppingFirst: line.upperBound))
        buffer = fresh
    }

    private static let lineEnd: [UInt8] = [0x0D, 0x0A]
}
