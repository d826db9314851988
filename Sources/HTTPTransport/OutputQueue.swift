// Owns bytes that wait for their turn to be sent: only so many of them are in the loop's buffers at a time.
internal import Proactor

/// A queue of bytes in front of a stream.
struct OutputQueue {
    /// The most bytes that a stream is given before it has sent the ones before.
    static let highWater = 128 << 10

    private var pieces: [[UInt8]] = []
    private var first = 0
    private var offset = 0
    /// Bytes that the stream was not given yet.
    private(set) var count = 0

    mutating func append(_ bytes: [UInt8]) {
        guard !bytes.isEmpty else { return }
        pieces.append(bytes)
        count += bytes.count
    }

    mutating func removeAll() { self = OutputQueue() }

    /// The next bytes, at most 64 KiB of them, to be sent.
    mutating func next(_ loop: EventLoop) -> LoopBuffer {
        var buffer = loop.allocate(min(count, 64 << 10))
        while first < pieces.count, buffer.free > 0 {
            let piece = pieces[first]
            let taken = buffer.append(piece.span.extracting(offset..<piece.count))
            offset += taken
            count -= taken
            if offset == piece.count {
                pieces[first] = []
                first += 1
                offset = 0
            }
        }
        if first == pieces.count || first >= 64 {
            pieces.removeFirst(first)
            first = 0
        }
        return buffer
    }
}
