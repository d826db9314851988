// Owns what a leader knows of one follower, and how much it may send to it.
public import Topology

/// A leader's view of one follower.
///
/// Legal transitions: probe → replicate (an answer matches), replicate → probe (a conflict, or no answer in time),
/// probe → snapshot (the log does not reach back far enough), snapshot → probe (installed).
struct Progress: Sendable {
    enum Mode: Hashable, Sendable {
        /// One message at a time until it is known where the logs agree; the next is sent no earlier than `resumeAt`.
        case probe(resumeAt: Tick?)
        /// Many messages at once; the last index of each that has not been answered, in order.
        case replicate(inFlight: [LogIndex])
        case snapshot(SnapshotTransfer)
    }

    let id: NodeID
    var mode = Mode.probe(resumeAt: nil)
    /// Up to here the follower's log is durable and equals the leader's.
    var match = LogIndex.zero
    /// The commit index that it was told last, limited to what it holds.
    var toldCommit = LogIndex.zero
    /// The index of the first entry to send next.
    var next: LogIndex
    /// When any answer last came; before the first one, when the leader began to lead.
    var lastHeard: Tick
    /// When an answer last moved it on.
    var lastMoved: Tick
    /// The greatest round of heartbeats that was answered.
    var round: UInt64 = 0

    /// A follower that answered that its log equals the leader's up to this index.
    mutating func matched(through index: LogIndex, now: Tick) {
        if index > match {
            match = index
            lastMoved = now
        }
        switch mode {
        case .probe:
            mode = .replicate(inFlight: [])
            next = match.next
        case .replicate(let inFlight):
            mode = .replicate(inFlight: inFlight.filter { $0 > index })
            next = max(next, match.next)
        case .snapshot(let transfer):
            // The follower got there some other way.
            guard match >= transfer.snapshot.identity.position.index else { return }
            mode = .replicate(inFlight: [])
            next = match.next
        }
    }

    /// Goes back to one message at a time, from this index on.
    mutating func probe(from index: LogIndex) {
        mode = .probe(resumeAt: nil)
        next = max(index, match.next)
        toldCommit = min(toldCommit, match)
    }
}

/// A snapshot on its way to a follower: pieces up to `acknowledged` have arrived, those up to `sent` are in flight.
struct SnapshotTransfer: Hashable, Sendable {
    var snapshot: Snapshot
    var acknowledged = 0
    var sent = 0
    /// When what was not acknowledged is sent again.
    var resendAt: Tick
    /// The follower said that it has no more than this: either it lost what it had, or this is a late answer.
    private var fewer: Int?
    /// Up to where pieces were sent again early.
    private var repeatedAt: Int?

    init(snapshot: Snapshot, resendAt: Tick) {
        self.snapshot = snapshot
        self.resendAt = resendAt
    }

    /// The follower has this many bytes.
    ///
    /// An answer that acknowledges nothing new although more was sent means that a piece was lost: what follows is sent
    /// again at once, but only once for each place. Otherwise late and repeated answers would ask for pieces, and those
    /// for answers, without end.
    ///
    /// - Returns: whether it has more than before.
    mutating func acknowledge(_ offset: Int) -> Bool {
        if offset < acknowledged { fewer = offset }
        if offset == acknowledged, sent > offset, repeatedAt != offset {
            repeatedAt = offset
            sent = offset
        }
        guard offset > acknowledged else { return false }
        acknowledged = offset
        sent = max(sent, offset)
        fewer = nil
        return true
    }

    /// Starts over after what the follower has, because answers have not come.
    mutating func resend() {
        acknowledged = fewer ?? acknowledged
        fewer = nil
        sent = acknowledged
    }
}

/// A leader's view of one other member, for status pages.
public struct MemberProgress: Hashable, Sendable {
    public enum Mode: String, Hashable, Sendable { case probe, replicate, snapshot }
    public var id: NodeID
    public var mode: Mode
    /// Up to here the member's log is durable and equals the leader's.
    public var match: LogIndex
    /// When an answer of any kind last came.
    public var lastHeard: Tick

    init(_ progress: Progress) {
        id = progress.id
        match = progress.match
        lastHeard = progress.lastHeard
        mode =
            switch progress.mode {
            case .probe: .probe
            case .replicate: .replicate
            case .snapshot: .snapshot
            }
    }
}
