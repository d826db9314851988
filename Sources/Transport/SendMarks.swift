// Owns which buffers of ciphertext carry which buffer of plaintext, so that each is told when it is with the kernel.

/// Sends that the kernel has not taken wholly, in order.
struct SendMarks {
    private struct Mark {
        /// Bytes of the buffer that the protocol sent; 0: the session's own words.
        let plaintext: Int
        /// Buffers of ciphertext that are still to be told of.
        var buffers: Int
    }

    private var marks: [Mark] = []
    /// Those before it are done.
    private var first = 0

    /// `buffers` of ciphertext were sent for a buffer of `plaintext` bytes.
    mutating func append(plaintext: Int, buffers: Int) { marks.append(Mark(plaintext: plaintext, buffers: buffers)) }

    /// The kernel has one more buffer of ciphertext.
    ///
    /// - Returns: the bytes of the protocol's buffer of which this was the last part, if it was.
    mutating func noteSent() -> Int? {
        guard first < marks.count else { return nil }
        marks[first].buffers -= 1
        guard marks[first].buffers == 0 else { return nil }
        let plaintext = marks[first].plaintext
        first += 1
        if first == marks.count {
            marks.removeAll(keepingCapacity: true)
            first = 0
        } else if first >= 64 {
            marks.removeFirst(first)
            first = 0
        }
        return plaintext > 0 ? plaintext : nil
    }
}
