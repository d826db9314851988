// Owns snapshots: taking them, sending them in pieces, and becoming what they say (Raft §7).
internal import Topology

/// A snapshot that was asked of the state machine, with what the core adds to it.
struct WantedSnapshot: Sendable {
    var position: LogPosition
    var configuration: Configuration
    var sessions: SessionTable
}

/// The pieces of a snapshot that have arrived, whoever sent them.
struct IncomingSnapshot: Sendable {
    enum Step {
        case next(offset: Int)
        case complete(Snapshot, SessionTable, stateMachine: [UInt8])
    }

    let identity: SnapshotIdentity
    private var bytes: [UInt8] = []
    private var checksum = CRC32C()

    init(_ identity: SnapshotIdentity) { self.identity = identity }

    var offset: Int { bytes.count }

    /// Takes the next piece; any other changes nothing.
    mutating func take(_ chunk: SnapshotChunk) -> Step {
        guard chunk.offset == bytes.count else { return .next(offset: bytes.count) }
        bytes += chunk.bytes
        checksum.update(chunk.bytes)
        guard bytes.count == identity.byteCount else { return .next(offset: bytes.count) }
        guard checksum.value == identity.checksum, let (table, length) = SessionTable.decode(bytes) else {
            // A bit flipped somewhere: fetch all of it again.
            self = IncomingSnapshot(identity)
            return .next(offset: 0)
        }
        return .complete(Snapshot(identity: identity, bytes: bytes), table, stateMachine: Array(bytes[length...]))
    }
}

extension RaftCore {
    // MARK: Taking

    /// Asks for a snapshot once the log behind the last one is long enough.
    mutating func wantSnapshot() {
        guard wantedSnapshot == nil, log.sum(through: commit) >= nextSnapshotSum,
            let position = log.position(at: commit)
        else { return }
        wantedSnapshot = WantedSnapshot(
            position: position, configuration: log.configuration(at: commit), sessions: sessions)
        pending.append(.takeSnapshot(at: commit))
    }

    mutating func snapshotTaken(at index: LogIndex, _ stateMachine: [UInt8]) {
        guard let wanted = wantedSnapshot, wanted.position.index == index else { return }
        wantedSnapshot = nil
        nextSnapshotSum = log.sum(through: commit) + limits.logBytesBeforeSnapshot
        let bytes = wanted.sessions.encoded + stateMachine
        guard bytes.count <= limits.snapshotBytes else { return }
        let identity = SnapshotIdentity(
            position: wanted.position, configuration: wanted.configuration, byteCount: bytes.count,
            checksum: CRC32C.of(bytes))
        let taken = Snapshot(identity: identity, bytes: bytes)
        snapshot = taken
        disk.newSnapshot = taken
        let kept = UInt64(limits.entriesKeptBehindSnapshot)
        if index.number > kept { log.compact(through: LogIndex(index.number - kept)) }
    }

    // MARK: Sending

    /// A piece of this node's snapshot; nil if there is none.
    func chunk(of snapshot: Snapshot, at offset: Int) -> SnapshotChunk {
        let start = offset < snapshot.bytes.count ? offset : 0
        let end = min(start + limits.chunkBytes, snapshot.bytes.count)
        return SnapshotChunk(identity: snapshot.identity, offset: start, bytes: Array(snapshot.bytes[start..<end]))
    }

    /// Sends pieces up to the limit of unanswered ones.
    mutating func sendChunks(_ transfer: inout SnapshotTransfer, to follower: NodeID) {
        let window = limits.chunkBytes * limits.chunksInFlight
        while transfer.sent < transfer.snapshot.bytes.count, transfer.sent - transfer.acknowledged < window {
            let piece = chunk(of: transfer.snapshot, at: transfer.sent)
            send(.snapshotChunk(piece), to: follower)
            transfer.sent += piece.bytes.count
            transfer.resendAt = now + resendInterval
        }
    }

    mutating func takeSnapshotReply(_ reply: SnapshotReply, _ from: NodeID) {
        guard let place = leadership?.place(of: from), var progress = leadership?.progress[place] else { return }
        progress.lastHeard = now
        switch reply {
        case .next(let offset, let position):
            guard case .snapshot(var transfer) = progress.mode, transfer.snapshot.identity.position == position,
                offset <= transfer.snapshot.bytes.count
            else { break }
            if transfer.acknowledge(offset) {
                transfer.resendAt = now + resendInterval
                progress.lastMoved = now
            }
            progress.mode = .snapshot(transfer)
        case .installed(let position):
            guard position.index <= log.last.index else { break }
            progress.matched(through: position.index, now: now)
        }
        leadership?.progress[place] = progress
    }

    // MARK: Receiving

    mutating func takeSnapshotChunk(_ chunk: SnapshotChunk, _ from: NodeID) {
        let position = chunk.identity.position
        if position.index <= commit {
            verified = max(verified, position.index)
            return sendWhenDurable(.snapshotReply(.installed(position)), to: from)
        }
        guard !disk.isFull else { return }
        switch collect(chunk) {
        case .next(let offset):
            send(.snapshotReply(.next(offset: offset, of: position)), to: from)
        case .complete(let snapshot, let table, let stateMachine):
            install(snapshot, table, stateMachine)
            verified = max(verified, position.index)
            sendWhenDurable(.snapshotReply(.installed(position)), to: from)
        }
    }

    /// Adds a piece to the incoming snapshot; a different snapshot replaces it.
    mutating func collect(_ chunk: SnapshotChunk) -> IncomingSnapshot.Step {
        var incoming = incomingSnapshot ?? IncomingSnapshot(chunk.identity)
        if incoming.identity != chunk.identity { incoming = IncomingSnapshot(chunk.identity) }
        incomingSnapshot = nil
        let step = incoming.take(chunk)
        if case .next = step { incomingSnapshot = incoming }
        return step
    }

    /// Takes over the snapshot's state. Entries after it stay if the log continues it (§7).
    mutating func install(_ snapshot: Snapshot, _ table: SessionTable, _ stateMachine: [UInt8]) {
        let position = snapshot.identity.position
        assertInvariant(position.index > commit) { "a snapshot at \(position) would undo the commit of \($0.commit)" }
        guard violation == nil else { return }
        if log.holds(position) {
            log.compact(through: position.index)
        } else {
            log.restart(after: position, configuration: snapshot.identity.configuration)
            disk.durableIndex = .zero
            for place in disk.writes.indices { disk.writes[place].through = .zero }
            disk.changedFrom = nil
            disk.writtenThrough = position.index
        }
        self.snapshot = snapshot
        disk.newSnapshot = snapshot
        sessions = table
        commit = position.index
        wantedSnapshot = nil
        nextSnapshotSum = log.sum(through: commit) + limits.logBytesBeforeSnapshot
        pending.append(.restore(stateMachine, at: position.index))
        configurationChanged()
    }
}
