// Owns what a frame does to the log: its payload as a list of operations.
internal import Raft

/// How a segment continues the log.
enum Resumption: Hashable, Sendable {
    /// After the last frame of the segment before it.
    case behind
    /// At a damaged place: the log is intact up to this offset of that segment, and everything from there to here is
    /// void.
    case at(segment: UInt64, offset: Int)
    /// From scratch: everything before is void, because not even the snapshot that it rested on could be read.
    case afresh
}

/// The first operation of a segment's first frame: the state before it, so that older segments can be deleted.
struct Opening: Hashable, Sendable {
    /// Of the format of operations and entries.
    static let version: UInt8 = 1

    var resumption: Resumption
    /// The snapshot that the log rests on.
    var base: LogPosition
    var last: LogIndex
}

/// One change of the log. The hard state is in the frame's header.
enum LogOperation: Hashable, Sendable {
    case open(Opening)
    /// The durable snapshot of this position replaces the log up to it. `keepsRest`: the entries after it stay.
    case rest(on: LogPosition, keepsRest: Bool)
    /// Entries from here on are dropped.
    case cut(from: LogIndex)
    /// These follow the last entry.
    case append([LogEntry])
}

private enum OperationCode {
    static let open: UInt8 = 1
    static let rest: UInt8 = 2
    static let cut: UInt8 = 3
    static let append: UInt8 = 4
}

extension DiskWriter {
    mutating func add(_ opening: Opening) {
        add(OperationCode.open)
        add(Opening.version)
        switch opening.resumption {
        case .behind: add(UInt8(0))
        case .at(let segment, let offset):
            add(UInt8(1))
            add(segment)
            add(UInt64(offset))
        case .afresh: add(UInt8(2))
        }
        add(opening.base)
        add(opening.last.number)
    }

    mutating func add(restOn position: LogPosition, keepsRest: Bool) {
        add(OperationCode.rest)
        add(position)
        add(UInt8(keepsRest ? 1 : 0))
    }

    mutating func add(cutFrom index: LogIndex) {
        add(OperationCode.cut)
        add(index.number)
    }

    /// Entries whose indexes follow each other; at least one.
    mutating func add(_ entries: [LogEntry]) {
        guard let first = entries.first else { return }
        add(OperationCode.append)
        add(first.position.index.number)
        add(UInt32(truncatingIfNeeded: entries.count))
        for entry in entries { add(entry) }
    }
}

extension DiskReader {
    /// An index beyond this is garbage; sums with it might overflow.
    private static let greatestIndex = UInt64(1) << 60

    /// All remaining bytes, as operations.
    mutating func operations() throws(Malformed) -> [LogOperation] {
        var operations: [LogOperation] = []
        while remaining > 0 { operations.append(try operation()) }
        return operations
    }

    private mutating func operation() throws(Malformed) -> LogOperation {
        let code = try byte()
        switch code {
        case OperationCode.open: return .open(try opening())
        case OperationCode.rest:
            let position = try logPosition()
            guard position.index.number <= Self.greatestIndex else { throw Malformed("an index is too large") }
            return .rest(on: position, keepsRest: try flag())
        case OperationCode.cut: return .cut(from: try index())
        case OperationCode.append:
            let first = try index()
            let count = Int(try number(UInt32.self))
            guard count <= remaining / CodingLimits.leastEntryBytes else { throw Malformed("it ends too early") }
            var entries: [LogEntry] = []
            entries.reserveCapacity(count)
            for place in 0..<count { entries.append(try entry(at: LogIndex(first.number + UInt64(place)))) }
            return .append(entries)
        default: throw Malformed("no operation is of kind \(code)")
        }
    }

    private mutating func opening() throws(Malformed) -> Opening {
        let version = try byte()
        guard version == Opening.version else { throw Malformed("format \(version) is not known") }
        let resumption: Resumption
        switch try byte() {
        case 0: resumption = .behind
        case 1:
            let segment = try number(UInt64.self)
            guard let offset = Int(exactly: try number(UInt64.self)) else { throw Malformed("an offset is too large") }
            resumption = .at(segment: segment, offset: offset)
        case 2: resumption = .afresh
        case let other: throw Malformed("no segment begins in way \(other)")
        }
        let base = try logPosition()
        let opening = Opening(resumption: resumption, base: base, last: try index())
        guard base.index.number <= Self.greatestIndex else { throw Malformed("an index is too large") }
        return opening
    }

    private mutating func index() throws(Malformed) -> LogIndex {
        let index = try number(UInt64.self)
        guard index <= Self.greatestIndex else { throw Malformed("an index is too large") }
        return LogIndex(index)
    }
}
