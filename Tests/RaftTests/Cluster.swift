// Owns a deterministic group in memory: cores, disks whose writes end on command, a network that can hold messages
// back.
import Raft
import Testing
import Topology

/// What a node's disk holds: all finished writes, and those in progress, which a crash loses.
struct TestDisk {
    var state = RestoredState()
    var writes: [PersistBatch] = []
    /// Nothing becomes durable until `Cluster.sync` is called.
    var isHeld = false

    mutating func finishFirst() -> PersistToken? {
        guard !writes.isEmpty else { return nil }
        let batch = writes.removeFirst()
        if let snapshot = batch.snapshot {
            let position = snapshot.identity.position
            let continues = state.entries.contains { $0.position == position }
            state.entries = continues ? state.entries.filter { $0.position.index > position.index } : []
            state.snapshot = snapshot
        }
        if let cut = batch.cutFrom { state.entries.removeAll { $0.position.index >= cut } }
        let end = state.entries.last?.position.index ?? state.snapshot?.identity.position.index ?? .zero
        if let first = batch.entries.first, first.position.index != end.next {
            Issue.record("a write at \(first.position) onto a log that ends at \(end)")
        }
        state.entries += batch.entries
        if let hardState = batch.hardState { state.hardState = hardState }
        state.acknowledgedThrough = max(state.acknowledgedThrough, batch.entries.last?.position.index ?? .zero)
        return batch.token
    }
}

/// One node: its core while it runs, its disk, and a state machine that lists what it was given.
struct TestNode {
    let member: Member
    var policy = ElectionPolicy.auto
    var limits = RaftLimits()
    var disk = TestDisk()
    var core: RaftCore?
    /// Messages that wait for a write.
    var held: [(message: RaftMessage, after: PersistToken)] = []
    var durable = PersistToken(0)
    var applied: [AppliedCommand] = []
    var answers: [RaftRequestID: RaftOutcome] = [:]
    var roles: [RoleReport] = []
    /// The clock of a stopped process: it takes no events until then.
    var pausedUntil = Tick.zero

    var values: [String] { applied.map { String(decoding: $0.command.bytes, as: UTF8.self) } }
}

struct Link: Hashable {
    var from: NodeID
    var to: NodeID
}

/// A group of nodes under one clock. Times are virtual; nothing here waits.
struct Cluster {
    var now = Tick.zero
    var nodes: [TestNode] = []
    var network: [(at: Tick, order: Int, message: RaftMessage)] = []
    var cut: Set<Link> = []
    /// Says which messages are lost; called when a message is sent.
    var loses: (RaftMessage) -> Bool = { _ in false }
    /// How long a message and a write take.
    var delay: (inout RandomBits) -> Duration = { _ in .milliseconds(1) }
    var writeTime: (inout RandomBits) -> Duration = { _ in .microseconds(500) }
    var random: RandomBits
    var history = History()
    var transcript: Transcript?
    private var syncs: [(at: Tick, order: Int, node: Int, token: PersistToken)] = []
    private var order = 0
    private var nextRequest: UInt64 = 1
    private var nextSequence: [UInt64: UInt64] = [:]
    /// Every message that was handed to the network.
    var sent: [RaftMessage] = []
    var keepsSent = false

    init(
        voters: Int, observers: Int = 0, ranks: [Int] = [], policy: ElectionPolicy = .auto, seed: UInt64 = 1,
        limits: RaftLimits = RaftLimits(), replicationQuorum: Int? = nil, entries: [[Term]] = []
    ) {
        random = RandomBits(seed: seed)
        let members = (0..<voters + observers).map {
            Self.member($0, $0 < voters ? .voter : .observer, rank: $0 < ranks.count ? ranks[$0] : 0)
        }
        let configuration = Configuration(cluster: 7, members: members, replicationQuorum: replicationQuorum)
        for (place, member) in members.enumerated() {
            var node = TestNode(member: member, policy: policy, limits: limits)
            node.disk.state = Self.state(configuration, terms: place < entries.count ? entries[place] : [])
            // A quorum had to know about a term before anybody could write in it.
            node.disk.state.hardState.term = entries.joined().max() ?? Term(1)
            nodes.append(node)
            start(place)
        }
    }

    static func name(_ place: Int) -> NodeID { NodeID(String(UnicodeScalar(UInt8(97 + place)))) }

    static func member(_ place: Int, _ role: Member.Role = .voter, rank: Int = 0) -> Member {
        Member(
            id: name(place), incarnation: UInt64(100 + place), role: role, address: .host("127.0.0.1", port: 1),
            datacenter: DatacenterName("dc\(place)"), rank: rank)
    }

