// Owns failover in a simulated world: probes that may be wrong, reports to the leader, its real planner, and the check
// of its decisions.
internal import Catalog
internal import Failover
internal import Raft
internal import Topology

extension SimulatedCluster {
    /// A little less than the confirmation time, because clocks may differ by 1 %.
    private static var leastConfirmation: Duration { SimulatedProxy.registration.failover.confirm * 97 / 100 }

    // MARK: Observing

    /// Ten times a second each process looks at its probes, reports changes to the leader, and plans if it leads.
    mutating func observe(_ node: Int) {
        plan(.observe(node, life: nodes[node].life), after: SimulatedObserver.period)
        let local = nodes[node].clock.local(at: now)
        let settings = SimulatedProxy.registration.failover
        var hasNews = false
        for place in SimulatedProxy.datacenters.indices {
            let isUp = nodes[node].falseViews[place] ?? !isOut[place]
            let share = HealthShare(healthy: isUp ? 1 : 0, total: 1)
            if nodes[node].observer.watches[place].observe(share, settings: settings, now: local) { hasNews = true }
            nodes[node].sightings[place].note(isDown: nodes[node].observer.watches[place].isDown, now: now)
        }
        let last = nodes[node].observer.reportedAt
        if hasNews || last.map({ local - $0 >= SimulatedObserver.reportPeriod }) ?? true {
            nodes[node].observer.reportedAt = local
            report(node, local)
        }
        decide(node, local)
    }

    private mutating func report(_ node: Int, _ local: Tick) {
        let report = SimulatedReport(node: nodes[node].id, views: nodes[node].observer.views(now: local))
        if nodes[node].proxy.isCoordinating {
            record(report, node)
        } else {
            tellLeader(node, .report(report))
        }
    }

    /// A report arrives, perhaps at a node that only led when it was sent.
    mutating func take(_ report: SimulatedReport, _ node: Int) {
        if nodes[node].proxy.isCoordinating { record(report, node) }
    }

    private mutating func record(_ report: SimulatedReport, _ leader: Int) {
        guard let member = nodes[leader].core.configuration.members.first(where: { $0.id == report.node }) else {
            return
        }
        nodes[leader].observer.observations.removeAll { $0.node == report.node }
        nodes[leader].observer.observations.append(
            Observation(
                node: report.node, datacenter: member.datacenter, service: SimulatedProxy.service, views: report.views,
                receivedAt: nodes[leader].clock.local(at: now)))
    }

    // MARK: Deciding

    private mutating func decide(_ node: Int, _ local: Tick) {
        guard nodes[node].proxy.isCoordinating else {
            nodes[node].observer.observations = []
            return
        }
        let catalog = nodes[node].catalog
        guard let state = catalog.primaryRecord(of: SimulatedProxy.service)?.state else {
            // The proposal made at the election may have been lost.
            return propose(node, .registerService(SimulatedProxy.registration, replacing: .absent))
        }
        let members = nodes[node].core.configuration.members
        let situation = FailoverPlanner.Situation(
            catalog: catalog,
            nodes: members.map { VotingNode(id: $0.id, datacenter: $0.datacenter, isVoter: $0.role == .voter) },
            observations: nodes[node].observer.observations, now: local, wallClock: wallClock)
        let planner = FailoverPlanner(PromotionPolicy(), mutations: scenario.mutation?.ofFailover ?? [])
        guard case .promote(let promotion) = planner.decide(SimulatedProxy.service, situation) else { return }
        counts.promotions += 1
        note("\(nodes[node].id) promotes \(promotion.datacenter): \(promotion.reason.rawValue)")
        if promotion.reason != .failback { judge(state.target, members) }
        // Repeated until it is applied; the epoch keeps it from taking effect twice.
        propose(node, promotion.change(of: SimulatedProxy.service, term: nodes[node].core.term.number))
    }

    /// Nothing may move automatically unless enough datacenters have truly seen it down for the confirmation time: a
    /// majority of the voting ones must be heard, and a majority of those must say so.
    private mutating func judge(_ datacenter: DatacenterName, _ members: [Member]) {
        guard let place = SimulatedProxy.datacenters.firstIndex(of: datacenter) else { return }
        let limit = earlier(now, by: Self.leastConfirmation)
        let voting = Set(members.filter { $0.role == .voter }.map(\.datacenter))
        let seeing = voting.filter { voter in
            members.contains { member in
                guard member.datacenter == voter, let node = number(of: member.id) else { return false }
                return nodes[node].sightings[place].began(before: limit)
            }
        }
        let least = (voting.count / 2 + 1) / 2 + 1
        if seeing.count < least {
            invariants.fail(
                "\(datacenter) is left by itself, though only \(seeing.count) of \(voting.count) voting datacenters have seen "
                    + "it down for long enough")
        }
    }

    private func earlier(_ tick: Tick, by duration: Duration) -> Tick {
        Tick(nanoseconds: tick.nanoseconds - duration.wholeNanoseconds)
    }

    // MARK: Faults

    /// All backends of a datacenter go down for a while.
    mutating func breakDatacenter() {
        let place = random.below(isOut.count)
        isOut[place] = true
        note("\(SimulatedProxy.datacenters[place]) is down")
        plan(.outageEnds(place), after: random.duration(.milliseconds(100), .seconds(8)))
    }

    /// For a while a node's probes report the opposite of the truth.
    mutating func deceive(_ node: Int) {
        let place = random.below(isOut.count)
        let isUp = random.below(4) == 0
        nodes[node].falseViews[place] = isUp
        note("\(nodes[node].id) sees \(SimulatedProxy.datacenters[place]) \(isUp ? "up" : "down")")
        plan(.deceptionEnds(node, place), after: random.duration(.milliseconds(100), .seconds(8)))
    }

    /// The last outage of a run: the primary has to move away from its datacenter.
    mutating func breakPrimary() {
        for place in isOut.indices { isOut[place] = false }
        for node in nodes.indices { nodes[node].falseViews = nodes[node].falseViews.map { _ in nil } }
        guard scenario.hasProxies,
            let newest = nodes.max(by: { $0.catalog.appliedIndex < $1.catalog.appliedIndex })?.catalog,
            let state = newest.primaryRecord(of: SimulatedProxy.service)?.state,
            let place = SimulatedProxy.datacenters.firstIndex(of: state.target)
        else { return }
        isOut[place] = true
        note("\(state.target) is down for good")
    }

    /// Whether the leader has a stable primary in a working datacenter; true if there are no proxies.
    func hasWorkingPrimary(_ leader: Int) -> Bool {
        guard scenario.hasProxies else { return true }
        guard let state = nodes[leader].catalog.primaryRecord(of: SimulatedProxy.service)?.state, !state.isSwitching,
            let place = SimulatedProxy.datacenters.firstIndex(of: state.target)
        else { return false }
        return !isOut[place]
    }

    var wallClock: UnixTime { UnixTime(milliseconds: now.nanoseconds / 1_000_000) }
}
