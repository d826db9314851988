// Owns a deterministic world of nodes: everything in it follows from a scenario and one seed.
internal import Catalog
internal import Raft
internal import Switching
internal import Topology

/// Nodes, their network and their clients, on one virtual clock.
///
/// A single source of random bits decides everything in the order of events, so that a seed can be replayed.
struct SimulatedCluster: Sendable {
    /// What can be planned. `life`: events for an earlier process of the node do not happen.
    enum Happening: Sendable {
        case wake(Int, life: Int)
        case deliver(Envelope)
        case diskDone(Int, life: Int)
        case snapshotTaken(Int, life: Int, LogIndex, [UInt8])
        case request(Int, RaftEvent)
        case answer(RaftRequestID, RaftOutcome, value: Int64?, from: Int)
        case clientWakes(Int, attempt: UInt64)
        case askAgain(Int, attempt: UInt64)
        case fault
        case restart(Int)
        case heal
        case comeBack(Int, isHub: Bool)
        case clearUp
        case stallEnds(Int)
        case room(Int, life: Int)
        case look
        case proxyWakes(Int, life: Int)
        case control(ControlEnvelope)
        case roundAnswered(Int, life: Int, RoundID, isConfirmed: Bool)
        case workersTake(Int, life: Int, GateOrder)
        case workersCut(Int, life: Int, olderThan: UInt64)
        case groupMoved(Int, life: Int)
        case visit(Int)
        case exchangeEnds(Int, life: Int, number: Int)
        case observe(Int, life: Int)
        case outageEnds(Int)
        case deceptionEnds(Int, Int)
    }

    /// More events than this at one instant, or planned at a time, mean a loop of messages that cause each other.
    private static let mostAtOnce = 100_000
    private static let mostPlanned = 200_000

    let scenario: Scenario
    var random: RandomBits
    var now = Tick.zero
    var queue = EventQueue<Happening>()
    var nodes: [SimulatedNode] = []
    var network: SimulatedNetwork
    var invariants = Invariants()
    var clients: [SimulatedClient] = []
    var history: [Operation] = []
    /// Memberships that operators asked for lately, which may come into force at any time.
    var wanted: [Configuration] = []
    var operatorAttempts: UInt64 = 0
    /// The node whose next fetch triggers an election without it.
    var hub: Int?
    /// The datacenters whose backends are down, by place in `SimulatedProxy.datacenters`.
    var isOut = [Bool](repeating: false, count: SimulatedProxy.datacenters.count)
    /// All faults are over.
    var isCalm = false
    var isSettled = false
    /// What every member must have committed for the group to be settled.
    var goal: LogIndex?
    var counts = SimulationCounts()
    var trace: TraceLog?
    var effects: [RaftEffect] = []
    private var happenedAtOnce = 0

    init(seed: UInt64, scenario: Scenario, trace: TraceLog?) {
        self.scenario = scenario
        self.trace = trace
        random = RandomBits(seed: StableHash.mix(seed))
        network = SimulatedNetwork(count: scenario.nodes)
        for node in 0..<scenario.nodes { nodes.append(makeNode(node)) }
        for client in 0..<scenario.clients { clients.append(SimulatedClient(session: UInt64(client) + 1)) }
    }

    static func name(of node: Int) -> NodeID { NodeID(String(Character(Unicode.Scalar(UInt8(97 + node))))) }

    func number(of id: NodeID) -> Int? {
        guard let byte = id.text.utf8.first, byte >= 97, Int(byte) - 97 < nodes.count else { return nil }
        return Int(byte) - 97
    }

    private mutating func makeNode(_ node: Int) -> SimulatedNode {
        let incarnation = UInt64(node) + 1
        let core = RaftCore(
            id: Self.name(of: node), incarnation: incarnation, random: random, restored: .empty, now: .zero)
        return SimulatedNode(
            id: Self.name(of: node), incarnation: incarnation, clock: drawClock(), core: core,
            diskLatency: scenario.diskLatency,
            proxy: SimulatedProxy(process: 0, lease: scenario.timing.lease, now: .zero, mutations: []),
            known: [UInt64](repeating: 0, count: scenario.nodes),
            heard: [UInt64](repeating: 0, count: scenario.nodes))
    }

    mutating func drawClock() -> NodeClock {
        let drift = Int64(random.below(Int(2 * scenario.drift + 1))) - scenario.drift
        return NodeClock(offset: Int64(random.below(1_000_000)) * 1_000, partsPerMillion: drift)
    }

    func member(_ node: Int, role: Member.Role) -> Member {
        Member(
            id: nodes[node].id, incarnation: nodes[node].incarnation, role: role,
            address: .unix(path: nodes[node].id.text),
            datacenter: SimulatedProxy.datacenters[node % SimulatedProxy.datacenters.count],
            rank: scenario.isRanked ? node : 0)
    }

    // MARK: Running

    /// Runs until something is wrong, or the group has settled after all faults, or the time is over.
    mutating func run() {
        for node in nodes.indices {
            start(node)
            if scenario.hasProxies { plan(.visit(node), after: .milliseconds(1)) }
        }
        for client in clients.indices { queue.add(.clientWakes(client, attempt: 0), at: now) }
        planFault(after: .seconds(1))
        let troubledEnd = Tick.zero + scenario.troubled
        while invariants.failure == nil, !isSettled, let (at, happening) = queue.next() {
            if !isCalm, at >= troubledEnd {
                now = troubledEnd
                calmDown()
            }
            happenedAtOnce = at > now ? 0 : happenedAtOnce + 1
            now = max(now, at)
            counts.events += 1
            happen(happening)
            if happenedAtOnce > Self.mostAtOnce || queue.count > Self.mostPlanned {
                invariants.fail("so much happens that the world comes to no end: \(queue.count) things are planned")
            }
        }
        counts.virtual = now - .zero
        counts.operations = history.count
        counts.switches = invariants.switches
        guard invariants.failure == nil else { return }
        finish()
    }