    /// A disk with the configuration as entry 1 of term 1 and then a command of each of these terms.
    static func state(_ configuration: Configuration, terms: [Term]) -> RestoredState {
        let first = LogEntry(LogPosition(term: Term(1), index: LogIndex(1)), .configuration(configuration))
        let rest = terms.enumerated().map { place, term in
            LogEntry(
                LogPosition(term: term, index: LogIndex(UInt64(place + 2))),
                .command(
                    Command(
                        session: term.number << 32, sequence: UInt64(place + 1),
                        bytes: Array("t\(term)i\(place + 2)".utf8))))
        }
        return RestoredState(hardState: HardState(term: terms.last ?? Term(1)), entries: [first] + rest)
    }

    // MARK: Nodes

    func place(_ id: NodeID) -> Int? { nodes.firstIndex { $0.member.id == id } }

    /// The node that leads the greatest term; nil if none leads.
    var leader: Int? {
        nodes.indices.filter { nodes[$0].core?.role == .leader }.max {
            nodes[$0].core?.term ?? .zero < nodes[$1].core?.term ?? .zero
        }
    }

    mutating func start(_ place: Int) {
        let node = nodes[place]
        let restored = node.disk.state
        nodes[place].core = RaftCore(
            id: node.member.id, incarnation: node.member.incarnation, policy: node.policy, limits: node.limits,
            random: RandomBits(seed: random.next()), restored: restored, now: now)
        nodes[place].applied = []
        nodes[place].durable = PersistToken(0)
        nodes[place].held = []
        note { _ in "\(node.member.id) starts" }
        give(.tick, to: place)
    }

    /// Adds an empty node that belongs to no group.
    mutating func add(_ place: Int, limits: RaftLimits = RaftLimits()) {
        nodes.append(TestNode(member: Self.member(place), limits: limits))
        start(nodes.count - 1)
    }

    /// Loses everything that is not durable.
    mutating func crash(_ place: Int) {
        note { "\($0.nodes[place].member.id) crashes" }
        nodes[place].core = nil
        nodes[place].disk.writes = []
        nodes[place].held = []
        syncs.removeAll { $0.node == place }
    }

    mutating func restart(_ place: Int) {
        crash(place)
        start(place)
    }

    // MARK: Events

    mutating func give(_ event: RaftEvent, to place: Int) {
        guard var core = nodes[place].core else { return }
        var effects: [RaftEffect] = []
        core.step(event, now: now, into: &effects)
        nodes[place].core = core
        if let violation = core.violation { Issue.record("\(nodes[place].member.id): \(violation)") }
        for effect in effects { carryOut(effect, of: place) }
        let node = nodes[place]
        history.check(node)
    }

    @discardableResult
    mutating func ask(_ place: Int, _ event: (RaftRequestID) -> RaftEvent) -> RaftRequestID {
        let request = RaftRequestID(nextRequest)
        nextRequest += 1
        give(event(request), to: place)
        return request
    }

    @discardableResult
    mutating func propose(_ text: String, at place: Int, session: UInt64 = 1) -> RaftRequestID {
        let sequence = nextSequence[session, default: 0] + 1
        nextSequence[session] = sequence
        return ask(place) { .propose($0, Command(session: session, sequence: sequence, bytes: Array(text.utf8))) }
    }

    private mutating func carryOut(_ effect: RaftEffect, of place: Int) {
        let node = nodes[place]
        let id = node.member.id
        switch effect {
        case .persist(let batch):
            history.wrote(batch, node)
            nodes[place].disk.writes.append(batch)
            guard !nodes[place].disk.isHeld else { return note { _ in "\(id) writes \(batch.words), held" } }
            order += 1
            let last = syncs.last { $0.node == place }?.at ?? now
            let duration = writeTime(&random)
            syncs.append((max(now + duration, last), order, place, batch.token))
        case .send(let message, let after):
            if let after, after > nodes[place].durable {
                nodes[place].held.append((message, after))
            } else {
                transmit(message)
            }
        case .apply(let commands):
            history.apply(commands, id)
            nodes[place].applied += commands
        case .restore(let bytes, _): nodes[place].applied = Self.decode(bytes)
        case .takeSnapshot(let index): give(.snapshotTaken(index, Self.encode(nodes[place].applied)), to: place)
        case .answer(let request, let outcome):
            note { _ in "\(id) answers \(request.number): \(outcome.words)" }
            nodes[place].answers[request] = outcome
        case .changedRole(let report):
            note { _ in "\(id) is \(report.words)" }
            nodes[place].roles.append(report)
            history.lead(report, node)
        case .changedConfiguration(let configuration):
            note { _ in "\(id) uses \(configuration.words)" }
        }
    }

