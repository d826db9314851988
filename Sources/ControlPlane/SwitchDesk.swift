// Owns the leader's part in switches: it carries out what the coordinator of leases and acknowledgements wants.
internal import Catalog
internal import Proactor
internal import Switching
internal import Topology

/// The shell of `SwitchCoordinator`, on the control thread of every member; it works while the node leads.
final class SwitchDesk: TimerHandler {
    private let loop: EventLoop
    private let ledger: GroupLedger
    private var coordinator = SwitchCoordinator()
    /// The term in which the coordinator believes that this node leads; nil: it does not.
    private var term: UInt64?
    private var timer: LoopTimer?
    /// How to answer the newest request of each holder.
    private var answers: [LeaseHolder: (request: LeaseRequest, take: (LeaseGrant) -> Void)] = [:]
    private var isProposingLease = false

    init(_ loop: EventLoop, _ ledger: GroupLedger) {
        self.loop = loop
        self.ledger = ledger
        timer = loop.makeTimer(self)
        ledger.leases.requested = { [unowned self] in take($0, by: $1, answer: $2) }
        ledger.leases.acknowledged = { [unowned self] in
            if isInOffice() { step(.acknowledged($0, by: $1)) }
        }
        ledger.leases.membersChanged = { [unowned self] in membersChanged() }
    }

    func stop() {
        timer?.invalidate()
        timer = nil
        answers = [:]
    }

    /// What the switch of a service waits for now; empty on nodes that do not lead.
    func waits(of service: ServiceName) -> [FailoverReport.Reason] {
        let now = MonotonicClock.now
        return coordinator.obstacles(to: service, now: now).map { FailoverReport.Reason($0, now: now) }
    }

    // MARK: Events

    /// Whether this node leads right now. The core reports what it applied before it reports that it no longer leads,
    /// and a coordinator that still believed to lead would complete its successor's switches.
    private func isInOffice() -> Bool {
        stepped()
        return term != nil
    }

    /// The core has processed events.
    func stepped() {
        if ledger.leads, !ledger.catalog.lease.isDecided { decideLease() }
        let leads = ledger.grantsLeases ? ledger.term : nil
        guard leads != term else { return }
        if term != nil {
            step(.deposed)
            answers = [:]
        }
        term = leads
        guard term != nil else { return }
        let catalog = ledger.catalog
        step(.elected(lease: catalog.lease, members: ledger.holders, services: catalog.switches))
    }

    /// The catalog has changed.
    func applied(_ catalog: Catalog, _ switches: [ServiceSwitch]) {
        guard isInOffice() else { return }
        step(.changedLease(catalog.lease))
        step(.applied(switches))
    }

    private func membersChanged() { if isInOffice() { step(.changedMembers(ledger.holders)) } }

    /// The length of leases is replicated, so that all nodes count alike: the first leader proposes the length that the
    /// group was formed with.
    private func decideLease() {
        guard !isProposingLease, let wanted = ledger.formedLease else { return }
        isProposingLease = true
        ledger.propose(
            CatalogCommand(.setLease(wanted), author: "settings", proposedAt: ControlPlane.wallClock())
        ) { [weak self] _ in self?.isProposingLease = false }
    }

    private func take(_ request: LeaseRequest, by holder: LeaseHolder, answer: @escaping (LeaseGrant) -> Void) {
        guard isInOffice() else { return }
        answers[holder] = (request, answer)
        step(.requested(request, by: holder))
    }

    func timerExpired(_ timer: LoopTimer) { if isInOffice() { step(.tick) } }

    // MARK: Effects

    private func step(_ event: SwitchCoordinator.Event) {
        var effects: [SwitchCoordinator.Effect] = []
        coordinator.step(event, now: MonotonicClock.now, into: &effects)
        for effect in effects { carryOut(effect) }
        timer?.set(coordinator.nextDeadline ?? .distantFuture)
    }

    private func carryOut(_ effect: SwitchCoordinator.Effect) {
        switch effect {
        case .beginRound(let round):
            ledger.confirmLeadership { [weak self] isConfirmed in
                guard let self, isInOffice() else { return }
                step(isConfirmed ? .confirmed(round) : .failed(round))
            }
        case .grant(let grant, let holder):
            guard let answer = answers[holder], answer.request.number == grant.number,
                answer.request.process == grant.process
            else { return }
            answers[holder] = nil
            answer.take(grant)
        case .complete(let service, let epoch):
            ledger.proposeAsLeader(
                CatalogCommand(
                    .completeSwitch(of: service, epoch: epoch), author: "switching",
                    reason: "no proxy writes to the old primary any more", proposedAt: ControlPlane.wallClock()))
        }
    }
}
