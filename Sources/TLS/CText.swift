// Owns taking texts that C writes into memory of ours.

enum CText {
    /// The text that `write` puts into memory of `capacity` bytes, ended by a NUL.
    static func text(capacity: Int, _ write: (UnsafeMutablePointer<CChar>, Int) -> Void) -> String {
        // SAFETY: the memory is `capacity` bytes, of which the first is a NUL whatever `write` does.
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: capacity) { room in
            room.initialize(repeating: 0)
            guard let start = room.baseAddress else { return "" }
            write(start, capacity)
            room[capacity - 1] = 0
            return String(cString: start)
        }
    }

    /// The texts that `write` puts there, each ended by a NUL; it returns the number of their bytes.
    static func list(capacity: Int, _ write: (UnsafeMutablePointer<CChar>, Int) -> Int) -> [String] {
        // SAFETY: `write` gets the memory with its size, and no byte beyond what it has written is looked at.
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: capacity) { room in
            guard let start = room.baseAddress else { return [] }
            let count = min(write(start, capacity), capacity)
            return room.prefix(count).split(separator: 0).map { name in
                String(decoding: name.lazy.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            }
        }
    }
}
