// Owns the simulated clients: they write, increment and read registers, ask again if no answer comes, and record what
// they saw.
internal import Raft
internal import Topology

/// A client does one thing at a time. A repeated write keeps its session and sequence number, so it is applied once.
struct SimulatedClient: Sendable {
    struct Pending: Sendable {
        var key: Int
        var action: RegisterAction
        var called: Tick
        var firstAttempt: UInt64
    }

    var session: UInt64
    var sequence: UInt64 = 0
    /// Counts its requests, so that a late answer to an earlier operation is not taken for one to this.
    var attempt: UInt64 = 0
    var pending: Pending?
    /// The node to ask next.
    var target = 0
    /// Operations that ended after all faults were over.
    var doneInCalm = 0
}

extension SimulatedCluster {
    private static let operatorNumber: UInt64 = 255

    mutating func clientWakes(_ client: Int, _ attempt: UInt64) {
        guard clients[client].attempt == attempt else { return }
        if clients[client].pending == nil {
            begin(client)
        } else {
            // No answer in time. Now and then the client gives up, and nobody knows what became of the operation.
            if !isCalm, random.below(20) == 0 {
                abandon(client)
                begin(client)
            }
            clients[client].target = random.below(nodes.count)
            if scenario.mutation == .retryUnderAnotherName { clients[client].sequence += 1 }
        }
        ask(client)
    }

    private mutating func begin(_ client: Int) {
        let key = random.below(scenario.keys)
        let action: RegisterAction =
            switch random.below(4) {
            case 0: .write(Int64(random.below(1_000_000)))
            case 1: .add(Int64(1 + random.below(1_000_000)))
            default: .read
            }
        if action != .read { clients[client].sequence += 1 }
        clients[client].pending = SimulatedClient.Pending(
            key: key, action: action, called: now, firstAttempt: clients[client].attempt + 1)
    }

    private mutating func ask(_ client: Int) {
        guard let pending = clients[client].pending else { return }
        clients[client].attempt += 1
        let attempt = clients[client].attempt
        let request = RaftRequestID(attempt << 8 | UInt64(client))
        let event: RaftEvent
        if pending.action == .read {
            event = .read(request)
        } else {
            let bytes = RegisterMachine.encode(key: pending.key, pending.action)
            event = .propose(
                request, Command(session: clients[client].session, sequence: clients[client].sequence, bytes: bytes))
        }
        plan(.request(clients[client].target, event), after: random.duration(.microseconds(100), .milliseconds(3)))
        plan(.clientWakes(client, attempt: attempt), after: random.duration(.milliseconds(300), .seconds(2)))
    }

    /// It may take effect at any later time or never, so the history keeps it open.
    private mutating func abandon(_ client: Int) {
        guard let pending = clients[client].pending else { return }
        clients[client].pending = nil
        if let operation = operation(client, pending, value: nil) { history.append(operation) }
    }

    private func operation(_ client: Int, _ pending: SimulatedClient.Pending, value: Int64?) -> Operation? {
        let kind: Operation.Kind
        switch pending.action {
        case .write(let written): kind = .write(written)
        case .add(let count): kind = .add(count, result: value)
        case .read:
            guard let value else { return nil }
            kind = .read(value)
        }
        return Operation(
            client: client, key: pending.key, called: pending.called, returned: value.map { _ in now }, kind: kind)
    }

    // MARK: At the node

    mutating func request(_ node: Int, _ event: RaftEvent) {
        if scenario.mutation == .readWithoutRound, case .read(let request) = event, nodes[node].core.leadsFully {
            return answer(request, .readable(nodes[node].core.commit), node)
        }
        step(node, event)
    }

    /// A node answers with the register's present value.
    mutating func answer(_ request: RaftRequestID, _ outcome: RaftOutcome, _ node: Int) {
        var value: Int64?
        switch outcome {
        case .applied(let index), .duplicate(of: let index): value = invariants.result(at: index)
        case .readable:
            if let pending = pending(request) { value = nodes[node].machine.values[pending.key] }
        default: break
        }
        plan(
            .answer(request, outcome, value: value, from: node),
            after: random.duration(.microseconds(100), .milliseconds(3)))
    }

    private func pending(_ request: RaftRequestID) -> SimulatedClient.Pending? {
        let client = Int(request.number & 255)
        guard client < clients.count, let pending = clients[client].pending,
            request.number >> 8 >= pending.firstAttempt
        else { return nil }
        return pending
    }

    // MARK: At the client

    mutating func answered(_ request: RaftRequestID, _ outcome: RaftOutcome, _ value: Int64?, _ node: Int) {
        if trace != nil { note("\(nodes[node].id) answers \(request.number): \(outcome)") }
        guard let pending = pending(request) else { return }
        let client = Int(request.number & 255)
        switch outcome {
        case .applied, .duplicate, .readable:
            guard let value, let operation = operation(client, pending, value: value) else { return }
            history.append(operation)
            clients[client].pending = nil
            clients[client].target = node
            if isCalm { clients[client].doneInCalm += 1 }
            rest(client, random.duration(.zero, scenario.thinking))
        case .notLeader(let leader):
            clients[client].target = leader.flatMap { number(of: $0) } ?? random.below(nodes.count)
            askSoon(client, request)
        case .refused, .unknown: askSoon(client, request)
        case .sessionExpired:
            abandon(client)
            clients[client].session += 1_000
            rest(client, scenario.thinking)
        case .transferred: break
        }
    }

    private mutating func rest(_ client: Int, _ pause: Duration) {
        clients[client].attempt += 1
        plan(.clientWakes(client, attempt: clients[client].attempt), after: pause)
    }

    /// Asks again if that makes sense and this was the latest attempt.
    private mutating func askSoon(_ client: Int, _ request: RaftRequestID) {
        guard request.number >> 8 == clients[client].attempt else { return }
        clients[client].attempt += 1
        plan(
            .askAgain(client, attempt: clients[client].attempt),
            after: random.duration(.milliseconds(5), .milliseconds(100)))
    }

    mutating func askAgain(_ client: Int, _ attempt: UInt64) {
        if clients[client].attempt == attempt { ask(client) }
    }

    /// A request by operators; nobody waits for its answer.
    mutating func operatorRequest() -> RaftRequestID {
        operatorAttempts += 1
        return RaftRequestID(operatorAttempts << 8 | Self.operatorNumber)
    }
}
