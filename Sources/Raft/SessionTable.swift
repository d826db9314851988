// Owns the record of what was applied, so that a repeated proposal is applied only once.

/// The sessions of proposers and which of their commands were applied, at which index (thesis §6.3).
///
/// Part of the replicated state: it changes only by `apply`, in the order of the log, and its limits are the same at
/// every member. Commands of one session may be applied out of order (one was lost with a leader and proposed again),
/// so each session keeps its latest sequence numbers one by one and knows nothing of those before them.
struct SessionTable: Hashable, Sendable {
    /// The most sessions; beyond that the least recently used is forgotten.
    static let capacity = 1_024
    /// The most sequences that a session remembers.
    static let window = 128
    /// How many forgotten sessions are remembered as such: their commands are refused rather than applied again.
    static let forgottenCapacity = 4_096

    enum Verdict: Hashable, Sendable {
        case new
        case duplicate(of: LogIndex)
        case expired
    }

    fileprivate struct Applied: Hashable, Sendable {
        var sequence: UInt64
        var index: LogIndex
    }

    fileprivate struct Session: Hashable, Sendable {
        var id: UInt64
        var lastUsed: LogIndex
        /// The greatest sequence number that fell out of the window; nothing is known of it or of those before it.
        var floor: UInt64 = 0
        /// By sequence.
        var applied: [Applied] = []
    }

    /// By id.
    fileprivate var sessions: [Session] = []
    /// In the order in which they were forgotten.
    fileprivate var forgotten: [UInt64] = []

    /// How many sessions are remembered.
    var count: Int { sessions.count }

    /// Whether this command is new, repeated or too old; remembers it as applied if it is new.
    mutating func apply(_ command: Command, at index: LogIndex) -> Verdict {
        var place = place(of: command.session)
        if place == sessions.count || sessions[place].id != command.session {
            if forgotten.contains(command.session) { return .expired }
            if sessions.count == Self.capacity {
                forgetOldest()
                place = self.place(of: command.session)
            }
            sessions.insert(Session(id: command.session, lastUsed: index), at: place)
        }
        sessions[place].lastUsed = index
        return sessions[place].apply(command.sequence, at: index)
    }

    private func place(of id: UInt64) -> Int {
        var low = 0
        var high = sessions.count
        while low < high {
            let middle = (low + high) / 2
            if sessions[middle].id < id { low = middle + 1 } else { high = middle }
        }
        return low
    }

    private mutating func forgetOldest() {
        guard let oldest = sessions.indices.min(by: { sessions[$0].lastUsed < sessions[$1].lastUsed }) else { return }
        if forgotten.count == Self.forgottenCapacity { forgotten.removeFirst() }
        forgotten.append(sessions[oldest].id)
        sessions.remove(at: oldest)
    }
}

extension SessionTable.Session {
    fileprivate mutating func apply(_ sequence: UInt64, at index: LogIndex) -> SessionTable.Verdict {
        if sequence <= floor { return .expired }
        let place = applied.lastIndex { $0.sequence <= sequence }
        if let place, applied[place].sequence == sequence { return .duplicate(of: applied[place].index) }
        applied.insert(SessionTable.Applied(sequence: sequence, index: index), at: place.map { $0 + 1 } ?? 0)
        if applied.count > SessionTable.window { floor = applied.removeFirst().sequence }
        return .new
    }
}

extension SessionTable {
    private static let format: UInt64 = 1

    /// The table as bytes: little-endian 64-bit numbers, the format first and its own length in bytes second.
    var encoded: [UInt8] {
        var numbers: [UInt64] = [Self.format, 0, UInt64(sessions.count)]
        for session in sessions {
            numbers += [session.id, session.lastUsed.number, session.floor, UInt64(session.applied.count)]
            for applied in session.applied { numbers += [applied.sequence, applied.index.number] }
        }
        numbers.append(UInt64(forgotten.count))
        numbers += forgotten
        numbers[1] = UInt64(numbers.count * 8)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(numbers.count * 8)
        for number in numbers {
            for shift in stride(from: 0, to: 64, by: 8) { bytes.append(UInt8(truncatingIfNeeded: number >> shift)) }
        }
        return bytes
    }

    /// Reads a table from the front of a snapshot's bytes; nil when they are none. `length`: where the rest begins.
    static func decode(_ bytes: [UInt8]) -> (table: SessionTable, length: Int)? {
        var reader = NumberReader(bytes: bytes)
        guard reader.next() == format, let length = reader.next(), let count = reader.next(), count <= capacity else {
            return nil
        }
        var table = SessionTable()
        for _ in 0..<count {
            guard let id = reader.next(), let used = reader.next(), let floor = reader.next(),
                let size = reader.next(), size <= window
            else { return nil }
            var session = Session(id: id, lastUsed: LogIndex(used), floor: floor)
            for _ in 0..<size {
                guard let sequence = reader.next(), let index = reader.next() else { return nil }
                session.applied.append(Applied(sequence: sequence, index: LogIndex(index)))
            }
            table.sessions.append(session)
        }
        guard let size = reader.next(), size <= forgottenCapacity else { return nil }
        for _ in 0..<size {
            guard let id = reader.next() else { return nil }
            table.forgotten.append(id)
        }
        guard UInt64(reader.offset) == length else { return nil }
        return (table, reader.offset)
    }
}

/// Reads little-endian 64-bit numbers, as long as there are any.
private struct NumberReader {
    let bytes: [UInt8]
    var offset = 0

    mutating func next() -> UInt64? {
        guard bytes.count - offset >= 8 else { return nil }
        defer { offset += 8 }
        return (0..<8).reduce(0) { $0 | UInt64(bytes[offset + $1]) << UInt64(8 * $1) }
    }
}
