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

/// Moves the primary, unless the target is not fit for it and nobody insists.
///
/// What the group sees of the target counts: enough health, and where there is a lag gate, little lag. `force` skips that
/// and the catalog's rule that the target takes traffic; nothing skips the epochs, acknowledgements and leases by which
/// the switch itself is done. The cooldown is between automatic moves and stops no operator.
struct SetPrimaryEndpoint: Endpoint {
    let method = "POST"
    let pattern = "/v1/services/{service}/primary"
    let operation = APIOperation(
        .command, "Moves the primary of a service to a datacenter that is fit for it.",
        body: .required(PrimaryBody.self), answers: .document(PrimaryAnswer.self))

    func answer(_ call: AdminCall) {
        guard let body = call.decode(PrimaryBody.self), let snapshot = call.snapshot else { return }
        let target = DatacenterName(body.datacenter)
        let state = snapshot.catalog.primaryRecord(of: call.service)?.state
        // The epoch that was looked at: if another moved the primary meanwhile, this is refused. A retry under the same
        // key must not be taken for another command, so it leaves that to the catalog's memory of keys.
        let expected = call.request[field: "idempotency-key"] == nil ? state?.epoch : nil
        let change = CatalogChange.setPrimary(
            of: call.service, to: target, expectedEpoch: expected, cause: .operatorRequest)
        guard let command = call.command(change, reason: body.reason, force: body.force ?? false) else { return }
        let isDry = body.dryRun ?? false
        if command.force || state?.target == target { return finish(call, command, isDry) }
        call.whenExplained { answer in
            if let refusal = Self.refusal(answer, target, snapshot.table.service(call.service), snapshot) {
                call.respond(refusal)
            } else {
                finish(call, command, isDry)
            }
        }
    }

    private func finish(_ call: AdminCall, _ command: CatalogCommand, _ isDry: Bool) {
        isDry ? rehearse(call, command) : propose(call, command)
    }

    /// Answers with what the catalog of now would make of the command.
    private func rehearse(_ call: AdminCall, _ command: CatalogCommand) {
        guard var catalog = call.snapshot?.catalog else { return }
        let outcome = catalog.apply(command, at: catalog.appliedIndex + 1, term: catalog.appliedTerm)
        if case .refused(let refusal) = outcome {
            return call.respond(.problem(refusal.status, refusal.description))
        }
        call.respond(Self.answer(call.service, catalog, dryRun: true))
    }

    private func propose(_ call: AdminCall, _ command: CatalogCommand) {
        call.propose(command) { Self.answer(call.service, $0.catalog, dryRun: false) }
    }

    private static func answer(_ service: ServiceName, _ catalog: Catalog, dryRun: Bool) -> HTTPResponse {
        guard let state = catalog.primaryRecord(of: service)?.state else {
            return .problem(409, "service '\(service)' has no primary any more")
        }
        return .json(200, PrimaryAnswer(service, state, dryRun: dryRun))
    }

    // MARK: Fitness

    /// The answer where the target is not fit; nil where it is, or where the catalog itself will say what is wrong.
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
            // Right after an election the leader has not heard the others yet: then this node's own view has to do.
            let own = service?.datacenters.first { $0.name == target }
            objection = isSeen ? place?.objection?.text : own.flatMap(Self.objection)
        case .readable, .done, .refused, .unknown: return nil
        }
        return objection.map { .problem(409, "datacenter '\(target)' \($0) (use force)") }
    }

    private static func objection(_ target: DatacenterRouting) -> String? {
        if target.state == .draining { return "is draining" }
        if target.endpointWeight == 0 { return "has no endpoint that takes requests" }
        return target.healthyWeight == 0 ? "has no healthy endpoint" : nil
    }
}

extension AdminCall {
    /// Asks the leader about the service; `body` runs on the admin thread.
    fileprivate func whenExplained(_ body: @escaping (LeaderAnswer) -> Void) {
        let reply = LoopBound(body, of: context.loop)
        let isAccepted = context.control.explain(service) { answer in reply.post { $0(answer) } }
        if !isAccepted { respond(.problem(503, "the control plane is overloaded; nothing was changed")) }
    }
}
