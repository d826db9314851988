// Owns carrying a session's bytes over a stream of the loop.
public import Proactor

extension TLSSession {
    /// Sends all ciphertext that waits. The amount is bounded by what was written; `stream.unsent` tells what is left.
    public func flush(to stream: Stream) {
        while ciphertextCount > 0 {
            var buffer = stream.loop.allocate(min(ciphertextCount, 64 << 10))
            var room = buffer.tail
            let taken = takeCiphertext(into: &room)
            buffer.commit(taken)
            guard taken > 0 else { return }
            stream.send(buffer)
        }
    }

    /// Feeds a received buffer and gives it back to its loop.
    public func feed(_ buffer: consuming LoopBuffer, of loop: EventLoop) {
        feed(buffer.bytes)
    }
}
