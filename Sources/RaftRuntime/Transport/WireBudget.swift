// Owns how much a frame may unfold to: fields are counted before any is decoded.

/// Counts the fields of a frame in protobuf's wire format, without making anything of them.
///
/// Two bytes can be an empty message that takes a hundred in memory, so the length of a frame does not bound what its
/// decoding costs; the number of its fields does.
enum WireBudget {
    /// The most fields of one frame. The largest honest one has 8,192 entries of 32 bytes with some six fields each.
    static let fields = 96 << 10

    /// What the schema says of a length-delimited field that is looked into.
    private enum Kind { case frame, raft, append, fetchReply, entries, entry, chunk, configuration, members, leaf }

    /// Whether the bytes are well-formed on the outside and hold at most `limit` fields.
    static func allows(_ bytes: [UInt8], limit: Int = fields) -> Bool {
        var rest = limit
        return count(bytes, bytes.startIndex, bytes.endIndex, .frame, &rest)
    }

    private static func child(_ kind: Kind, _ field: UInt64) -> Kind {
        switch (kind, field) {
        case (.frame, 4): .raft
        case (.raft, 8): .fetchReply
        case (.raft, 10): .append
        case (.raft, 14), (.fetchReply, 5): .chunk
        case (.fetchReply, 3): .entries
        case (.append, 2), (.entries, 1): .entry
        case (.entry, 4), (.chunk, 2): .configuration
        case (.configuration, 3): .members
        default: .leaf
        }
    }

    private static func count(_ bytes: [UInt8], _ start: Int, _ end: Int, _ kind: Kind, _ rest: inout Int) -> Bool {
        var place = start
        while place < end {
            rest -= 1
            guard rest >= 0, let tag = varint(bytes, &place, end) else { return false }
            switch tag & 7 {
            case 0: if varint(bytes, &place, end) == nil { return false }
            case 1: place += 8
            case 5: place += 4
            case 2:
                guard let length = varint(bytes, &place, end), length <= UInt64(end - place) else { return false }
                let inner = child(kind, tag >> 3)
                if inner != .leaf, !count(bytes, place, place + Int(length), inner, &rest) { return false }
                place += Int(length)
            default: return false
            }
            if place > end { return false }
        }
        return true
    }

    private static func varint(_ bytes: [UInt8], _ place: inout Int, _ end: Int) -> UInt64? {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 70, by: 7) {
            guard place < end else { return nil }
            let byte = bytes[place]
            place += 1
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return value }
        }
        return nil
    }
}
