// Owns the model of a group that switches: a log that is simply agreed, and everything around it that may go wrong.
import Catalog
import Switching
import Topology

/// N nodes under a log, from one seed: delays, losses, isolation, changes of leader that the old one notices late,
/// lagging logs, restarts, a removed member, clocks that differ by up to 1 % each way.
struct ModelWorld {
    static let lease = Duration.seconds(1)
    static let end = at(30_000)
    static let conduct: ServiceGate.Conduct = {
        var conduct = ServiceGate.Conduct()
        conduct.cutLead = .milliseconds(20)
        return conduct
    }()

    private struct Due {
        var time: Tick
        var event: ModelEvent
    }

    let mutations: SwitchingMutations
    var random: RandomBits
    var now = Tick.zero
    var nodes: [ModelNode] = []
    /// The service's state after each entry.
    private var log: [ServiceSwitch]
    private var leader = 0
    private var term = 1
    private var due: [Due] = []
    private var lastExchange = 0
    /// The first time at which two datacenters could be written to; what the tests look for.
    private(set) var overlap: String?
    private(set) var completed = 0
    private(set) var served = 0

    init(seed: UInt64, mutations: SwitchingMutations = []) {
        random = RandomBits(seed: seed)
        self.mutations = mutations
        var settings = FailoverSettings()
        settings.drain = .milliseconds(300)
        log = [
            ServiceSwitch(
                service: shop, state: .stable(east, epoch(1)), consistency: .strict, index: 1, failover: settings)
        ]
        for number in 0..<4 {
            let drift = Int64(random.below(20_001)) - 10_000
            nodes.append(ModelNode(number, drift: drift, process: random.next(), mutations: mutations))
        }
        for number in nodes.indices {
            plan(.reachesLog(number), after: 1)
            plan(.leaseIsDue(number, process: nodes[number].process), after: 2)
            plan(.clientAt(number), after: 3)
        }
        step(coordinator: 0, .elected(lease: leaseSettings, members: members, services: log))
        for event in [ModelEvent.somebodyMoves, .election, .isolation, .restart] { plan(event, after: 2_000) }
        plan(.removal, after: Int64(3_000 + random.below(20_000)))
    }

    private var leaseSettings: LeaseSettings { LeaseSettings(lease: Self.lease) }
    private var members: [LeaseHolder] { nodes.filter(\.isMember).map(\.holder) }

    /// Runs until the end or the first overlap.
    mutating func run() {
        while overlap == nil, let next = due.popLast(), next.time < Self.end {
            now = max(now, next.time)
            happen(next.event)
            let places = Set(nodes.flatMap { $0.writes(now) })
            if places.count > 1 {
                let who = nodes.indices.map { "n\($0): \(nodes[$0].writes(now))" }
                overlap = "at \(now.nanoseconds / 1_000_000) ms after \(next.event): \(who)"
            }
        }
    }

    // MARK: Time and the network

    private mutating func plan(_ event: ModelEvent, after milliseconds: Int64) {
        plan(event, at: now + .milliseconds(milliseconds))
    }

    private mutating func plan(_ event: ModelEvent, at time: Tick) {
        var low = 0
        var high = due.count
        while low < high {
            let middle = (low + high) / 2
            if due[middle].time > time { low = middle + 1 } else { high = middle }
        }
        due.insert(Due(time: time, event: event), at: low)
    }

    private mutating func between(_ low: Int, _ high: Int) -> Int64 { Int64(low + random.below(high - low)) }

    /// A message: mostly quick, sometimes late by more than a lease, sometimes lost.
    private mutating func send(_ event: ModelEvent, from sender: Int, to receiver: Int) {
        let isCutOff = nodes[sender].isolatedUntil > now || nodes[receiver].isolatedUntil > now
        if sender != receiver, isCutOff || random.below(20) == 0 { return }
        plan(event, after: random.below(8) == 0 ? between(100, 1_500) : between(1, 30))
    }

    // MARK: Events

