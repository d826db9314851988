// Owns seeded runs with faults of every kind, and what must hold in each (Raft figure 3).
import Raft
import Testing
import Topology

struct RandomTests {
    /// 240 seeds, in chunks that can run in parallel.
    @Test(arguments: 0..<24)
    func keepsEveryPromiseUnderFaults(_ piece: Int) {
        for seed in piece * 10..<piece * 10 + 10 {
            var run = FaultRun(seed: UInt64(seed))
            run.play()
        }
    }
}

/// One run: faults for a while, then none, after which the group must work again.
private struct FaultRun {
    var cluster: Cluster
    var random: RandomBits
    let seed: UInt64
    var proposals: [(place: Int, request: RaftRequestID)] = []
    var reads: [(place: Int, request: RaftRequestID, atLeast: LogIndex)] = []
    var acknowledged = LogIndex.zero

    init(seed: UInt64) {
        self.seed = seed
        var random = RandomBits(seed: seed ^ 0xF00D)
        var limits = RaftLimits()
        limits.logBytesBeforeSnapshot = 1_500
        limits.entriesKeptBehindSnapshot = random.below(10)
        limits.chunkBytes = 200
        limits.messageBytes = 300
        limits.messagesInFlight = 4
        let voters = [3, 5, 4, 5][random.below(4)]
        cluster = Cluster(
            voters: voters, observers: random.below(2), ranks: random.below(2) == 0 ? [] : [0, 1, 2],
            policy: ElectionPolicy.allCases[random.below(3)], seed: seed, limits: limits,
            replicationQuorum: voters == 5 && random.below(3) == 0 ? 2 : nil)
        self.random = random
        cluster.delay = { .microseconds(200 + $0.below(20) * $0.below(1_000)) }
        cluster.writeTime = { .microseconds(100 + $0.below(10) * $0.below(800)) }
    }

    mutating func play() {
        let loss = random.below(3) * 4
        var losses = RandomBits(seed: seed ^ 0x1055)
        cluster.loses = { _ in losses.below(100) < loss }
        for turn in 0..<30 {
            cluster.run(.milliseconds(20 + random.below(400)))
            disturb()
            work(turn)
            checkAnswers()
        }
        settle()
    }

    private mutating func disturb() {
        let place = random.below(cluster.nodes.count)
        let other = random.below(cluster.nodes.count)
        switch random.below(14) {
        case 0, 1: cluster.crash(place)
        case 2: cluster.isolate(place)
        case 3: if place != other { cluster.disconnect(place, other) }
        case 4: cluster.cut.insert(Link(from: Cluster.name(place), to: Cluster.name(other)))
        case 5, 6: cluster.heal()
        case 7: cluster.nodes[place].disk.isHeld = true
        case 8:
            for place in cluster.nodes.indices { free(place) }
        case 9: cluster.ask(place) { .transfer($0, to: nil) }
        case 10: changeMembers(at: place, without: other)
        default:
            for place in cluster.nodes.indices where cluster.nodes[place].core == nil { cluster.start(place) }
        }
    }

    private mutating func free(_ place: Int) {
        guard cluster.nodes[place].disk.isHeld else { return }
        cluster.nodes[place].disk.isHeld = false
        if cluster.nodes[place].core == nil { return }
        cluster.sync(place)
    }

    /// Removes a member, or makes it an observer, or makes all of them voters again.
    private mutating func changeMembers(at place: Int, without other: Int) {
        var members = cluster.nodes.map(\.member)
        switch random.below(3) {
        case 0: members.remove(at: other)
        case 1: members[other].role = .observer
        default: break
        }
        cluster.ask(place) { .changeMembers($0, MembershipChange(members: members)) }
    }

    private mutating func work(_ turn: Int) {
        let places = cluster.nodes.indices.filter { cluster.nodes[$0].core?.role == .leader }
        for place in places {
            for count in 0..<random.below(4) {
                proposals.append((place, cluster.propose("\(turn).\(count)", at: place, session: UInt64(place + 1))))
            }
            let read = cluster.ask(place) { .read($0) }
            reads.append((place, read, acknowledged))
        }
    }

    private mutating func checkAnswers() {
        for (place, request) in proposals {
            if case .applied(let index) = cluster.nodes[place].answers[request] {
                acknowledged = max(acknowledged, index)
            }
        }
        for (place, request, atLeast) in reads {
            if case .readable(let index) = cluster.nodes[place].answers[request] {
                #expect(index >= atLeast, "seed \(seed): a read missed what was acknowledged before")
            }
        }
        proposals.removeAll { cluster.nodes[$0.place].answers[$0.request] != nil }
        reads.removeAll { cluster.nodes[$0.place].answers[$0.request] != nil }
    }

    /// Without faults the group elects, commits, and all members end with the same state.
    private mutating func settle() {
        cluster.loses = { _ in false }
        cluster.heal()
        for place in cluster.nodes.indices {
            free(place)
            if cluster.nodes[place].core == nil { cluster.start(place) }
        }
        cluster.run(.seconds(20))
        guard let leader = cluster.leader, let core = cluster.nodes[leader].core else {
            Issue.record("seed \(seed): nobody leads")
            return
        }
        let last = cluster.propose("last", at: leader, session: 99)
        cluster.run(.seconds(5))
        guard case .applied = cluster.nodes[leader].answers[last] else {
            Issue.record("seed \(seed): nothing is committed")
            return
        }
        for place in cluster.nodes.indices
        where core.configuration.members.contains(where: { $0.id == Cluster.name(place) }) {
            #expect(
                cluster.nodes[place].values == cluster.nodes[leader].values,
                "seed \(seed): \(Cluster.name(place)) differs")
        }
        let names = cluster.nodes[leader].applied.map { [$0.command.session, $0.command.sequence] }
        #expect(Set(names).count == names.count, "seed \(seed): a command was applied twice")
        #expect(acknowledged <= cluster.history.greatestCommit)
    }
}
