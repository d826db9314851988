// Owns how the API answers with the leader's reply: done, refused, not now, elsewhere, unknown.
internal import Catalog
internal import ControlPlane
internal import HTTPTransport
internal import Proactor
internal import Topology

extension HTTPResponse {
    /// Certainly without effect: no leader can act. Names the leader, if one is known, and its admin API.
    static func unavailable(_ reason: String, leader: NodeID?, _ snapshot: ControlSnapshot?) -> HTTPResponse {
        leaderProblem(503, reason, leader, snapshot)
    }

    /// Another node leads, and the request was not to be forwarded.
    static func misdirected(leader: NodeID?, _ snapshot: ControlSnapshot?) -> HTTPResponse {
        guard let leader else { return .problem(503, "the group has no leader now; nothing was changed") }
        return leaderProblem(421, "\(leader) leads the group; nothing was changed", leader, snapshot)
    }

    static func unknownOutcome(_ advice: String) -> HTTPResponse {
        .problem(504, "outcome unknown: the change may yet be applied; \(advice)")
    }

    private static func leaderProblem(
        _ status: Int, _ reason: String, _ leader: NodeID?, _ snapshot: ControlSnapshot?
    ) -> HTTPResponse {
        let admin = leader.flatMap { leader in snapshot?.catalog.members.first { $0.id == leader }?.admin }
        var response = HTTPResponse.problem(status, reason, leader: leader?.text, leaderAdmin: admin)
        if let leader { response.fields.append(("Meridian-Leader", leader.text)) }
        return response
    }
}

extension AdminCall {
    /// Waits for the leader's reply, and answers with it.
    ///
    /// - Parameters:
    ///   - ask: sends the question; false if too much is waiting.
    ///   - answer: makes the answer from what the leader did or said.
    func answerFromLeader(
        _ ask: (@escaping @Sendable (LeaderAnswer) -> Void) -> Bool,
        answer: @escaping (LeaderAnswer, ControlSnapshot?) -> HTTPResponse
    ) {
        let control = context.control
        let mayForward = mayForward
        let reply = LoopBound((responder: responder, answer: answer), of: context.loop)
        let isAccepted = ask { outcome in
            let snapshot = control.snapshot
            reply.post { bound in
                bound.responder.respond(
                    Self.refusal(outcome, snapshot, mayForward) ?? bound.answer(outcome, snapshot))
            }
        }
        if !isAccepted { respond(.problem(503, "the control plane is overloaded; nothing was changed")) }
    }

    /// The answer if nothing came of it; nil if something did.
    private static func refusal(
        _ answer: LeaderAnswer, _ snapshot: ControlSnapshot?, _ mayForward: Bool
    ) -> HTTPResponse? {
        switch answer {
        case .explained, .readable, .done: nil
        case .refused(let refusal): .problem(refusal.kind == .notFound ? 404 : 409, refusal.reason)
        case .unavailable(_, let leader?) where !mayForward: .misdirected(leader: NodeID(leader), snapshot)
        case .unavailable(let reason, let leader):
            .unavailable("\(reason); nothing was changed", leader: leader.map { NodeID($0) }, snapshot)
        // The leader remembers no keys for changes of the group itself.
        case .unknown: .unknownOutcome("look at the group before you ask again")
        }
    }
}
