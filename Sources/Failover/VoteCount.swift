// Owns how observations become votes: a majority of a datacenter's nodes, then a majority of datacenters.
internal import Topology

/// How one voting datacenter votes on a service's datacenter.
public enum DatacenterVote: String, CaseIterable, Hashable, Sendable {
    /// The majority of its nodes that are heard see it down.
    case down
    case up
    /// None of its nodes is heard, or all of those doubt themselves.
    case abstains
}

/// The observations of one service that count at one moment, by voting datacenter.
///
/// One rule aggregates everything: of values sorted from the greatest, the one in the middle (the lower one of two) is
/// the greatest that *more than half* reach. So ties never count as a majority.
struct VoteCount {
    /// A voting datacenter and the observations of its nodes that are heard.
    private var heard: [(datacenter: DatacenterName, nodes: [Observation])] = []
    private let votersHeard: [Observation]
    private var heardNodes: [(datacenter: DatacenterName, observation: Observation)] = []
    private let now: Tick
    /// The datacenters that have a voter, by name.
    let voting: [DatacenterName]
    /// True only in a planner with a seeded bug.
    private let silenceVotesDown: Bool

    init(
        _ observations: [Observation], of service: ServiceName, nodes: [VotingNode], silence: Duration, now: Tick,
        silenceVotesDown: Bool = false
    ) {
        self.now = now
        self.silenceVotesDown = silenceVotesDown
        voting = Set(nodes.filter(\.isVoter).map(\.datacenter)).sorted()
        let counting = observations.filter { observation in
            observation.service == service && now - observation.receivedAt < silence && !observation.doubtsItself
        }
        // Where a node says it is does not count: the group knows.
        var newest: [NodeID: Observation] = [:]
        for observation in counting {
            if let other = newest[observation.node], other.receivedAt > observation.receivedAt { continue }
            newest[observation.node] = observation
        }
        for datacenter in voting {
            let present = nodes.filter { $0.datacenter == datacenter }.compactMap { newest[$0.id] }
            if !present.isEmpty { heard.append((datacenter, present)) }
        }
        for node in nodes {
            if let observation = newest[node.id] { heardNodes.append((node.datacenter, observation)) }
        }
        votersHeard = nodes.filter(\.isVoter).compactMap { newest[$0.id] }
    }

    /// Datacenters whose silence counts as a vote: none, unless by a seeded bug.
    private var silentVotes: Int { silenceVotesDown ? voting.count - heard.count : 0 }

    var heardCount: Int { heard.count + silentVotes }

    /// Whether a majority of the voting datacenters is heard.
    var isHeard: Bool { heardCount * 2 > voting.count }

    /// For how long a majority of the datacenters heard has been voting `datacenter` down; nil: it is not.
    func downFor(_ datacenter: DatacenterName) -> Duration? {
        Self.majority(
            heard.map { downFor(datacenter, $0.nodes) } + Array(repeating: .seconds(3_600), count: silentVotes))
    }

    /// For how long a majority of the datacenters heard has seen it fit to be primary; nil: it is not.
    func fitFor(_ datacenter: DatacenterName) -> Duration? {
        Self.majority(heard.map { voter in Self.majority(voter.nodes.map { elapsed($0, datacenter) { $0.fitFor } }) })
    }

    func downCount(_ datacenter: DatacenterName) -> Int {
        heard.count { downFor(datacenter, $0.nodes) != nil } + silentVotes
    }

    /// How each voting datacenter votes, by name.
    func votes(on datacenter: DatacenterName) -> [(datacenter: DatacenterName, vote: DatacenterVote)] {
        voting.map { name in
            guard let nodes = heard.first(where: { $0.datacenter == name })?.nodes else { return (name, .abstains) }
            return (name, downFor(datacenter, nodes) == nil ? .up : .down)
        }
    }

    /// Whether a majority sees the datacenter with at least this healthy share.
    func isHealthy(_ datacenter: DatacenterName, percent: Int) -> Bool {
        let fit = heard.count { voter in
            let count = voter.nodes.count { $0.view(of: datacenter)?.share.isAtLeast(percent: percent) == true }
            return count * 2 > voter.nodes.count
        }
        return fit * 2 > heard.count
    }

    /// The greatest healthy share in percent that a majority sees; nil: no majority sees the datacenter at all.
    func percent(_ datacenter: DatacenterName) -> Int? {
        Self.majority(heard.map { voter in Self.majority(voter.nodes.map { $0.view(of: datacenter)?.share.percent }) })
    }

    /// Whether the datacenter is at 0 % for every voter heard.
    func isZeroForAll(_ datacenter: DatacenterName) -> Bool {
        !votersHeard.isEmpty && votersHeard.allSatisfy { $0.view(of: datacenter)?.share.isZero == true }
    }

    /// When the first node that counts began to see the datacenter down, by the leader's clock; nil: none does.
    func firstDown(_ datacenter: DatacenterName) -> Tick? {
        heard.flatMap(\.nodes).compactMap { observation in
            observation.view(of: datacenter)?.downFor.map { earlier(observation.receivedAt, by: $0) }
        }.min()
    }

    /// The last lag sample of a datacenter's own nodes from before an instant, both by the leader's clock.
    func lastLag(of datacenter: DatacenterName, before limit: Tick) -> (lag: Duration, at: Tick)? {
        var last: (lag: Duration, at: Tick)?
        for (place, observation) in heardNodes where place == datacenter {
            for sample in observation.lag {
                let at = earlier(observation.receivedAt, by: sample.age)
                if at < limit, at > last?.at ?? Tick(nanoseconds: .min) { last = (sample.lag, at) }
            }
        }
        return last
    }

    private func downFor(_ datacenter: DatacenterName, _ nodes: [Observation]) -> Duration? {
        Self.majority(nodes.map { elapsed($0, datacenter) { $0.downFor } })
    }

    /// A duration from an observation, as of now: it has grown since, because changes are reported at once.
    private func elapsed(
        _ observation: Observation, _ datacenter: DatacenterName, _ read: (DatacenterView) -> Duration?
    ) -> Duration? {
        observation.view(of: datacenter).flatMap(read).map { $0 + (now - observation.receivedAt) }
    }

    /// The greatest value that more than half of the values reach; nil is less than any.
    static func majority<Value: Comparable>(_ values: [Value?]) -> Value? {
        let known = values.compactMap(\.self).sorted(by: >)
        let place = values.count / 2
        return place < known.count ? known[place] : nil
    }
}

/// The instant `duration` before `tick`.
func earlier(_ tick: Tick, by duration: Duration) -> Tick {
    let (difference, overflow) = tick.nanoseconds.subtractingReportingOverflow(duration.wholeNanoseconds)
    return Tick(nanoseconds: overflow ? .min : difference)
}