    private mutating func happen(_ event: ModelEvent) {
        switch event {
        case .clientAt(let number): request(number)
        case .exchangeEnds(let node, let exchange, let process):
            guard nodes[node].process == process else { return }
            nodes[node].exchanges.removeAll { $0.number == exchange }
            confirm(node)
        case .leaseIsDue(let node, let process): askForLease(node, process)
        case .leaseRequest(let request, let sender, let receiver):
            step(coordinator: receiver, .requested(request, by: nodes[sender].holder))
        case .roundAtQuorum(let id, let node):
            // A quorum follows only the latest leader.
            plan(.roundAnswered(id, leader: node, isConfirmed: node == leader), after: between(1, 300))
        case .roundAnswered(let id, let node, let isConfirmed):
            step(coordinator: node, isConfirmed ? .confirmed(id) : .failed(id))
        case .grant(let grant, let node):
            let clock = nodes[node].clock(now)
            guard nodes[node].lease.receive(grant, now: clock) else { return }
            step(gate: node, .leased(until: nodes[node].lease.end(of: shop)))
        case .acknowledgement(let acknowledgement, let sender, let receiver):
            step(coordinator: receiver, .acknowledged(acknowledgement, by: nodes[sender].holder))
        case .proposal(let epoch, let node): commitEnd(epoch, by: node)
        case .reachesLog(let node): apply(node)
        case .gateTick(let node, let process):
            if nodes[node].process == process { step(gate: node, .tick) }
        case .coordinatorTick(let node): step(coordinator: node, .tick)
        case .workersTake(let node, let order, let process):
            guard nodes[node].process == process else { return }
            nodes[node].order = order
            confirm(node)
        case .workersCut(let node, let generation, let process):
            guard nodes[node].process == process else { return }
            nodes[node].exchanges.removeAll { $0.generation < generation }
            confirm(node)
        case .somebodyMoves: begin()
        case .election: elect()
        case .deposed(let node, let term):
            if term == self.term || node != leader { step(coordinator: node, .deposed) }
        case .believes(let node, let leader): nodes[node].believedLeader = leader
        case .isolation:
            let node = random.below(nodes.count)
            nodes[node].isolatedUntil = now + .milliseconds(between(200, 4_000))
            nodes[node].caughtUpFrom = nodes[node].isolatedUntil + .milliseconds(between(1, 3_000))
            plan(.isolation, after: between(1_000, 8_000))
        case .removal:
            let candidates = nodes.indices.filter { $0 != leader && nodes[$0].isolatedUntil <= now }
            guard let node = candidates.randomElement(using: &random) else { return }
            nodes[node].isMember = false
            step(coordinator: leader, .changedMembers(members))
            // A node is often removed for the same reason that the primary is moved away.
            plan(.somebodyMoves, after: between(1, 100))
        case .restart:
            let node = random.below(nodes.count)
            nodes[node].restart(process: random.next(), at: now, mutations: mutations)
            nodes[node].applied = 0
            plan(.leaseIsDue(node, process: nodes[node].process), after: 1)
            plan(.reachesLog(node), after: between(1, 200))
            plan(.restart, after: between(2_000, 10_000))
        }
    }

    private mutating func request(_ node: Int) {
        plan(.clientAt(node), after: between(5, 60))
        let clock = nodes[node].clock(now)
        guard case .serve(let datacenter, _, let generation) = nodes[node].order.decision(now: clock) else { return }
        served += 1
        lastExchange += 1
        nodes[node].exchanges.append(
            ModelExchange(number: lastExchange, generation: generation, datacenter: datacenter))
        let duration = random.below(10) == 0 ? between(500, 8_000) : between(1, 40)
        plan(.exchangeEnds(node, number: lastExchange, process: nodes[node].process), after: duration)
    }

    private mutating func confirm(_ node: Int) {
        let generation = nodes[node].order.generation
        guard nodes[node].exchanges.allSatisfy({ $0.generation >= generation }) else { return }
        step(gate: node, .confirmed(generation: generation))
    }

    private mutating func askForLease(_ node: Int, _ process: UInt64) {
        guard nodes[node].process == process else { return }
        let clock = nodes[node].clock(now)
        let done = nodes[node].gate.acknowledgement.map { [$0] } ?? []
        let request = nodes[node].lease.request(
            appliedIndex: UInt64(nodes[node].applied), acknowledgements: done, now: clock)
        plan(.leaseIsDue(node, process: process), at: nodes[node].time(nodes[node].lease.nextRequest))
        send(
            .leaseRequest(request, from: node, to: nodes[node].believedLeader), from: node,
            to: nodes[node].believedLeader)
    }

