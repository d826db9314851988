// Owns POST and DELETE /v1/services/{service}/serve-without-lease: the last resort when the group is lost.
internal import ControlPlane
internal import HTTPTransport
internal import Proactor
internal import Settings
internal import Topology

/// Makes the node that was asked serve, and no other; nothing is forwarded and no quorum is needed.
struct ServeWithoutLeaseHandler: AdminHandler {
    let method = "POST"
    let pattern = "/v1/services/{service}/serve-without-lease"
    let operation = APIOperation(
        .local, "Has this node serve a strict service without a lease, when the group is lost.",
        parameters: [.author], body: .required(WithoutLeaseBody.self), answers: .document(WithoutLeaseAnswer.self),
        refusals: [400, 404, 409])

    func answer(_ call: AdminCall) {
        guard let body = call.decode(WithoutLeaseBody.self) else { return }
        guard let duration = DurationText.read(body.for), duration > .zero, duration <= BreakGlass.longest else {
            return call.respond(.problem(400, "\"for\" is a duration such as \"10m\", of at most a day"))
        }
        guard body.oldPrimaryIsFenced == true else {
            let reason =
                "only with \"old_primary_is_fenced\": true: if the old primary can still be written to, data will diverge"
            return call.respond(.problem(409, reason))
        }
        call.serveWithoutLease(for: duration, in: body.datacenter, reason: body.reason)
    }
}

struct ServeWithLeaseHandler: AdminHandler {
    let method = "DELETE"
    let pattern = "/v1/services/{service}/serve-without-lease"
    let operation = APIOperation(
        .local, "Has this node need the lease again.", query: [.reason], parameters: [.author],
        answers: .document(WithoutLeaseAnswer.self), refusals: [400, 404, 409])

    func answer(_ call: AdminCall) {
        call.serveWithoutLease(for: nil, in: nil, reason: call.request.queryItem("reason"))
    }
}

extension AdminCall {
    fileprivate func serveWithoutLease(for duration: Duration?, in datacenter: String?, reason: String?) {
        guard let author else { return }
        let glass = BreakGlass(
            service, for: duration, in: datacenter.map { DatacenterName($0) }, author: author,
            reason: reason ?? "")
        let milliseconds = (duration ?? .zero).wholeNanoseconds / 1_000_000
        let document = WithoutLeaseAnswer(service: service.text, forMs: milliseconds)
        let reply = LoopBound(responder, of: context.loop)
        let isAccepted = context.control.serveWithoutLease(glass) { refusal in
            reply.post { responder in
                guard let refusal else { return responder.respond(.json(200, document)) }
                responder.respond(.problem(refusal.kind == .notFound ? 404 : 409, refusal.reason))
            }
        }
        if !isAccepted { respond(.problem(503, "the control plane is overloaded; nothing was changed")) }
    }
}
