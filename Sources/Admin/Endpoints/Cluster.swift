// Owns /v1/cluster: the members of the group, and changes of them.
internal import ControlPlane
internal import HTTPTransport
internal import Settings
internal import Topology

struct ClusterHandler: AdminHandler {
    let method = "GET"
    let pattern = "/v1/cluster"
    let operation = APIOperation(
        .read, "Who belongs to the group, who votes and who leads.", answers: .document(ClusterDocument.self))

    func answer(_ call: AdminCall) {
        guard let snapshot = call.snapshot else { return }
        call.respond(call.clusterDocument(snapshot))
    }
}

extension AdminCall {
    fileprivate func clusterDocument(_ snapshot: ControlSnapshot) -> HTTPResponse {
        .json(200, ClusterDocument(snapshot, node: context.node.settings.node.id))
    }

    /// Makes the leader change the group, and answers with the group as this node then knows it. The change may take a
    /// moment to show.
    fileprivate func changeGroup(_ wish: GroupChange.Wish, reason: String?, force: Bool = false) {
        guard let author else { return }
        let change = GroupChange(wish, author: author, reason: reason ?? "", force: force)
        let forwards = mayForward
        answerFromLeader {
            context.control.changeGroup(change, forwards: forwards, completion: $0)
        } answer: { _, snapshot in
            snapshot.map(clusterDocument) ?? .problem(503, "the node has no state yet")
        }
    }
}

/// Gives an observer a vote. Nodes become members by asking for it themselves.
struct AddMemberHandler: AdminHandler {
    let method = "POST"
    let pattern = "/v1/cluster/members"
    let operation = APIOperation(
        .group, "Gives a member that observes a vote.", body: .required(MemberBody.self),
        answers: .document(ClusterDocument.self))

    func answer(_ call: AdminCall) {
        guard let body = call.decode(MemberBody.self) else { return }
        call.changeGroup(.addVoter(NodeID(body.id)), reason: body.reason)
    }
}

/// Removes a member, named by `?id=` or in a body.
struct RemoveMemberHandler: AdminHandler {
    let method = "DELETE"
    let pattern = "/v1/cluster/members"
    let operation = APIOperation(
        .group, "Takes a member out of the group: the one of the query, or else of the body.",
        query: [
            .init("id", "The node's id."), .reason,
            .init("force", "`true`: even if too few voters answer.", Bool.self),
        ],
        body: .optional(MemberBody.self), answers: .document(ClusterDocument.self))

    func answer(_ call: AdminCall) {
        var body = MemberBody(
            id: call.request.queryItem("id") ?? "", reason: call.request.queryItem("reason"),
            force: call.request.queryFlag("force"))
        if body.id.isEmpty {
            guard let sent = call.decode(MemberBody.self) else { return }
            body = sent
        }
        call.changeGroup(.remove(NodeID(body.id)), reason: body.reason, force: body.force ?? false)
    }
}

struct TransferHandler: AdminHandler {
    let method = "POST"
    let pattern = "/v1/cluster/transfer"
    let operation = APIOperation(
        .group, "Lets another voter lead; without a body the best of them.", body: .optional(TransferBody.self),
        answers: .document(ClusterDocument.self))

    func answer(_ call: AdminCall) {
        guard let body = call.request.body.isEmpty ? TransferBody() : call.decode(TransferBody.self) else { return }
        call.changeGroup(.transfer(to: body.to.map { NodeID($0) }), reason: body.reason)
    }
}
