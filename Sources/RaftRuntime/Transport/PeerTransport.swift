// Owns talking with the other members of the group: connections both ways, messages of Raft, and the control plane's calls.
public import Logging
public import Proactor
public import Raft
public import Topology

/// What the transport tells its owner, always on the loop's thread.
public struct PeerHandlers {
    /// A message of Raft; its `from` is proved by the certificate where TLS is on.
    public var received: (RaftMessage) -> Void
    /// A peer's request, to be answered once, now or later.
    public var receivedCall: (PeerRequest) -> Void
    /// A peer has said who it is: at every connection, in either direction. For forming and joining.
    public var met: (PeerIdentity) -> Void

    public init(
        received: @escaping (RaftMessage) -> Void, receivedCall: @escaping (PeerRequest) -> Void,
        met: @escaping (PeerIdentity) -> Void = { _ in }
    ) {
        self.received = received
        self.receivedCall = receivedCall
        self.met = met
    }
}

/// The connections of a node to the other members. Belongs to one loop and its thread.
///
/// To each member it holds two connections, one a lane; the member holds two of its own. Messages go over the own
/// connection while it stands, and over the member's else, so that a new member can be answered before its address is
/// known. Without TLS only peers on loopback are talked to. Whatever a peer sends or does not send costs it its
/// connection at the most; queues, calls and times are bounded by `PeerLimits`.
public final class PeerTransport: AcceptHandler {
    let environment: PeerEnvironment
    private let handlers: PeerHandlers
    private var acceptor: Acceptor?
    /// By member; both lanes.
    private var lanes: [NodeID: [PeerLane]] = [:]
    private var contacts: [NodeID: PeerContact] = [:]
    var counters: [NodeID: PeerCounters] = [:]
    /// What others have connected: before and after their greeting.
    private var inbound: [ObjectIdentifier: PeerConnection] = [:]
    /// By member, the incarnation that the last request of Raft under its name came from: that one is answered. Of members
    /// only, so that names which strangers make up take no room.
    private var asker: [NodeID: UInt64] = [:]
    /// By member; of members only.
    private var claims: [NodeID: NameClaims] = [:]
    /// By member: when one came under its name that had lost its disk.
    private var lostDisks: [NodeID: Tick] = [:]
    private(set) var refusedConnections: UInt64 = 0
    private(set) var undeliverable: UInt64 = 0
    private var isStopped = false
    /// Connections taken since `rateBegan`.
    private var taken = 0
    private var rateBegan = Tick.zero

    /// Begins to accept. `update(members:)` then begins to connect.
    ///
    /// - Parameters:
    ///   - listening: the bound `cluster.bind`; the transport owns it from now on.
    ///   - tls: nil: peers on loopback only.
    ///   - random: spreads the attempts to connect.
    public init(
        loop: EventLoop, identity: PeerIdentity, listening: ListeningSocket, tls: PeerTLS?,
        limits: PeerLimits = PeerLimits(), random: RandomBits, logger: Logger, handlers: PeerHandlers
    ) {
        environment = PeerEnvironment(
            loop: loop, limits: limits, tls: tls, identity: identity, random: random, logger: logger)
        self.handlers = handlers
        acceptor = loop.accept(on: listening, handler: self)
    }

    /// Who this node says it is. A change counts for greetings and messages from now on; peers of another cluster lose
    /// their connections.
    public var identity: PeerIdentity {
        get { environment.identity }
        set {
            environment.identity = newValue
            for connection in connections {
                guard let peer = connection.peer, let clash = connection.clash(peer.cluster, peer.node) else {
                    continue
                }
                connection.refuse(clash)
            }
        }
    }

    /// Uses other certificates for connections made from now on; those that stand stay.
    public func update(tls: PeerTLS) { environment.tls = tls }

    /// Talks to these from now on, and to no others of its own accord. This node itself may be among them.
    public func update(members: [PeerContact]) {
        guard !isStopped else { return }
        var wanted: [NodeID: PeerContact] = [:]
        for member in members where member.id != identity.node { wanted[member.id] = member }
        let before = contacts
        contacts = wanted
        // Another incarnation is seen to below: what is connected may be the right one already.
        for id in before.keys.sorted() where wanted[id]?.address != before[id]?.address || leadsAstray(id) {
            for lane in lanes.removeValue(forKey: id) ?? [] { lane.end() }
            if wanted[id] == nil { (counters[id], asker[id], claims[id], lostDisks[id]) = (nil, nil, nil, nil) }
        }
        for id in wanted.keys.sorted() where lanes[id] == nil {
            guard let contact = wanted[id] else { continue }
            let numbers = counters[id] ?? PeerCounters()
            counters[id] = numbers
            let both = PeerLaneKind.allCases.map {
                PeerLane(contact, $0, counters: numbers, environment: environment, owner: self)
            }
            lanes[id] = both
            for lane in both { lane.start() }
        }
        for connection in connections {
            guard let peer = connection.peer, let refusal = strange(peer) else { continue }
            connection.refuse(refusal)
        }
    }

