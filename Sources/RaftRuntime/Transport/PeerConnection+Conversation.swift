// Owns what goes over an open connection: messages of Raft, calls and their replies, and signs of life.
internal import Logging
internal import Proactor
internal import Raft
internal import Topology

extension PeerConnection {
    var isOpen: Bool { phase == .open }

    // MARK: Sending

    /// Sends a message of Raft, in its turn. Too many: the oldest are dropped.
    func send(_ message: RaftMessage) {
        queue.add(message, now: loop.now)
        counters?.messagesDropped += queue.takeDropped()
        schedulePump()
    }

    /// Sends a frame before all messages of Raft. False: too many frames wait.
    @discardableResult
    func enqueue(_ frame: PeerFrame, cost: Int = 64) -> Bool {
        guard phase == .open, queue.add(frame, cost: cost, now: loop.now) else { return false }
        schedulePump()
        return true
    }

    /// Sends a call and waits for its reply until the deadline.
    func call(_ call: PeerCall, within timeout: Duration, finish: @escaping (PeerCallOutcome) -> Void) {
        guard openCalls.count < limits.openCalls else { return finish(.notSent("too many calls wait for it")) }
        lastCall += 1
        let frame = PeerFrame.call(number: lastCall, call, timeout: timeout)
        guard enqueue(frame, cost: 64 + call.bytes.count) else { return finish(.notSent("too much waits for it")) }
        openCalls[lastCall] = OpenCall(deadline: loop.now + timeout, isSent: false, finish: finish)
        setTimer()
    }

    func expireCalls() {
        let due = openCalls.filter { $0.value.deadline <= loop.now }
        for number in due.keys.sorted() {
            // A call that still waits in the queue goes out all the same; its reply then finds nobody.
            openCalls.removeValue(forKey: number)?.finish(.unknown("no reply in time"))
        }
    }

    /// The bytes of what goes next; nil: it cannot be said, which is counted and logged.
    func encode(_ item: PeerQueue.Item) -> [UInt8]? {
        guard let peer else { return nil }
        let frame: PeerFrame
        switch item {
        case .frame(let waiting): frame = waiting
        case .message(let message):
            guard message.body.isReply || !isForeign else {
                counters?.messagesDropped += 1
                return nil
            }
            frame = .raft(cluster: environment.identity.cluster, term: message.term, message.body)
        }
        do throws(PeerCodecError) {
            let bytes = try PeerCodec.encode(frame, to: peer.node, limit: limits.frameBytes)
            switch frame {
            case .raft: counters?.messagesSent += 1
            case .call(let number, _, _): openCalls[number]?.isSent = true
            default: break
            }
            return bytes
        } catch {
            counters?.messagesDropped += 1
            environment.say(.error, "peer \(name): \(error)")
            if case .call(let number, _, _) = frame {
                openCalls.removeValue(forKey: number)?.finish(.notSent(error.description))
            }
            return nil
        }
    }

    // MARK: Receiving

    func converse(_ frame: PeerFrame) {
        switch frame {
        case .raft(let cluster, let term, let body): received(body, term, cluster)
        case .call(let number, let call, let timeout): received(call, number, timeout)
        case .reply(let number, let content):
            // Of a call that ran out of time there may be a reply that nobody waits for.
            guard let call = openCalls.removeValue(forKey: number) else { return }
            switch content {
            case .bytes(let bytes): call.finish(.reply(bytes))
            case .refusal(let text): call.finish(.refused(text))
            }
        case .ping(let number): enqueue(.pong(number))
        case .pong(let number):
            guard number == pingSent, number != 0 else { return }
            pingSent = 0
            counters?.roundTrip = loop.clock() - Tick(nanoseconds: Int64(bitPattern: number))
        case .refusal(let refusal): close(.refused(refusal))
        case .hello, .welcome: refuse(PeerRefusal(.malformed, "a second greeting"))
        }
    }

    /// Under this name the configuration names another disk. What that has promised this one has not: it is asked for
    /// nothing, and no reply of it counts. But it may ask, and is answered: the configuration that names it may be on its
    /// way to this node, from it perhaps, and whose votes and acknowledgements count is for the asker's configuration to say.
    private var isForeign: Bool { peer.map { owner?.isForeign($0) ?? false } ?? false }

    private func received(_ body: RaftMessage.Body, _ term: Term, _ cluster: UInt64) {
        guard let peer else { return }
        if let refusal = clash(cluster, peer.node) { return refuse(refusal) }
        // A group may have formed since the greeting.
        if cluster != 0 { self.peer?.cluster = cluster }
        counters?.messagesReceived += 1
        guard !body.isReply || !isForeign else { return }
        let message = RaftMessage(from: peer.node, to: environment.identity.node, term: term, body)
        owner?.connection(self, received: message)
    }

    private func received(_ call: PeerCall, _ number: UInt64, _ timeout: Duration) {
        guard let peer else { return }
        guard requestsOpen < limits.openCalls, call.bytes.count <= limits.callBytes else {
            let text = call.bytes.count > limits.callBytes ? "a call of too many bytes" : "too many calls"
            enqueue(.reply(number: number, .refusal(text)))
            return
        }
        requestsOpen += 1
        let request = PeerRequest(peer: peer, call: call, timeout: timeout) { [weak self] content in
            self?.reply(number, content)
        }
        owner?.connection(self, received: request)
    }

    private func reply(_ number: UInt64, _ content: PeerReplyContent) {
        requestsOpen -= 1
        var content = content
        if case .bytes(let bytes) = content, bytes.count > limits.callBytes {
            content = .refusal("the reply has too many bytes: \(bytes.count)")
        }
        var cost = 64
        if case .bytes(let bytes) = content { cost += bytes.count }
        // Without room the reply is lost, and the caller's deadline tells it that nobody knows.
        enqueue(.reply(number: number, content), cost: cost)
    }
}
