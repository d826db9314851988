// Owns what the store should hold: the log as plain values, and groups of batches that change it in every way.
import Proactor
import Raft
import Topology

@testable import RaftRuntime

/// The log as `LoadedLog` reports it, changed the obvious way.
struct LogModel: Equatable, Sendable {
    var hardState = HardState()
    var snapshot: Snapshot?
    var entries: [LogEntry] = []

    init() {}

    init(_ loaded: LoadedLog) {
        hardState = loaded.hardState
        snapshot = loaded.snapshot
        entries = loaded.entries
    }

    var base: LogPosition { snapshot?.identity.position ?? .zero }
    var last: LogIndex { entries.last?.position.index ?? base.index }

    mutating func apply(_ batch: PersistBatch) {
        if let snapshot = batch.snapshot {
            let position = snapshot.identity.position
            let continues = entries.contains { $0.position == position }
            entries = continues ? entries.filter { $0.position.index > position.index } : []
            self.snapshot = snapshot
        }
        if let cut = batch.cutFrom { entries.removeAll { $0.position.index >= cut } }
        entries += batch.entries
        if let hardState = batch.hardState { self.hardState = hardState }
    }

    func applying(_ group: [PersistBatch]) -> LogModel {
        var next = self
        for batch in group { next.apply(batch) }
        return next
    }
}

/// Groups of batches, and what holds after each.
struct Workload: Sendable {
    var groups: [[PersistBatch]] = []
    /// One more than groups: the first is the empty log.
    var models = [LogModel()]

    init(seed: UInt64, groups count: Int) {
        var random = Chance(seed: seed)
        var token: UInt64 = 0
        for _ in 0..<count {
            var model = models[models.count - 1]
            var group: [PersistBatch] = []
            for _ in 0..<1 + (random.chance(4) ? random.below(4) : 0) {
                token += 1
                let batch = Self.batch(PersistToken(token), &model, &random)
                group.append(batch)
            }
            groups.append(group)
            models.append(model)
        }
    }

    private static func batch(_ token: PersistToken, _ model: inout LogModel, _ random: inout Chance) -> PersistBatch {
        var batch = PersistBatch(token: token)
        if random.chance(5) {
            let term = model.hardState.term.next
            let votes = [nil, NodeID("use1-a"), NodeID(String(repeating: "x", count: 63))]
            batch.hardState = HardState(term: term, votedFor: votes[random.below(3)])
        }
        let term = batch.hardState?.term ?? model.hardState.term
        if random.chance(9), let middle = model.entries.dropFirst(model.entries.count / 2).first {
            batch.snapshot = snapshot(middle.position, bytes: random.below(1_500))
        } else if random.chance(25) {
            // Another group's: the log does not continue it.
            let position = LogPosition(term: term.next, index: LogIndex(model.last.number + UInt64(random.below(5))))
            if position.index > model.base.index { batch.snapshot = snapshot(position, bytes: 700) }
        }
        model.apply(batch)
        var rest = PersistBatch(token: token)
        if random.chance(8), model.entries.count > 2 {
            rest.cutFrom = model.entries[model.entries.count - 1 - random.below(2)].position.index
            model.apply(rest)
        }
        for _ in 0..<random.below(4) {
            rest.entries.append(entry(LogPosition(term: term, index: model.last.next), &random))
            model.entries.append(rest.entries[rest.entries.count - 1])
        }
        batch.cutFrom = rest.cutFrom
        batch.entries = rest.entries
        return batch
    }

    static func entry(_ position: LogPosition, _ random: inout Chance) -> LogEntry {
        switch random.below(8) {
        case 0: return LogEntry(position, .noop)
        case 1: return LogEntry(position, .configuration(configuration(members: random.below(4))))
        default:
            let count = random.chance(6) ? 600 + random.below(900) : random.below(90)
            // Zeros at the ends of sectors must not look like a torn write.
            let bytes = [UInt8](
                repeating: random.chance(2) ? 0 : UInt8(truncatingIfNeeded: random.next()), count: count)
            return LogEntry(
                position, .command(Command(session: random.next(), sequence: position.index.number, bytes: bytes)))
        }
    }

    static func snapshot(_ position: LogPosition, bytes count: Int) -> Snapshot {
        let bytes = [UInt8](repeating: 7, count: count)
        let identity = SnapshotIdentity(
            position: position, configuration: configuration(members: 3), byteCount: count,
            checksum: Checksum.crc32c(bytes))
        return Snapshot(identity: identity, bytes: bytes)
    }

    static func configuration(members count: Int) -> Configuration {
        let members = (0..<count).map { number in
            Member(
                id: NodeID("node-\(number)"), incarnation: UInt64(number) << 60, role: number == 2 ? .observer : .voter,
                address: .host("10.0.0.\(number)", port: 7946), datacenter: DatacenterName("dc-\(number)"), rank: number
            )
        }
        return Configuration(
            cluster: 0xC0FFEE, members: members, outgoing: count == 3 ? Array(members.dropLast()) : nil,
            replicationQuorum: count == 2 ? 1 : nil, timing: GroupTiming(heartbeat: .milliseconds(50)))
    }
}

extension StorageLimits {
    /// So small that a few groups fill a segment.
    static let tiny = {
        var limits = StorageLimits()
        limits.segmentBytes = 8 << 10
        limits.zeroBytes = 2 << 10
        return limits
    }()
}

extension FileLogStore {
    /// Opens the store of the tests' node.
    static func open(on disk: any FileSystem) throws(StorageFailure) -> (store: FileLogStore, loaded: LoadedLog) {
        try open("/data", node: NodeID("use1-a"), limits: .tiny, fileSystem: disk)
    }
}