    // MARK: The log

    private mutating func begin() {
        plan(.somebodyMoves, after: between(800, 4_000))
        guard let last = log.last, let next = last.state.epoch.next,
            let target = [east, west, south].randomElement(using: &random), target != last.state.target
        else { return }
        commit(.switching(from: last.state.origin, to: target, next))
    }

    private mutating func commitEnd(_ epoch: Epoch, by node: Int) {
        guard node == leader, let last = log.last, last.state.isSwitching, last.state.epoch == epoch else { return }
        completed += 1
        commit(.stable(last.state.target, epoch))
    }

    private mutating func commit(_ state: PrimaryState) {
        guard var entry = log.last else { return }
        entry.state = state
        entry.index += 1
        log.append(entry)
        for node in nodes.indices {
            let delay = node == leader ? between(1, 20) : random.below(10) == 0 ? between(500, 4_000) : between(1, 60)
            plan(.reachesLog(node), after: delay)
        }
    }

    /// The node applies what is committed, unless the log does not reach it yet.
    private mutating func apply(_ node: Int) {
        guard nodes[node].isMember else { return }
        if node != leader, nodes[node].caughtUpFrom > now {
            return plan(.reachesLog(node), at: nodes[node].caughtUpFrom)
        }
        guard nodes[node].applied < log.count, let last = log.last else { return }
        nodes[node].applied = log.count
        step(gate: node, .applied(last))
        step(coordinator: node, .applied([last]))
    }

    private mutating func elect() {
        plan(.election, after: between(1_000, 8_000))
        let candidates = nodes.indices.filter { nodes[$0].isMember && nodes[$0].isolatedUntil <= now && $0 != leader }
        guard let next = candidates.randomElement(using: &random), let last = log.last else { return }
        let old = leader
        leader = next
        term += 1
        plan(.deposed(old, term: term), after: between(1, 4_000))
        nodes[next].caughtUpFrom = now
        apply(next)
        step(coordinator: next, .elected(lease: leaseSettings, members: members, services: [last]))
        for node in nodes.indices { plan(.believes(node, leader: next), after: between(1, 3_000)) }
    }

    // MARK: Effects

    private mutating func step(gate node: Int, _ event: ServiceGate.Event) {
        var effects: [ServiceGate.Effect] = []
        nodes[node].gate.step(event, now: nodes[node].clock(now), into: &effects)
        let process = nodes[node].process
        for effect in effects {
            switch effect {
            case .publish(let order): plan(.workersTake(node, order, process: process), after: 1)
            case .cut(let generation):
                plan(.workersCut(node, olderThan: generation, process: process), after: between(2, 8))
            case .acknowledge(let acknowledgement):
                let receiver = nodes[node].believedLeader
                send(.acknowledgement(acknowledgement, from: node, to: receiver), from: node, to: receiver)
            }
        }
        if !effects.isEmpty || event == .tick, let next = nodes[node].gate.nextDeadline {
            let lateness = Duration.milliseconds(between(0, 5))
            plan(.gateTick(node, process: process), at: nodes[node].time(next) + lateness)
        }
    }

    private mutating func step(coordinator node: Int, _ event: SwitchCoordinator.Event) {
        var effects: [SwitchCoordinator.Effect] = []
        nodes[node].coordinator.step(event, now: nodes[node].clock(now), into: &effects)
        for effect in effects {
            switch effect {
            case .beginRound(let id): plan(.roundAtQuorum(id, leader: node), after: between(1, 200))
            case .grant(let grant, let holder):
                guard let receiver = nodes.firstIndex(where: { $0.holder == holder }) else { continue }
                send(.grant(grant, to: receiver), from: node, to: receiver)
            case .complete(_, let epoch): plan(.proposal(epoch, by: node), after: between(1, 50))
            }
        }
        if let next = nodes[node].coordinator.nextDeadline {
            plan(.coordinatorTick(node), at: max(nodes[node].time(next), now + .milliseconds(1)))
        }
    }
}
