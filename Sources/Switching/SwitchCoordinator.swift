// Owns the leader's part of a switch: who gets a lease, and when a switch is complete.
public import Catalog
public import Topology

/// Identifies a quorum round; never sent to other nodes.
public struct RoundID: Hashable, Sendable {
    public var number: UInt64
    public init(_ number: UInt64) { self.number = number }
}

/// Grants leases and completes switches while its node leads (see the article Life of a failover).
///
///     following -> leading      elected; every lease that an earlier leader may have granted counts as live
///     leading   -> following    deposed; everything pending is dropped, and nodes ask again
///
/// Acknowledgements and leases are volatile. The leader's own node asks here for its lease like any other.
public struct SwitchCoordinator: Sendable {
    public enum Event: Hashable, Sendable {
        /// This node leads, and has applied all that earlier leaders committed. Members are those of the configuration,
        /// of both halves while it is joint, observers too.
        case elected(lease: LeaseSettings, members: [LeaseHolder], services: [ServiceSwitch])
        case deposed
        /// The services as of the last entry applied, by name (`Catalog.switches`).
        case applied([ServiceSwitch])
        case changedLease(LeaseSettings)
        case changedMembers([LeaseHolder])
        case requested(LeaseRequest, by: LeaseHolder)
        /// A quorum followed this leader after the round was asked for.
        case confirmed(RoundID)
        case failed(RoundID)
        case acknowledged(EpochAcknowledgement, by: LeaseHolder)
        /// `nextDeadline` was reached.
        case tick
    }

    public enum Effect: Hashable, Sendable {
        /// Begin a quorum round *after* this (a read of `RaftCore`); answer `confirmed` or `failed`.
        case beginRound(RoundID)
        case grant(LeaseGrant, to: LeaseHolder)
        /// Propose the end of the switch.
        case complete(ServiceName, Epoch)
    }

    /// What a switch waits for, for `explain`.
    public enum Obstacle: Hashable, Sendable {
        /// A node has not acknowledged, and its lease ends then at the latest.
        case lease(LeaseHolder, until: Tick)
        /// Earlier leaders may have granted leases that end then at the latest.
        case earlierLeases(until: Tick)
    }

    /// After this time an unanswered round is abandoned, and an uncommitted completion is proposed again.
    static let timeout = Duration.seconds(1)

    private struct Request: Sendable {
        var request: LeaseRequest
        var holder: LeaseHolder
    }

    private struct Round: Sendable {
        var id: RoundID
        var begunAt: Tick
        var requests: [Request]
    }

    private let mutations: SwitchingMutations
    private var isLeading = false
    private var lease = LeaseSettings()
    private var members: [LeaseHolder] = []
    private var services: [ServiceSwitch] = []
    private var book = LeaseBook()
    /// Until then a lease of an earlier leader may be live.
    private var earlierLeasesEnd = Tick.zero
    private var steppedAt = Tick.zero
    private var round: Round?
    private var lastRound: UInt64 = 0
    /// The latest request of each holder, waiting for the next round.
    private var waiting: [Request] = []
    /// The highest epoch of a service that each holder acknowledged. Only looked up.
    private var acknowledged: [ServiceName: [LeaseHolder: Epoch]] = [:]
    private var proposed: [ServiceName: (epoch: Epoch, at: Tick)] = [:]

    public init() { self.init(mutations: []) }

    package init(mutations: SwitchingMutations) { self.mutations = mutations }

    /// Takes an event in; the effects are to be carried out in order. O(members × services under a switch), but for
    /// `applied` and grants, which are O(services).
    public mutating func step(_ event: Event, now: Tick, into effects: inout [Effect]) {
        if case .elected(let lease, let members, let services) = event {
            lead(lease, members, services, now: now)
        }
        guard isLeading else { return }
        steppedAt = now
        switch event {
        case .elected, .tick: break
        case .deposed:
            forget()
            return
        case .applied(let services): adopt(services)
        case .changedLease(let settings): lease = settings
        case .changedMembers(let list): adopt(members: list)
        case .requested(let request, let holder): take(request, by: holder, now: now, into: &effects)
        case .confirmed(let id): confirm(id, now: now, into: &effects)
        case .failed(let id):
            guard round?.id == id else { return }
            round = nil
            beginRound(now: now, into: &effects)
        case .acknowledged(let acknowledgement, let holder): note(acknowledgement, by: holder)
        }
        book.dropEnded(now: now)
        complete(now: now, into: &effects)
    }

    /// When `tick` is due; nil: nothing waits for time.
    public var nextDeadline: Tick? {
        guard isLeading else { return nil }
        var next: Tick?
        for service in services where service.state.isSwitching {
            var due: Tick?
            if let proposal = proposed[service.service], proposal.epoch == service.state.epoch {
                due = proposal.at + Self.timeout
            } else {
                // The first to end; the others are looked at when that one is over.
                due = obstacles(to: service, now: steppedAt).map(\.end).min()
            }
            if let due { next = min(next ?? due, due) }
        }
        return next
    }

    /// What the switch of a service waits for at `now`; empty when none is under way or nothing is missing.
    public func obstacles(to service: ServiceName, now: Tick) -> [Obstacle] {
        guard isLeading, let service = services.first(where: { $0.service == service }), service.state.isSwitching
        else { return [] }
        return obstacles(to: service, now: now)
    }

