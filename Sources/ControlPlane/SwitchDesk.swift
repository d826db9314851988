// Owns what the leader does about switches: it carries out what the coordinator of leases and acknowledgements wants.
internal import Catalog
internal import Proactor
internal import Switching
internal import Topology

/// The shell of `SwitchCoordinator`, on the control thread of every member; it works while the node leads.
final class SwitchDesk: TimerHandler {
    private let loop: EventLoop
    private let ledger: GroupLedger
    private var coordinator = SwitchCoordinator()
    /// The term in which the coordinator was told that this node leads; nil: it was not.
    private var term: UInt64?
    private var timer: LoopTimer?
    /// Where grants go, by the request that they answer; the newest of each holder.
    private var answers: [LeaseHolder: (number: UInt64, take: (LeaseGrant) -> Void)] = [:]
    private var isProposingLease = false

    init(_ loop: EventLoop, _ ledger: GroupLedger) {
        self.loop = loop
        self.ledger = ledger
        timer = loop.makeTimer(self)
        ledger.leases.requested = { [unowned self] in take($0, by: $1, answer: $2) }
        ledger.leases.acknowledged = { [unowned self] in step(.acknowledged($0, by: $1)) }
        ledger.leases.membersChanged = { [unowned self] in membersChanged() }
    }

    func stop() {
        timer?.invalidate()
        timer = nil
        answers = [:]
    }

    /// What the switch of a service waits for now; empty on nodes that do not lead.
    func obstacles(to service: ServiceName) -> [SwitchCoordinator.Obstacle] {
        coordinator.obstacles(to: service, now: EventLoop.clock())
    }

    // MARK: Events

    /// The core has done something.
    func stepped() {
        let leads = ledger.leads ? ledger.term : nil
        guard leads != term else { return }
        if term != nil {
            step(.deposed)
            answers = [:]
        }
        term = leads
        guard term != nil else { return }
        let catalog = ledger.catalog
        step(.elected(lease: catalog.lease, members: ledger.holders, services: catalog.switches))
        proposeLease(catalog)
    }

    /// The catalog has changed.
    func applied(_ catalog: Catalog, _ switches: [ServiceSwitch]) {
        guard term != nil else { return }
        step(.changedLease(catalog.lease))
        step(.applied(switches))
    }

    private func membersChanged() { if term != nil { step(.changedMembers(ledger.holders)) } }

    /// The length of leases is replicated (design §5): what the group was formed with becomes so by its first leader.
    private func proposeLease(_ catalog: Catalog) {
        guard !isProposingLease, catalog.lease.changedAt == nil, let wanted = ledger.formedLease,
            wanted != catalog.lease.lease
        else { return }
        isProposingLease = true
        ledger.propose(
            CatalogCommand(.setLease(wanted), author: "settings", proposedAt: ControlLoop.wallClock())
        ) { [weak self] _ in self?.isProposingLease = false }
    }

    private func take(_ request: LeaseRequest, by holder: LeaseHolder, answer: @escaping (LeaseGrant) -> Void) {
        guard term != nil else { return }
        answers[holder] = (request.number, answer)
        step(.requested(request, by: holder))
    }

    func timerExpired(_ timer: LoopTimer) { step(.tick) }

    // MARK: Effects

    private func step(_ event: SwitchCoordinator.Event) {
        var effects: [SwitchCoordinator.Effect] = []
        coordinator.step(event, now: EventLoop.clock(), into: &effects)
        for effect in effects { carryOut(effect) }
        timer?.set(coordinator.nextDeadline ?? .distantFuture)
    }

    private func carryOut(_ effect: SwitchCoordinator.Effect) {
        switch effect {
        case .beginRound(let round):
            ledger.confirmLeadership { [weak self] in self?.step($0 ? .confirmed(round) : .failed(round)) }
        case .grant(let grant, let holder):
            guard let answer = answers[holder], answer.number == grant.number else { return }
            answers[holder] = nil
            answer.take(grant)
        case .complete(let service, let epoch):
            ledger.propose(
                CatalogCommand(
                    .completeSwitch(of: service, epoch: epoch), author: "switching",
                    reason: "no proxy writes to the old primary any more", proposedAt: ControlLoop.wallClock())
            ) { _ in }
        }
    }
}
