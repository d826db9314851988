// Owns the parameters of a simulated run: the size of the group, what goes wrong and how often.
public import Raft
internal import Topology

/// A kind of thing that goes wrong, or that an operator does, in a simulated run.
public enum Fault: String, Hashable, Sendable, CaseIterable {
    /// A process dies; what was not durable is lost, or torn.
    case crash
    /// All processes die at once.
    case blackout
    /// A process is paused, like a stopped virtual machine.
    case pause
    case partition
    /// Delay, loss, duplication and reordering on all links.
    case weather
    /// A node's writes take long.
    case stall
    /// A node's disk is full for a while.
    case full
    /// A bit of a node's log flips, which is found at the next start.
    case flip
    /// A node's next write cannot be made durable, and its process ends.
    case failedSync
    /// A node reads its log wrongly at one start, although the disk's content is sound.
    case misread
    /// A node comes back with a new disk, and so as another member.
    case wipe
    case members
    case transfer
    /// Leadership is handed over and the old leader does not learn of it, so for a while two nodes believe that they
    /// lead.
    case handover
    /// A node falls behind and comes back as the leader dies. It and one of the others do not hear each other, so both
    /// campaign.
    case rivals
    /// A node falls behind and comes back as the leader dies. Only it is connected to all others, so it leads by
    /// collecting or nobody does. As soon as it fetches, the others hear each other again, and only the holder hears
    /// it, so the others elect another leader meanwhile.
    case overtaking
    /// Operators move the primary.
    case primary
    /// All backends of a datacenter are down.
    case outage
    /// A node's probes report a datacenter as down that is up, or as up that is down.
    case falseView
}

/// A run's parameters, except the seed of what happens in it.
public struct Scenario: Hashable, Sendable {
    /// All nodes that there are; at most 15.
    public var nodes = 5
    /// How many of them found the group.
    public var voters = 3
    public var policy = ElectionPolicy.auto
    public var timing = GroupTiming(
        heartbeat: .milliseconds(50), electionTimeout: .milliseconds(300), lease: .milliseconds(1_200))
    /// How long faults occur.
    public var troubled = Duration.seconds(20)
    /// How long the group may take from the end of all faults until it has a leader, commits, and has caught up
    /// everywhere.
    public var settlingDeadline = Duration.seconds(30)
    public var faults: [Fault] = Fault.allCases
    /// The mean time between two faults.
    public var faultInterval = Duration.milliseconds(700)
    /// How many of a million effects end with a crash of their process.
    public var crashesInMillionEffects = 0
    /// The longest time that a process is down.
    public var downAtMost = Duration.seconds(4)
    public var diskLatency = Duration.milliseconds(2)
    /// The most that a clock gains or loses, in parts per million.
    public var drift: Int64 = 5_000
    public var clients = 4
    /// How long a client thinks between two operations, at most.
    public var thinking = Duration.milliseconds(100)
    /// How many registers the clients use, 1-8.
    public var keys = 3
    /// Whether the nodes have ranks 0, 1, 2 …, so that the first has top priority; otherwise all have rank 0.
    public var isRanked = false
    /// Whether there are also proxies with leases that serve users as the group decides.
    public var hasProxies = true
    public var limits = RaftLimits()
    /// The seeded bug, if there is one.
    public var mutation: Mutation?

    public init() {}

    /// Parameters drawn from the seed. Each run has only some kinds of faults, so that each kind also occurs alone
    /// (Groce et al., "Swarm testing", 2012).
    public static func drawn(seed: UInt64) -> Scenario {
        var random = RandomBits(seed: StableHash.mix(seed ^ 0x5CE1))
        var scenario = Scenario()
        scenario.voters = [3, 3, 5, 5, 1, 2, 4][random.below(7)]
        scenario.nodes = scenario.voters + random.below(3)
        scenario.policy = ElectionPolicy.allCases[random.below(ElectionPolicy.allCases.count)]
        scenario.troubled = .seconds(5 + random.below(20))
        scenario.faults = Fault.allCases.filter { _ in random.below(2) == 0 }
        scenario.faultInterval = .milliseconds([150, 400, 1_000, 2_500][random.below(4)])
        scenario.crashesInMillionEffects = [0, 0, 200, 2_000][random.below(4)]
        scenario.diskLatency = .microseconds([200, 2_000, 20_000][random.below(3)])
        scenario.clients = 1 + random.below(6)
        scenario.thinking = .milliseconds([10, 50, 200][random.below(3)])
        scenario.keys = 1 + random.below(RegisterMachine.keys)
        scenario.isRanked = random.below(3) == 0
        scenario.hasProxies = random.below(3) != 0
        // Small limits, so that snapshots, their pieces and full pipelines occur within seconds.
        scenario.limits.messageBytes = [60, 400, 256 << 10][random.below(3)]
        scenario.limits.messagesInFlight = [1, 4, 32][random.below(3)]
        // A follower must be able to keep up with a leader that can commit alone: one entry a round trip would be too
        // little.
        if scenario.limits.messageBytes == 60 {
            scenario.limits.messagesInFlight = max(4, scenario.limits.messagesInFlight)
        }
        scenario.limits.logBytesBeforeSnapshot = [1_000, 8_000, 1 << 20][random.below(3)]
        scenario.limits.entriesKeptBehindSnapshot = [0, 3, 50][random.below(3)]
        scenario.limits.chunkBytes = [100, 1_000, 128 << 10][random.below(3)]
        scenario.limits.chunksInFlight = 1 + random.below(4)
        scenario.limits.priorityLagBytes = [0, 500, 256 << 10][random.below(3)]
        return scenario
    }
}