    private mutating func happen(_ happening: Happening) {
        switch happening {
        case .wake(let node, let life):
            if isReady(node, life, else: happening) { wake(node) }
        case .deliver(let envelope): deliver(envelope)
        case .diskDone(let node, let life): diskDone(node, life)
        case .snapshotTaken(let node, let life, let index, let bytes):
            if isReady(node, life, else: happening) { step(node, .snapshotTaken(index, bytes)) }
        case .request(let node, let event):
            if isReady(node, nodes[node].life, else: happening) { request(node, event) }
        case .answer(let request, let outcome, let value, let node): answered(request, outcome, value, node)
        case .clientWakes(let client, let attempt): clientWakes(client, attempt)
        case .askAgain(let client, let attempt): askAgain(client, attempt)
        case .fault: fault()
        case .restart(let node): if !nodes[node].isRunning { start(node) }
        case .heal:
            network.heal()
            note("the network is whole")
        case .comeBack(let node, let isHub): comeBack(node, isHub: isHub)
        case .clearUp: network.weather = SimulatedNetwork.Weather()
        case .stallEnds(let node): nodes[node].diskLatency = scenario.diskLatency
        case .room(let node, let life): if isReady(node, life, else: happening) { step(node, .diskFull(false)) }
        case .look: look()
        default: happenToProxy(happening)
        }
    }

    private mutating func happenToProxy(_ happening: Happening) {
        switch happening {
        case .proxyWakes(let node, let life): if isReady(node, life, else: happening) { proxyWakes(node) }
        case .control(let envelope):
            let life = nodes[envelope.receiver].life
            if isReady(envelope.receiver, life, else: happening) { take(envelope) }
        case .roundAnswered(let node, let life, let round, let isConfirmed):
            if isReady(node, life, else: happening) {
                step(coordinator: node, isConfirmed ? .confirmed(round) : .failed(round))
            }
        case .workersTake(let node, let life, let order):
            if isReady(node, life, else: happening) { workersTake(node, order) }
        case .workersCut(let node, let life, let generation):
            if isReady(node, life, else: happening) { workersCut(node, olderThan: generation) }
        case .groupMoved(let node, let life):
            if isReady(node, life, else: happening) { groupMoved(node) }
        case .visit(let node): visit(node)
        case .exchangeEnds(let node, let life, let number):
            if isReady(node, life, else: happening) { exchangeEnds(node, number) }
        case .observe(let node, let life): if isReady(node, life, else: happening) { observe(node) }
        case .outageEnds(let place): if !isCalm { isOut[place] = false }
        case .deceptionEnds(let node, let place): nodes[node].falseViews[place] = nil
        default: break
        }
    }

    /// Whether the process that this is meant for is still running.
    private func isThere(_ node: Int, _ life: Int) -> Bool { nodes[node].isRunning && nodes[node].life == life }

    /// The same; while the process is paused, events for it wait.
    private mutating func isReady(_ node: Int, _ life: Int, else happening: Happening) -> Bool {
        guard isThere(node, life) else { return false }
        if nodes[node].pausedUntil <= now { return true }
        queue.add(happening, at: nodes[node].pausedUntil)
        return false
    }

    private mutating func wake(_ node: Int) {
        guard nodes[node].wakeAt <= now else { return }
        nodes[node].wakeAt = .distantFuture
        if nodes[node].core.nextDeadline <= nodes[node].clock.local(at: now) {
            step(node, .tick)
        } else {
            planWake(node)
        }
    }

    mutating func planWake(_ node: Int) {
        let at = max(now, nodes[node].clock.instant(showing: nodes[node].core.nextDeadline))
        guard at < nodes[node].wakeAt else { return }
        nodes[node].wakeAt = at
        queue.add(.wake(node, life: nodes[node].life), at: at)
    }

    /// Delivers a message, unless it is meant for another incarnation, or is a reply from an incarnation that the
    /// configuration does not name. Requests from such a one are answered, since it may be a member that the node has
    /// not heard of.
    private mutating func deliver(_ envelope: Envelope) {
        let receiver = envelope.receiver
        guard isReady(receiver, nodes[receiver].life, else: .deliver(envelope)) else { return }
        if let meant = envelope.receiverIncarnation, meant != nodes[receiver].incarnation { return }
        let known = nodes[receiver].known[envelope.sender]
        guard known == 0 || known == envelope.senderIncarnation || !envelope.message.body.isReply else { return }
        counts.messages += 1
        nodes[receiver].heard[envelope.sender] = envelope.senderIncarnation
        step(receiver, .received(envelope.message))
    }

    private mutating func diskDone(_ node: Int, _ life: Int) {
        guard isThere(node, life) else { return }
        if nodes[node].disk.failsNextSync, nodes[node].disk.isDue(now) {
            note("\(nodes[node].id)'s disk fails to sync")
            return crashForAWhile(node)
        }
        if let token = nodes[node].disk.complete(now: now) {
            release(node, upTo: token)
        }
        guard isReady(node, life, else: .diskDone(node, life: life)) else { return }
        guard nodes[node].disk.durable > nodes[node].toldDurable else { return }
        nodes[node].toldDurable = nodes[node].disk.durable
        step(node, .persisted(nodes[node].disk.durable))
    }

    /// Writes to the trace, if there is one.
    mutating func note(_ text: String) {
        trace?.add(now, text)
    }
}