    /// Sends a message to its receiver. It may get lost: Raft repeats what matters.
    ///
    /// A request goes to the incarnation that the configuration names, a reply to the one that asked.
    public func send(_ message: RaftMessage) {
        let kind = message.body.lane
        let isReply = message.body.isReply
        let asked = asker[message.to]
        let connection = connection(message.to, kind) {
            isReply ? asked == nil || asked == $0.peer?.incarnation : !isForeign($0)
        }
        if let connection {
            connection.send(message)
        } else if let lane = lanes[message.to]?.first(where: { $0.kind == kind }), lane.connection == nil {
            lane.send(message)
        } else {
            undeliverable += 1
        }
    }

    /// Asks a peer for something. `completion` runs once, on the loop, at the latest when the time is over; possibly
    /// before this returns, when it cannot be sent.
    public func call(
        _ peer: NodeID, _ call: PeerCall, within timeout: Duration, completion: @escaping (PeerCallOutcome) -> Void
    ) {
        guard call.bytes.count <= environment.limits.callBytes else {
            return completion(
                .notSent("\(call.bytes.count) bytes, where \(environment.limits.callBytes) are the limit"))
        }
        let kind: PeerLaneKind = call.bytes.count <= environment.limits.urgentCallBytes ? .urgent : .bulk
        guard let connection = connection(peer, kind) else { return completion(.notSent("\(peer) is not connected")) }
        connection.call(call, within: timeout, finish: completion)
    }

    /// Whether a message to the peer would go out at once.
    public func isConnected(_ peer: NodeID) -> Bool { connection(peer, .urgent) != nil }

    /// Who the connected peers said they are, by id.
    public var peers: [PeerIdentity] {
        var found: [NodeID: PeerIdentity] = [:]
        for connection in connections where connection.isOpen {
            guard let peer = connection.peer else { continue }
            // One connection may have brought the news of a group, and the others not.
            if (found[peer.node]?.cluster ?? 0) == 0 { found[peer.node] = peer }
        }
        return found.values.sorted { $0.node < $1.node }
    }

    /// Closes everything; nothing is told any more but the ends of open calls. The loop lets go of it then.
    public func stop() {
        isStopped = true
        acceptor?.cancel()
        acceptor = nil
        for id in lanes.keys.sorted() { for lane in lanes[id] ?? [] { lane.end() } }
        lanes = [:]
        contacts = [:]
        for connection in inbound.values { connection.close(.finished) }
        inbound = [:]
    }

    // MARK: Connections

    private var connections: [PeerConnection] {
        lanes.values.flatMap { $0.compactMap(\.connection) } + Array(inbound.values)
    }

    /// The one for calls: to whom the configuration names, else to the one under that name that speaks to this node.
    private func connection(_ peer: NodeID, _ kind: PeerLaneKind) -> PeerConnection? {
        connection(peer, kind) { !isForeign($0) } ?? connection(peer, kind) { $0.peer?.incarnation == asker[peer] }
    }

    /// A connection to one who bears the name and fits; the own one where it does.
    private func connection(
        _ peer: NodeID, _ kind: PeerLaneKind, where fits: (PeerConnection) -> Bool
    ) -> PeerConnection? {
        if let own = lanes[peer]?.first(where: { $0.kind == kind })?.connection, fits(own) { return own }
        return inbound.values.first { $0.isOpen && $0.lane == kind && $0.peer?.node == peer && fits($0) }
    }

    private func isForeign(_ connection: PeerConnection) -> Bool { connection.peer.map(isForeign) ?? false }

    /// Whether the own connections under this name go to another disk than the configuration names: the name of the
    /// address may stand for another machine by now.
    private func leadsAstray(_ id: NodeID) -> Bool {
        (lanes[id] ?? []).contains { $0.connection.map(isForeign) ?? false }
    }

    /// Why a peer is not the member of its name.
    /// One that bears a member's name and holds nothing of any group. One of this group under another incarnation is
    /// talked to, within limits: it may have been put in the place of the old one while this node was away.
    private func strange(_ peer: PeerIdentity) -> PeerRefusal? {
        guard isForeign(peer), peer.cluster == 0 else { return nil }
        lostDisks[peer.node] = environment.loop.now
        let text =
            "\(peer.node) has lost its disk since it became a member: remove it from the cluster, then add it again"
        return PeerRefusal(.incarnation, text)
    }

    // MARK: Accepting

