// Owns POST /v1/services/{service}/primary: an operator moves a primary.
internal import Catalog
internal import ControlPlane
internal import Failover
internal import HTTPTransport
internal import Proactor
internal import Routing
internal import Topology

extension PrimaryAnswer {
    fileprivate init(_ service: ServiceName, _ state: PrimaryState, dryRun: Bool) {
        self.service = service.text
        primary = state.origin.text
        target = state.target.text
        epoch = state.epoch.count
        self.state = state.isSwitching ? "switching" : "stable"
        self.dryRun = dryRun
    }
}

/// Moves the primary, unless the target is not fit and the move is not forced.
///
/// The target must be healthy enough in the eyes of the group and, with a lag gate, not lag too far behind. `force`
/// skips that and the catalog's rule that the target takes traffic. Nothing skips the epochs, acknowledgements and
/// leases of the switch itself. The cooldown is between automatic moves and stops no operator.
struct SetPrimaryHandler: AdminHandler {
    let method = "POST"
    let pattern = "/v1/services/{service}/primary"
    let operation = APIOperation(
        .command, "Moves the primary of a service to a datacenter that is fit for it.",
        body: .required(PrimaryBody.self), answers: .document(PrimaryAnswer.self))

    func answer(_ call: AdminCall) {
        guard let body = call.decode(PrimaryBody.self), let snapshot = call.snapshot else { return }
        let target = DatacenterName(body.datacenter)
        let state = snapshot.catalog.primaryRecord(of: call.service)?.state
        // The epoch that the decision is based on: if somebody else moved the primary meanwhile, this is refused. A
        // retry under the same key must not look like another command, so there it is left to the catalog's memory of
        // keys.
        let expected = call.request[field: "idempotency-key"] == nil ? state?.epoch : nil
        let change = CatalogChange.setPrimary(
            of: call.service, to: target, expectedEpoch: expected, cause: .operatorRequest)
        guard let command = call.command(change, reason: body.reason, force: body.force ?? false) else { return }
        let needsFitness = !command.force && state?.target != target
        let move = Move(target: target, command: command, needsFitness: needsFitness)
        body.dryRun ?? false ? rehearse(call, move) : whenFit(call, move) { propose(call, command) }
    }

    /// The requested move.
    private struct Move {
        let target: DatacenterName
        let command: CatalogCommand
        let needsFitness: Bool
    }

    /// Continues if the group sees the target as fit, or if that does not matter.
    private func whenFit(_ call: AdminCall, _ move: Move, _ body: @escaping () -> Void) {
        guard move.needsFitness, let snapshot = call.snapshot else { return body() }
        call.whenExplained { answer in
            if let refusal = Self.refusal(answer, move.target, snapshot.table.service(call.service), snapshot) {
                call.respond(refusal)
            } else {
                body()
            }
        }
    }

    // MARK: Rehearsals

    /// Answers with what the group would do with the command now. If the group cannot act, it says so first, as the
    /// command itself would.
    private func rehearse(_ call: AdminCall, _ move: Move) {
        call.whenConfirmed { answer in
            guard case .unavailable(let reason, let leader) = answer else {
                return whenFit(call, move) { call.respond(Self.rehearsal(call, move).response) }
            }
            let own = Self.rehearsal(call, move, sees: Self.ownObjection(call, move))
            let detail = "\(reason); nothing can be changed now. As far as this node alone can tell, \(own.sentence)"
            call.respond(
                .unavailable(detail, leader: leader.map { NodeID($0) }, call.context.control.snapshot))
        }
    }

