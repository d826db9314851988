// Owns the log as built from its frames, one after the other, when a data directory is loaded.
internal import Raft

/// The log up to a certain frame.
struct LogImage: Sendable {
    /// The snapshot that the log rests on; its entries begin behind it.
    var base = LogPosition.zero
    /// The index of the first entry of `entries`. Beyond `base` + 1 only while frames of deleted segments are missing,
    /// which a later snapshot must replace.
    var first = LogIndex(1)
    var entries: [LogEntry] = []
    var missingThrough = LogIndex.zero
    var hardState = HardState()
    /// Of the last frame; 0 before the first.
    var sequence: UInt64 = 0

    var last: LogIndex { LogIndex(first.number + UInt64(entries.count) - 1) }

    /// Whether entries between the snapshot and the first entry are missing.
    var hasGap: Bool { first.number > base.index.number + 1 }

    /// The entries behind the snapshot.
    var entriesBehindBase: [LogEntry] {
        guard base.index >= first else { return entries }
        return Array(entries.dropFirst(Int(base.index.number - first.number) + 1))
    }

    /// Applies a frame as a whole.
    ///
    /// - Parameter isOldest: whether no earlier frame was read, so that its opening gives the state.
    mutating func apply(_ header: FrameHeader, _ operations: [LogOperation], isOldest: Bool) throws(Malformed) {
        var next = self
        for (place, operation) in operations.enumerated() {
            guard case .open(let opening) = operation else {
                try next.apply(operation)
                continue
            }
            guard place == 0 else { throw Malformed("a segment is opened in the middle of a frame") }
            try next.open(opening, isOldest: isOldest)
        }
        guard next.last == header.lastIndex else {
            throw Malformed("the log ends at \(next.last) where the frame says \(header.lastIndex)")
        }
        next.hardState = header.hardState
        next.sequence = header.sequence
        next.missingThrough = header.missingThrough
        self = next
    }

    private mutating func open(_ opening: Opening, isOldest: Bool) throws(Malformed) {
        if isOldest || opening.resumption == .afresh {
            base = opening.base
            first = opening.last.next
            entries = []
        } else if opening.base != base || opening.last != last {
            throw Malformed("the segment continues a log that ends at \(opening.last), not at \(last)")
        }
    }

    private mutating func apply(_ operation: LogOperation) throws(Malformed) {
        switch operation {
        case .open: break
        case .rest(let position, let keepsRest):
            guard position.index >= base.index else { throw Malformed("a snapshot lies before the one it replaces") }
            if keepsRest {
                guard position.index <= last else { throw Malformed("a snapshot lies behind the log it keeps") }
                if position.index >= first {
                    entries.removeFirst(Int(position.index.number - first.number) + 1)
                    first = position.index.next
                }
            } else {
                entries = []
                first = position.index.next
            }
            base = position
        case .cut(let from):
            guard from > base.index else { throw Malformed("a cut reaches into the snapshot") }
            guard from <= last else { break }
            if from < first {
                entries = []
                first = from
            } else {
                entries.removeLast(Int(last.number - from.number) + 1)
            }
        case .append(let added):
            guard added.first?.position.index == last.next else { throw Malformed("entries do not follow the log") }
            entries.append(contentsOf: added)
        }
    }
}