    public func acceptor(_ acceptor: Acceptor, accepted connection: AcceptedConnection) {
        if let reason = isStopped ? "" : crowded() {
            refusedConnections += 1
            if !reason.isEmpty { environment.say(.warning, "peers: \(reason), so no more are taken", ofStranger: true) }
            return connection.refuse()
        }
        let accepted = PeerConnection(.acceptor, environment: environment, owner: self, remote: "a new connection")
        inbound[ObjectIdentifier(accepted)] = accepted
        accepted.adopt(connection)
    }

    /// Why one more connection is not taken; nil: it is.
    private func crowded() -> String? {
        let limits = environment.limits
        if inbound.count >= limits.inboundConnections { return "\(inbound.count) connections are open" }
        if environment.loop.now - rateBegan >= .seconds(1) { (taken, rateBegan) = (0, environment.loop.now) }
        taken += 1
        return taken > limits.inboundRate ? "\(limits.inboundRate) connections came within a second" : nil
    }

    public func acceptor(_ acceptor: Acceptor, failed error: SystemError) {
        environment.say(.error, "peers: \(error)")
    }

    public func acceptorClosed(_ acceptor: Acceptor) {}
}

extension PeerTransport: PeerConnectionOwner {
    func judge(_ hello: PeerHello, on connection: PeerConnection) -> PeerRefusal? { strange(hello.identity) }

    func opened(_ connection: PeerConnection) {
        guard let peer = connection.peer else { return }
        switch connection.role {
        case .dialer(let contact, let kind):
            lanes[contact.id]?.first { $0.kind == kind }?.opened(connection)
        case .acceptor:
            // A peer that comes anew has given its last connection up, whether or not that was heard here.
            for other in inbound.values where other !== connection && other.lane == connection.lane {
                let isSame = other.peer?.node == peer.node && other.peer?.incarnation == peer.incarnation
                if isSame, other.isOpen { replace(other, peer.node) }
            }
            connection.counters = counters[peer.node]
            for lane in lanes[peer.node] ?? [] { lane.hurry() }
        }
        if connection.isOpen { handlers.met(peer) }
    }

    /// A connection gives way to a newer one of the same name and disk.
    private func replace(_ connection: PeerConnection, _ member: NodeID) {
        let now = environment.loop.now
        guard contacts[member] != nil, connection.isAlive else { return connection.close(.finished) }
        claims[member, default: NameClaims()].replaced(now: now)
        guard claims[member]?.areTwo(now: now) == true else { return connection.close(.finished) }
        environment.say(.error, NameClaims.words(member))
        // So that both of them say it, too.
        connection.refuse(PeerRefusal(.notMe, NameClaims.words(member)))
    }

    /// Why there is no connection to a member, or that two processes claim its name; nil where nothing is wrong.
    public func failure(of member: NodeID) -> String? {
        if claims[member]?.areTwo(now: environment.loop.now) == true { return NameClaims.words(member) }
        return isConnected(member) ? nil : counters[member]?.lastFailure
    }

    /// Whether the one that comes under a member's name has lost its disk.
    public func hasLostDisk(_ member: NodeID) -> Bool {
        lostDisks[member].map { environment.loop.now - $0 <= .seconds(10) } ?? false
    }

    func isForeign(_ peer: PeerIdentity) -> Bool {
        contacts[peer.node]?.incarnation.map { $0 != peer.incarnation } ?? false
    }

    func connection(_ connection: PeerConnection, received message: RaftMessage) {
        if isStopped { return }
        if !message.body.isReply, contacts[message.from] != nil {
            asker[message.from] = connection.peer?.incarnation
        }
        handlers.received(message)
    }

    func connection(_ connection: PeerConnection, received request: PeerRequest) {
        if isStopped { return }
        guard !isForeign(request.peer) else { return request.refuse("another disk is a member under this name") }
        handlers.receivedCall(request)
    }

    func closed(_ connection: PeerConnection, _ end: PeerConnection.End) {
        switch connection.role {
        case .dialer(let contact, let kind):
            lanes[contact.id]?.first { $0.kind == kind }?.closed(connection, end)
        case .acceptor:
            inbound[ObjectIdentifier(connection)] = nil
            tell(connection, end)
        }
    }

    /// Writes a line about the end of a connection that another has made, where there is something to be done about it.
    private func tell(_ connection: PeerConnection, _ end: PeerConnection.End) {
        // Said already, and it happens again and again.
        if let peer = connection.peer, claims[peer.node]?.areTwo(now: environment.loop.now) == true { return }
        let isStranger = connection.counters == nil
        switch end {
        case .finished: break
        case .rejected:
            refusedConnections += 1
            environment.say(.warning, "refused \(connection.name): \(end.words)", ofStranger: isStranger)
        case .refused:
            environment.say(.warning, "peer \(connection.name): \(end.words)", ofStranger: isStranger)
        case .failed:
            // A member that goes is seen by the own connections to it; of others only what never became a peer is told.
            if isStranger {
                environment.say(.warning, "connection from \(connection.name): \(end.words)", ofStranger: true)
            }
        }
    }
}