    /// What the present catalog would do with the command, unless there already is an objection.
    private static func rehearsal(
        _ call: AdminCall, _ move: Move, sees objection: String? = nil
    ) -> (response: HTTPResponse, sentence: String) {
        func refused(_ status: Int, _ reason: String) -> (HTTPResponse, String) {
            (.problem(status, reason), "it would be refused: \(reason)")
        }
        if let objection { return refused(409, objection) }
        guard var catalog = call.context.control.snapshot?.catalog else {
            return refused(503, "the node has no state yet")
        }
        let outcome = catalog.apply(move.command, at: catalog.appliedIndex + 1, term: catalog.appliedTerm)
        if case .refused(let refusal) = outcome { return refused(refusal.status, refusal.description) }
        guard let state = catalog.primaryRecord(of: call.service)?.state else {
            return refused(409, noPrimary(call.service))
        }
        let answer = PrimaryAnswer(call.service, state, dryRun: true)
        return (.json(200, answer), answer.sentence)
    }

    private static func noPrimary(_ service: ServiceName) -> String { "service '\(service)' has no primary any more" }

    private func propose(_ call: AdminCall, _ command: CatalogCommand) {
        call.propose(command) { snapshot in
            guard let state = snapshot.catalog.primaryRecord(of: call.service)?.state else {
                return .problem(409, Self.noPrimary(call.service))
            }
            return .json(200, PrimaryAnswer(call.service, state, dryRun: false))
        }
    }

    // MARK: Fitness

    /// The answer if the target is not fit; nil if it is, or if the catalog itself will say what is wrong.
    private static func refusal(
        _ answer: LeaderAnswer, _ target: DatacenterName, _ service: ServiceRouting?, _ snapshot: ControlSnapshot
    ) -> HTTPResponse? {
        let objection: String?
        switch answer {
        case .unavailable(let reason, let leader):
            return .unavailable("\(reason); nothing was changed", leader: leader.map { NodeID($0) }, snapshot)
        case .explained(let report):
            let place = report.datacenters.first { $0.name == target.text }
            let isSeen = place != nil && place?.objection?.kind != FailoverHold.Kind.targetUnseen.rawValue
            // Right after an election the leader has not heard from the others, so this node's own view has to do.
            let own = service?.datacenters.first { $0.name == target }
            objection = isSeen ? place?.objection?.text : own.flatMap(Self.objection)
        case .readable, .done, .refused, .unknown: return nil
        }
        return objection.map { .problem(409, sentence(target, $0)) }
    }

    private static func sentence(_ target: DatacenterName, _ objection: String) -> String {
        "datacenter '\(target)' \(objection) (use force)"
    }

    /// Why the target is not fit, as far as this node knows; nil if it is, or if that does not matter.
    private static func ownObjection(_ call: AdminCall, _ move: Move) -> String? {
        guard move.needsFitness else { return nil }
        let service = call.context.control.snapshot?.table.service(call.service)
        let place = service?.datacenters.first { $0.name == move.target }
        return place.flatMap(objection).map { sentence(move.target, $0) }
    }

    private static func objection(_ target: DatacenterRouting) -> String? {
        if target.state == .draining { return "is draining" }
        if target.endpointWeight == 0 { return "has no endpoint that takes requests" }
        return target.healthyWeight == 0 ? "has no healthy endpoint" : nil
    }
}

extension AdminCall {
    /// Asks whether the group can act now, and waits until this node has everything that was acknowledged; `body` runs
    /// on the admin thread.
    fileprivate func whenConfirmed(_ body: @escaping (LeaderAnswer) -> Void) {
        let reply = LoopBound(body, of: context.loop)
        let isAccepted = context.control.confirmRead { answer in reply.post { $0(answer) } }
        if !isAccepted { respond(.problem(503, "the control plane is overloaded; nothing was changed")) }
    }

    /// Asks the leader about the service; `body` runs on the admin thread.
    fileprivate func whenExplained(_ body: @escaping (LeaderAnswer) -> Void) {
        let reply = LoopBound(body, of: context.loop)
        let isAccepted = context.control.explain(service) { answer in reply.post { $0(answer) } }
        if !isAccepted { respond(.problem(503, "the control plane is overloaded; nothing was changed")) }
    }
}
