// Owns GET /v1/services/{service}/explain: why the primary is where it is.
internal import ControlPlane
internal import HTTPTransport
internal import Proactor
internal import Settings

/// The leader's view: every reason to hold, votes, candidates, progress of confirmation. Any node asks the leader for
/// it.
struct ExplainHandler: AdminHandler {
    let method = "GET"
    let pattern = "/v1/services/{service}/explain"
    let operation = APIOperation(
        .read, "Why the primary of a service is where it is, as the leader sees it.",
        answers: .document(FailoverReport.self), refusals: [404, 504])

    func answer(_ call: AdminCall) {
        let context = call.context
        let service = call.service
        call.answerFromLeader {
            call.context.control.explain(call.service, completion: $0)
        } answer: { answer, _ in
            guard case .explained(var report) = answer else { return .problem(503, "the leader gave no explanation") }
            report.here = FailoverReport.Reason(
                context.control.failover.leases[service], at: context.node.settings.node.id, now: MonotonicClock.now)
            return .json(200, report)
        }
    }
}
