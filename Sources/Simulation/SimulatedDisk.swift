// Owns the disk of a simulated node: what is durable, what is being written, and what a crash leaves of that.
internal import Raft
internal import Topology

/// A log store of one node. Writes become durable in order; a crash loses or tears the others.
struct SimulatedDisk: Sendable {
    struct Write: Sendable {
        var batch: PersistBatch
        /// When it is durable.
        var due: Tick
    }

    private(set) var hardState = HardState()
    private(set) var snapshot: Snapshot?
    private(set) var entries: [LogEntry] = []
    private(set) var durable = PersistToken(0)
    private(set) var writes: [Write] = []
    /// The end of the log at the last completed write: the store's durable mark.
    private(set) var mark = LogIndex.zero
    /// How far the log was recorded as committed.
    private(set) var notedCommit = LogIndex.zero
    /// The mark at the time of a bit flip, until a leader has filled the log up to it.
    private(set) var corruptThrough: LogIndex?

    /// The next write cannot be made durable.
    var failsNextSync = false
    /// At the next start this entry, and so all after it, cannot be read.
    var misreadAt: Int?
    /// From this position on the log was not read at the last start. The first write makes that final.
    private var unreadFrom: Int?

    var isEmpty: Bool { hardState == HardState() && snapshot == nil && entries.isEmpty }
    var isCorrupt: Bool { corruptThrough != nil || unreadFrom != nil || misreadAt != nil }

    /// The end of the durable log.
    var last: LogPosition { entries.last?.position ?? snapshot?.identity.position ?? .zero }

    // MARK: Writing

    /// Takes a write; it is durable at the instant that is returned, never before an earlier one.
    mutating func submit(_ batch: PersistBatch, latency: Duration, now: Tick) -> Tick {
        let due = max(now + latency, writes.last?.due ?? now)
        writes.append(Write(batch: batch, due: due))
        return due
    }

    /// Whether a write is due to become durable.
    func isDue(_ now: Tick) -> Bool { writes.first.map { $0.due <= now } ?? false }

    /// Makes durable what is due.
    ///
    /// - Returns: the greatest token that is durable now; nil when nothing new is.
    mutating func complete(now: Tick) -> PersistToken? {
        var done: PersistToken?
        while let write = writes.first, write.due <= now {
            writes.removeFirst()
            giveUpUnread()
            write.batch.parts.forEach { put($0) }
            durable = write.batch.token
            done = durable
        }
        if done != nil {
            mark = last.index
            if let corruptThrough, mark >= corruptThrough { self.corruptThrough = nil }
        }
        return done
    }

    /// New writes go after the last record that was read; what the disk holds beyond it is void from then on.
    private mutating func giveUpUnread() {
        guard let place = unreadFrom else { return }
        unreadFrom = nil
        flip(at: place)
    }

    private mutating func put(_ part: PersistBatch.Part) {
        switch part {
        case .snapshot(let taken):
            let position = taken.identity.position
            let continues = term(at: position.index) == position.term
            snapshot = taken
            if continues { entries.removeAll { $0.position.index <= position.index } } else { entries = [] }
        case .cut(let index): entries.removeAll { $0.position.index >= index }
        case .entry(let entry): entries.append(entry)
        case .hardState(let state): hardState = state
        }
    }

    /// The term of the durable entry at the index; nil outside of the log.
    func term(at index: LogIndex) -> Term? {
        if let snapshot, snapshot.identity.position.index == index { return snapshot.identity.position.term }
        guard let first = entries.first?.position.index, index >= first, index <= last.index else { return nil }
        return entries[first.distance(to: index)].position.term
    }

    /// Whether the entry is safe here: in the log, covered by the snapshot, or lost to a bit flip that keeps the node
    /// from voting.
    func keeps(_ position: LogPosition) -> Bool {
        if let snapshot, snapshot.identity.position.index >= position.index { return true }
        if let corruptThrough, corruptThrough >= position.index { return true }
        return term(at: position.index) == position.term
    }

    /// Records a commit index. It is durable at once; losing it would be like never having recorded it.
    mutating func note(commit: LogIndex) { notedCommit = max(notedCommit, min(commit, last.index)) }

    // MARK: Faults

    /// The power fails. The first `whole` of the writes in progress are durable. A write's record is there completely
    /// or not at all, since a torn one is cut; but its snapshot is a file of its own, written before it
    /// (`isSnapshotDone`).
    mutating func crash(whole: Int, isSnapshotDone: Bool) {
        if whole > 0 { giveUpUnread() }
        for write in writes.prefix(whole) { write.batch.parts.forEach { put($0) } }
        if isSnapshotDone, whole < writes.count, let snapshot = writes[whole].batch.snapshot {
            put(.snapshot(snapshot))
        }
        writes = []
    }

    /// A bit of this entry has flipped: it and everything after it can no longer be read.
    mutating func flip(at place: Int) {
        guard place < entries.count else { return }
        corruptThrough = max(corruptThrough ?? .zero, mark, last.index)
        entries.removeSubrange(place...)
    }

    /// Everything is gone, as with a new disk.
    mutating func wipe() { self = SimulatedDisk() }

    /// What a process that starts now is given; its tokens start over.
    mutating func restore() -> RestoredState {
        durable = PersistToken(0)
        failsNextSync = false
        unreadFrom = misreadAt.map { min($0, entries.count) }.flatMap { $0 < entries.count ? $0 : nil }
        misreadAt = nil
        let read = Array(entries[..<(unreadFrom ?? entries.count)])
        return RestoredState(
            hardState: hardState, snapshot: snapshot, entries: read, isCorrupt: isCorrupt,
            acknowledgedThrough: max(mark, corruptThrough ?? .zero), committedThrough: notedCommit)
    }
}

extension PersistBatch {
    /// The parts of a write.
    enum Part {
        case snapshot(Snapshot)
        case cut(LogIndex)
        case entry(LogEntry)
        case hardState(HardState)
    }

    /// The write in the order in which its parts reach the disk.
    var parts: [Part] {
        var parts: [Part] = []
        if let snapshot { parts.append(.snapshot(snapshot)) }
        if let cutFrom { parts.append(.cut(cutFrom)) }
        parts += entries.map { .entry($0) }
        if let hardState { parts.append(.hardState(hardState)) }
        return parts
    }
}
