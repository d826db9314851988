// Owns how a member finds out that it was removed, and what it then tells operators.
internal import Logging
internal import Proactor
internal import Raft
internal import Topology

extension GroupMember {
    /// Called once a second: a member that hears no leader asks its peers, one after another, until one of them leads.
    func lookForLeader() {
        let member = driver.member
        guard member.configuration.cluster != 0 else { return }
        let wasRemoved = removal.isRemoved
        let asks = removal.look(hasLeader: member.leader != nil)
        if wasRemoved, !removal.isRemoved { formingState = nil }
        let peers = transport.peers.filter { $0.cluster == member.configuration.cluster }.map(\.node)
        guard asks, !peers.isEmpty else { return }
        let peer = peers[questions % peers.count]
        questions += 1
        let call = PeerCall(kind: MembershipQuestion.call, bytes: [])
        transport.call(peer, call, within: RemovalWatch.period) { [weak self] outcome in
            guard case .reply(let bytes) = outcome, let isMember = MembershipQuestion.isMember(bytes) else { return }
            self?.heard(isMember: isMember, from: peer)
        }
    }

    private func heard(isMember: Bool, from peer: NodeID) {
        guard driver.member.leader == nil, removal.heard(isMember: isMember) else { return }
        formingState =
            isMember
            ? nil
            : "this node was removed from its group, says \(peer), which leads; to join again it needs an empty data_dir"
        if let formingState { logger.error("in no group: \(formingState)") }
    }

    /// Answers a peer that asks whether it is a member.
    func answerMembership(_ request: PeerRequest) {
        let member = driver.member
        guard member.leadsFully else { return request.refuse("this node does not lead") }
        request.answer(MembershipQuestion.answer(to: request.peer, by: member.configuration))
    }
}
