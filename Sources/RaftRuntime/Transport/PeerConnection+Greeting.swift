// Owns the first words between two members: who each is, and whether they may talk.
internal import Proactor
internal import Topology
internal import Transport

extension PeerConnection {
    /// The connection is as secret as it gets: the side that made it compares the peer's name, and says hello.
    ///
    /// - Returns: why the peer is not who was wanted.
    @discardableResult
    func secured() -> PeerRefusal? {
        phase = .greeting
        guard case .dialer(let contact, let lane) = role else { return nil }
        if let refusal = compare(contact.id) { return refusal }
        let hello = PeerHello(identity: environment.identity, to: contact.id, lane: lane)
        say(.hello(hello), to: contact.id)
        return nil
    }

    /// Whether the peer's certificate is for this node; without TLS there is none.
    private func compare(_ node: NodeID) -> PeerRefusal? {
        guard let names = stream?.peerNames else { return nil }
        if names.contains(node.text) { return nil }
        let list = names.isEmpty ? "nobody" : names.prefix(4).joined(separator: ", ")
        let text = (try? PeerCodec.text(String(list.prefix(200)))) ?? "others"
        return PeerRefusal(.name, "its certificate is for \(text), not for \(node)")
    }

    func greet(_ frame: PeerFrame) {
        switch (role, frame) {
        case (.acceptor, .hello(let hello)): accept(hello)
        case (.dialer(let contact, _), .welcome(let hello)): complete(hello, contact)
        case (_, .refusal(let refusal)): close(.refused(refusal))
        default: refuse(PeerRefusal(.malformed, "another frame in place of a greeting"))
        }
    }

    private func accept(_ hello: PeerHello) {
        peer = hello.identity
        lane = hello.lane
        if let refusal = objection(to: hello) { return refuse(refusal) }
        queue = PeerQueue(limit: limits.queueMessages, byteLimit: limits.queueBytes(lane))
        let answer = PeerHello(identity: environment.identity, to: hello.identity.node, lane: hello.lane)
        say(.welcome(answer), to: hello.identity.node)
        open()
    }

    private func complete(_ hello: PeerHello, _ contact: PeerContact) {
        guard hello.identity.node == contact.id else {
            return refuse(PeerRefusal(.notMe, "\(hello.identity.node) answers there, not \(contact.id)"))
        }
        peer = hello.identity
        if let refusal = objection(to: hello) { return refuse(refusal) }
        open()
    }

    private func open() {
        guard phase == .greeting else { return }
        enterOpen()
        owner?.opened(self)
        schedulePump()
    }

    /// Why the peer may not talk to this node.
    private func objection(to hello: PeerHello) -> PeerRefusal? {
        let own = PeerHello(identity: environment.identity, to: hello.identity.node, lane: hello.lane)
        guard own.isCompatible(with: hello) else {
            let text =
                "\(hello.identity.node) speaks versions \(hello.minimumVersion) to \(hello.version) of the peer protocol, "
                + "\(own.identity.node) \(own.minimumVersion) to \(own.version)"
            return PeerRefusal(.version, text)
        }
        guard hello.to == environment.identity.node else {
            return PeerRefusal(.notMe, "this is \(environment.identity.node), not \(hello.to)")
        }
        guard hello.identity.node != environment.identity.node else {
            return PeerRefusal(.notMe, "\(hello.identity.node) is this node's own id")
        }
        return compare(hello.identity.node) ?? clash(hello.identity.cluster, hello.identity.node)
            ?? owner?.judge(hello, on: self)
    }

    /// Why a group's number does not go with the own one.
    func clash(_ cluster: UInt64, _ node: NodeID) -> PeerRefusal? {
        let own = environment.identity.cluster
        guard cluster != 0, own != 0, cluster != own else { return nil }
        let text =
            "\(node) belongs to another cluster: \(String(cluster, radix: 16)), and \(environment.identity.node) to "
            + String(own, radix: 16)
        return PeerRefusal(.otherCluster, text)
    }

    private func say(_ frame: PeerFrame, to node: NodeID) {
        do throws(PeerCodecError) {
            transmit(try PeerCodec.encode(frame, to: node, limit: limits.greetingBytes))
        } catch {
            close(.failed(error.description))
        }
    }
}