    private func obstacles(to service: ServiceSwitch, now: Tick) -> [Obstacle] {
        var found: [Obstacle] = []
        if earlierLeasesEnd > now { found.append(.earlierLeases(until: earlierLeasesEnd)) }
        let acknowledged = acknowledged[service.service] ?? [:]
        for (holder, end) in book.holders(of: service.service, now: now) {
            if let epoch = acknowledged[holder], epoch >= service.state.epoch { continue }
            found.append(.lease(holder, until: end))
        }
        return found
    }

    // MARK: Leadership

    private mutating func lead(
        _ lease: LeaseSettings, _ members: [LeaseHolder], _ services: [ServiceSwitch], now: Tick
    ) {
        forget()
        isLeading = true
        self.lease = lease
        self.members = members
        self.services = services
        if !mutations.contains(.noGraceOfNewLeader) { earlierLeasesEnd = now + lease.longest.countedByLeader }
    }

    private mutating func forget() {
        isLeading = false
        book = LeaseBook()
        round = nil
        waiting = []
        acknowledged = [:]
        proposed = [:]
    }

    private mutating func adopt(_ services: [ServiceSwitch]) {
        self.services = services
        var switching: Set<ServiceName> = []
        for service in services where service.state.isSwitching { switching.insert(service.service) }
        proposed = proposed.filter { switching.contains($0.key) }
        // An acknowledgement may come before this node has applied the begin, so those of known services stay.
        let known = Set(services.map(\.service))
        acknowledged = acknowledged.filter { known.contains($0.key) }
    }

    private mutating func adopt(members list: [LeaseHolder]) {
        members = list
        waiting.removeAll { !list.contains($0.holder) }
        if mutations.contains(.removedMemberForgotten) { book.drop { !list.contains($0) } }
        for service in acknowledged.keys {
            acknowledged[service] = acknowledged[service]?.filter { isKnown($0.key, service) }
        }
    }

    // MARK: Leases

    private mutating func take(
        _ request: LeaseRequest, by holder: LeaseHolder, now: Tick, into effects: inout [Effect]
    ) {
        for acknowledgement in request.acknowledgements { note(acknowledgement, by: holder) }
        guard members.contains(holder) else { return }
        if mutations.contains(.grantWithoutRound) {
            return grant(Request(request: request, holder: holder), now: now, into: &effects)
        }
        // A holder's newest request gives it the longest lease.
        waiting.removeAll { $0.holder == holder }
        waiting.append(Request(request: request, holder: holder))
        if let round, round.begunAt + Self.timeout <= now { self.round = nil }
        beginRound(now: now, into: &effects)
    }

    /// Begins a round for all that wait, unless one is in progress: that one began before they asked.
    private mutating func beginRound(now: Tick, into effects: inout [Effect]) {
        guard round == nil, !waiting.isEmpty else { return }
        lastRound += 1
        round = Round(id: RoundID(lastRound), begunAt: now, requests: waiting)
        waiting = []
        effects.append(.beginRound(RoundID(lastRound)))
    }

    private mutating func confirm(_ id: RoundID, now: Tick, into effects: inout [Effect]) {
        guard let round, round.id == id else { return }
        self.round = nil
        // Members that were removed meanwhile get nothing.
        for request in round.requests where members.contains(request.holder) {
            grant(request, now: now, into: &effects)
        }
        beginRound(now: now, into: &effects)
    }

    private mutating func grant(_ request: Request, now: Tick, into effects: inout [Effect]) {
        // Nobody needs a lease for a service that is being switched. Without renewal leases end, so a node that never
        // acknowledges delays the switch no longer than its lease.
        let isLeftOut = { (service: ServiceSwitch) in
            service.index > request.request.appliedIndex || service.state.isSwitching
        }
        let without = mutations.contains(.renewalBeforeApplied) ? [] : services.filter(isLeftOut).map(\.service)
        book.grant(to: request.holder, until: now + lease.lease.countedByLeader, without: without)
        effects.append(
            .grant(
                LeaseGrant(
                    process: request.request.process, number: request.request.number, lease: lease.lease,
                    without: without),
                to: request.holder))
    }

    // MARK: Switches

    /// Ignores unknown holders and services, so that the table stays bounded.
    private mutating func note(_ acknowledgement: EpochAcknowledgement, by holder: LeaseHolder) {
        let service = acknowledgement.service
        guard services.contains(where: { $0.service == service }), isKnown(holder, service) else { return }
        let known = acknowledged[service]?[holder]
        acknowledged[service, default: [:]][holder] = max(known ?? acknowledgement.epoch, acknowledgement.epoch)
    }

    /// Whether the holder is a member, or a former member whose lease may still be live.
    private func isKnown(_ holder: LeaseHolder, _ service: ServiceName) -> Bool {
        members.contains(holder) || book.holders(of: service, now: .zero).contains { $0.holder == holder }
    }

    private mutating func complete(now: Tick, into effects: inout [Effect]) {
        for service in services where service.state.isSwitching && obstacles(to: service, now: now).isEmpty {
            let epoch = service.state.epoch
            if let proposal = proposed[service.service], proposal.epoch == epoch,
                now < proposal.at + Self.timeout
            {
                continue
            }
            proposed[service.service] = (epoch, now)
            effects.append(.complete(service.service, epoch))
        }
    }
}

extension SwitchCoordinator.Obstacle {
    /// When it is over at the latest.
    public var end: Tick {
        switch self {
        case .lease(_, let end), .earlierLeases(let end): end
        }
    }
}
