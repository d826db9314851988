// Owns what nodes send the leader outside of the log, and how it gets there: observations, requests for leases,
// acknowledgements.
internal import Raft
internal import RaftRuntime
internal import Switching
internal import Topology

extension GroupLedger {
    /// The kinds of calls for the leader, and of those that relay one.
    static let leaderCalls = observeCall...RelayedCall.handKind
    /// The kind of the call that tells the leader what a node sees.
    private static let observeCall: UInt32 = 17
    /// The kind of the call that asks the leader for a lease.
    private static let leaseCall: UInt32 = 18
    /// The kind of the call that tells the leader of an acknowledgement.
    private static let acknowledgeCall: UInt32 = 19

    // MARK: Saying

    /// Reports to the leader what this node sees, if there is a way to it. What gets lost is reported again soon.
    /// `answered` is called with the answer.
    func tellLeader(_ report: [UInt8], _ answered: @escaping ([UInt8]) -> Void) {
        call(PeerCall(kind: Self.observeCall, bytes: report), within: .seconds(1)) { answer in
            if let answer { answered(answer) }
        }
    }

    /// Asks the leader, which may be this node.
    ///
    /// - Parameter completion: runs once with the grant; nil when none will come.
    func askForLease(_ request: LeaseRequest, within limit: Duration, _ completion: @escaping (LeaseGrant?) -> Void) {
        if leader == node {
            guard grantsLeases else { return completion(nil) }
            return leases.requested(request, ownHolder) { completion($0) }
        }
        call(PeerCall(kind: Self.leaseCall, bytes: request.encoded), within: limit) {
            completion($0.flatMap { LeaseGrant($0) })
        }
    }

    /// Tells the leader, which may be this node. If that gets lost, every request for a lease repeats it.
    func tellLeader(_ acknowledgement: EpochAcknowledgement) {
        if leader == node { return leases.acknowledged(acknowledgement, ownHolder) }
        call(PeerCall(kind: Self.acknowledgeCall, bytes: acknowledgement.encoded), within: .seconds(1)) { _ in }
    }

    /// - Parameter completion: runs once with the leader's answer; nil when none will come.
    private func call(_ call: PeerCall, within limit: Duration, _ completion: @escaping ([UInt8]?) -> Void) {
        guard let member else { return completion(nil) }
        let answered: (PeerCallOutcome) -> Void = { outcome in
            if case .reply(let bytes) = outcome { completion(bytes) } else { completion(nil) }
        }
        let peers = member.driver.member.configuration.members.map(\.id).filter { member.transport.isConnected($0) }
        switch route.way(to: leader, from: node, peers: peers) {
        case .here, .none: completion(nil)
        case .straight(let leader): member.transport.call(leader, call, within: limit, completion: answered)
        case .through(let peer):
            let relayed = RelayedCall(origin: ownHolder, call: call)
            let asked = PeerCall(kind: RelayedCall.askKind, bytes: relayed.encoded)
            member.transport.call(peer, asked, within: limit) { [weak self] outcome in
                if case .reply = outcome {} else { self?.route.failed() }
                answered(outcome)
            }
        }
    }

    // MARK: Hearing

    /// Takes a call for the leader from a peer, or relays it.
    func receivedLeaderCall(_ request: PeerRequest) {
        let kind = request.call.kind
        guard kind == RelayedCall.askKind || kind == RelayedCall.handKind else { return take(LeaderCall(request)) }
        guard let relayed = RelayedCall(request.call.bytes) else {
            return request.refuse("not a call that can be handed on")
        }
        if kind == RelayedCall.askKind { handOn(relayed, request) } else { take(LeaderCall(relayed, request)) }
    }

    private func take(_ call: LeaderCall) {
        switch call.call.kind {
        case Self.observeCall: call.answer(observed(call.origin, call.call.bytes))
        case Self.leaseCall: receivedLeaseRequest(call)
        case Self.acknowledgeCall: receivedAcknowledgement(call)
        default: call.refuse("this node knows no such call")
        }
    }

    private func handOn(_ relayed: RelayedCall, _ request: PeerRequest) {
        // A node may send only its own calls through a peer.
        guard relayed.origin == LeaseHolder(request.peer) else { return request.refuse("not in another's name") }
        guard let member, let leader else { return request.refuse("\(node) knows no leader either") }
        if leader == node { return take(LeaderCall(relayed, request)) }
        let call = PeerCall(kind: RelayedCall.handKind, bytes: request.call.bytes)
        member.transport.call(leader, call, within: request.timeout) { outcome in
            switch outcome {
            case .reply(let bytes): request.answer(bytes)
            case .refused(let reason), .notSent(let reason), .unknown(let reason): request.refuse(reason)
            }
        }
    }

    private func receivedLeaseRequest(_ call: LeaderCall) {
        guard let wish = LeaseRequest(call.call.bytes) else { return call.refuse("not a request for a lease") }
        guard grantsLeases else { return call.refuse("\(node) does not lead the group, or not fully yet") }
        leases.requested(wish, call.origin) { call.answer($0.encoded) }
    }

    private func receivedAcknowledgement(_ call: LeaderCall) {
        guard let acknowledgement = EpochAcknowledgement(call.call.bytes) else {
            return call.refuse("not an acknowledgement")
        }
        leases.acknowledged(acknowledgement, call.origin)
        call.answer([])
    }
}
