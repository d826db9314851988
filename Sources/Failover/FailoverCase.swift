// Owns the gates that a promotion has to pass, for one service at one moment.
internal import Catalog
internal import Topology

/// One service as the planner looks at it.
struct FailoverCase {
    let policy: PromotionPolicy
    let situation: FailoverPlanner.Situation
    let record: PrimaryRecord
    let registration: ServiceRegistration
    let votes: VoteCount
    /// False only in a planner with a seeded bug.
    let needsConfirmation: Bool

    private var settings: FailoverSettings { registration.failover }
    private var catalog: Catalog { situation.catalog }

    var decision: FailoverDecision {
        switch record.state {
        case .stable(let primary, _): stable(primary)
        case .switching(let origin, let target, _): switching(origin, target)
        }
    }

    private func promote(_ datacenter: DatacenterName, _ reason: Promotion.Reason) -> FailoverDecision {
        .promote(Promotion(datacenter: datacenter, expectedEpoch: record.state.epoch, reason: reason))
    }

    // MARK: The three situations

    private func stable(_ primary: DatacenterName) -> FailoverDecision {
        let undecided = objectionsToDown(primary)
        guard undecided.isEmpty else { return failback(undecided) }
        var reasons = general(isPrimaryZero: votes.isZeroForAll(primary))
        let candidates = registration.datacenters.map(\.name).filter { $0 != primary }
        if !candidates.contains(where: { catalog.takesTraffic($0, of: registration.name) }) {
            reasons.append(.lastDatacenter)
        }
        let (target, objections) = choose(
            among: candidates, minimum: minimum(leaving: primary), lagBefore: votes.firstDown(primary))
        guard let target, reasons.isEmpty else { return .hold(reasons + (target == nil ? objections : [])) }
        return promote(target, .primaryDown)
    }

    /// A switch is in progress, perhaps a planned one. Only the loss of its target changes it, without a cooldown: it
    /// is still the same move.
    private func switching(_ origin: DatacenterName, _ target: DatacenterName) -> FailoverDecision {
        guard objectionsToDown(target).isEmpty else { return .hold([.switching(to: target)]) }
        if catalog.isFrozen { return .hold([.switching(to: target), .frozen]) }
        let candidates = registration.datacenters.map(\.name).filter { $0 != origin && $0 != target }
        let (other, objections) = choose(
            among: candidates, minimum: minimum(leaving: origin), lagBefore: votes.firstDown(origin))
        if let other { return promote(other, .targetLost) }
        let isBackPossible = target != origin && registration.datacenters.contains { $0.name == origin }
        return isBackPossible ? promote(origin, .backToOrigin) : .hold([.switching(to: target)] + objections)
    }

    /// The primary stays for these reasons, unless it is away from home and may return.
    private func failback(_ undecided: [FailoverHold]) -> FailoverDecision {
        guard let home = record.home, registration.datacenters.contains(where: { $0.name == home }) else {
            return .hold(undecided)
        }
        guard let after = settings.failbackAfter else { return .hold(undecided + [.failbackIsManual(home: home)]) }
        guard votes.isHeard else { return .hold(undecided) }
        var reasons = general(isPrimaryZero: false)
        if let objection = objection(to: home, minimum: settings.minimumTargetPercent, lagBefore: nil) {
            reasons.append(.target(home, objection))
        }
        let fit = votes.fitFor(home) ?? .zero
        if fit < after { reasons.append(.failbackWaits(home: home, remaining: after - fit)) }
        return reasons.isEmpty ? promote(home, .failback) : .hold(undecided + reasons)
    }

    // MARK: Gates

    /// Why the votes do not say that `datacenter` is down.
    private func objectionsToDown(_ datacenter: DatacenterName) -> [FailoverHold] {
        let heard = votes.heardCount
        guard votes.isHeard else { return [.tooFewHeard(heard: heard, voting: votes.voting.count)] }
        let down = votes.downCount(datacenter)
        if down * 2 == heard { return [.tied(down: down, heard: heard)] }
        guard down * 2 > heard, let time = votes.downFor(datacenter) else {
            return [.notDown(down: down, heard: heard)]
        }
        return needsConfirmation && time < settings.confirm ? [.unconfirmed(time, confirm: settings.confirm)] : []
    }

    /// The gates that do not depend on the target: freeze, cooldown, the safety rule.
    private func general(isPrimaryZero: Bool) -> [FailoverHold] {
        var reasons: [FailoverHold] = []
        if catalog.isFrozen { reasons.append(.frozen) }
        if let objection = cooldown(isPrimaryZero: isPrimaryZero) { reasons.append(objection) }
        let (removed, total) = catalog.removedDatacenters(of: registration.name)
        if removed * 2 > total { reasons.append(.mostRemoved(removed: removed, of: total)) }
        return reasons
    }

    private func cooldown(isPrimaryZero: Bool) -> FailoverHold? {
        guard let last = record.moves.last else { return nil }
        let remaining = settings.cooldown - (situation.wallClock - last.at)
        guard remaining > .zero else { return nil }
        guard isPrimaryZero else { return .cooldown(remaining: remaining) }
        let recent = record.moves.count { move in
            move.wasWithinCooldown && situation.wallClock - move.at < policy.moveWindow
        }
        return recent < policy.movesWithinCooldown
            ? nil : .tooManyMoves(recent, limit: policy.movesWithinCooldown)
    }

    private func minimum(leaving primary: DatacenterName) -> Int {
        votes.isZeroForAll(primary)
            ? min(settings.minimumTargetPercent, policy.desperateTargetPercent) : settings.minimumTargetPercent
    }

    /// The first datacenter, in the order of the settings, to which there is no objection; or all objections.
    private func choose(
        among candidates: [DatacenterName], minimum: Int, lagBefore: Tick?
    ) -> (DatacenterName?, [FailoverHold]) {
        var objections: [FailoverHold] = []
        for candidate in candidates {
            guard let objection = objection(to: candidate, minimum: minimum, lagBefore: lagBefore) else {
                return (candidate, [])
            }
            objections.append(.target(candidate, objection))
        }
        return (nil, objections)
    }

    /// Why a datacenter could not take over from where traffic is now; nil: it could.
    func objection(to candidate: DatacenterName) -> TargetObjection? {
        let origin = record.state.origin
        return objection(to: candidate, minimum: minimum(leaving: origin), lagBefore: votes.firstDown(origin))
    }

    /// The lag sample that the gate uses: the last one before the first sign of trouble. Later ones may come from a
    /// primary that was already half gone.
    func lastLag(of candidate: DatacenterName) -> (lag: Duration, at: Tick)? {
        votes.lastLag(of: candidate, before: votes.firstDown(record.state.origin) ?? situation.now)
    }

    private func objection(to candidate: DatacenterName, minimum: Int, lagBefore: Tick?) -> TargetObjection? {
        let service = registration.name
        if catalog.state(of: OverrideTarget(service: service, datacenter: candidate)) == .draining { return .drained }
        if !catalog.takesTraffic(candidate, of: service) { return .inactive }
        guard let percent = votes.percent(candidate) else { return .unseen }
        if !votes.isHealthy(candidate, percent: minimum) { return .unhealthy(percent: percent, minimum: minimum) }
        guard let gate = settings.lagGate else { return nil }
        let reference = lagBefore ?? situation.now
        guard let sample = votes.lastLag(of: candidate, before: reference) else { return .lagUnknown }
        let age = reference - sample.at
        if age > policy.oldestLagSample { return .lagTooOld(age) }
        return sample.lag > gate.limit ? .lagTooGreat(sample.lag, limit: gate.limit) : nil
    }
}