    private mutating func transmit(_ message: RaftMessage) {
        if keepsSent { sent.append(message) }
        let isLost = cut.contains(Link(from: message.from, to: message.to)) || loses(message)
        note { _ in "\(message.from) > \(message.to) \(message.words)\(isLost ? ", lost" : "")" }
        guard !isLost else { return }
        order += 1
        let duration = delay(&random)
        network.append((now + duration, order, message))
    }

    // MARK: Time

    /// Finishes all of a node's writes.
    mutating func sync(_ place: Int) {
        while !nodes[place].disk.writes.isEmpty { syncFirst(place) }
    }

    /// Finishes a node's first write; false if there is none.
    @discardableResult
    mutating func syncFirst(_ place: Int) -> Bool {
        guard let token = nodes[place].disk.finishFirst() else { return false }
        syncs.removeAll { $0.node == place && $0.token <= token }
        nodes[place].durable = token
        let ready = nodes[place].held.filter { $0.after <= token }
        nodes[place].held.removeAll { $0.after <= token }
        for (message, _) in ready { transmit(message) }
        give(.persisted(token), to: place)
        return true
    }

    /// Lets the next event happen that is due by `end`; false if there is none.
    mutating func happen(by end: Tick) -> Bool {
        let message = network.indices.min { (network[$0].at, network[$0].order) < (network[$1].at, network[$1].order) }
        let sync = syncs.indices.min { (syncs[$0].at, syncs[$0].order) < (syncs[$1].at, syncs[$1].order) }
        let timer = nodes.indices.filter { nodes[$0].core != nil }.min { deadline($0) < deadline($1) }
        let times = [message.map { network[$0].at }, sync.map { syncs[$0].at }, timer.map { deadline($0) }]
        guard let next = times.compactMap({ $0 }).min(), next <= end else {
            now = max(now, end)
            return false
        }
        now = max(now, next)
        if let sync, syncs[sync].at == next {
            syncFirst(syncs[sync].node)
        } else if let message, network[message].at == next {
            let delivered = network.remove(at: message).message
            let isCut = cut.contains(Link(from: delivered.from, to: delivered.to))
            if !isCut, let place = place(delivered.to) { give(.received(delivered), to: place) }
        } else if let timer {
            give(.tick, to: timer)
        }
        return true
    }

    private func deadline(_ place: Int) -> Tick {
        max(nodes[place].core?.nextDeadline ?? .distantFuture, nodes[place].pausedUntil)
    }

    mutating func run(_ duration: Duration) {
        let end = now + duration
        while happen(by: end) {}
    }

    /// Runs until the condition holds, at most this long. Returns whether it does.
    mutating func run(atMost duration: Duration = .seconds(30), until condition: (Cluster) -> Bool) -> Bool {
        let end = now + duration
        while !condition(self) {
            guard happen(by: end) else { return condition(self) }
        }
        return true
    }

    /// Runs until a node leads fully.
    mutating func elect(atMost duration: Duration = .seconds(30)) -> Int? {
        _ = run(atMost: duration) { cluster in
            cluster.nodes.contains { $0.core?.leadsFully ?? false }
        }
        return leader
    }

    mutating func isolate(_ place: Int) {
        for other in nodes.indices where other != place { disconnect(place, other) }
    }

    mutating func disconnect(_ one: Int, _ other: Int) {
        cut.insert(Link(from: nodes[one].member.id, to: nodes[other].member.id))
        cut.insert(Link(from: nodes[other].member.id, to: nodes[one].member.id))
    }

    mutating func heal() { cut = [] }

    // MARK: The state machine's bytes

    static func encode(_ applied: [AppliedCommand]) -> [UInt8] {
        applied.flatMap { command in
            [
                command.index.number, command.command.session, command.command.sequence,
                UInt64(command.command.bytes.count),
            ]
            .flatMap { number in (0..<8).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) } } + command.command.bytes
        }
    }

    static func decode(_ bytes: [UInt8]) -> [AppliedCommand] {
        var applied: [AppliedCommand] = []
        var offset = 0
        func number() -> UInt64 {
            defer { offset += 8 }
            return (0..<8).reduce(0) { $0 | UInt64(bytes[offset + $1]) << UInt64(8 * $1) }
        }
        while offset < bytes.count {
            let (index, session, sequence, count) = (number(), number(), number(), Int(number()))
            let content = Array(bytes[offset..<offset + count])
            offset += count
            applied.append(
                AppliedCommand(
                    index: LogIndex(index), command: Command(session: session, sequence: sequence, bytes: content)))
        }
        return applied
    }

    mutating func note(_ line: (Cluster) -> String) {
        guard transcript != nil else { return }
        let text = line(self)
        transcript?.add(text, now)
    }
}
