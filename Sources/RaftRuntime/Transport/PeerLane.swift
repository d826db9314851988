// Owns one way to a member: looking its address up, connecting, and connecting again.
internal import Logging
internal import Proactor
internal import Raft
internal import Topology
internal import Transport

/// The connection that this node makes to a member in one lane, for as long as the member is known.
///
/// States: waiting → resolving → connecting → open → waiting; each may go to waiting (a failure) and to ended.
final class PeerLane: TimerHandler {
    enum State {
        /// Until its timer, or until somebody gives a reason to try at once.
        case waiting
        case resolving(attempt: UInt64)
        case connecting(PeerConnection)
        case open(PeerConnection)
        case ended
    }

    let contact: PeerContact
    let kind: PeerLaneKind
    let counters: PeerCounters
    private let environment: PeerEnvironment
    private weak var owner: (any PeerConnectionOwner)?
    private var state = State.waiting
    private var candidates: [SocketAddress] = []
    private var queue: PeerQueue
    private var timer: LoopTimer?
    private var failures = 0
    private var attempts: UInt64 = 0
    private var openedAt = Tick.zero
    /// The last three.
    private var openings: [Tick] = []
    private var wasRefused = false

    init(
        _ contact: PeerContact, _ kind: PeerLaneKind, counters: PeerCounters, environment: PeerEnvironment,
        owner: any PeerConnectionOwner
    ) {
        self.contact = contact
        self.kind = kind
        self.counters = counters
        self.environment = environment
        self.owner = owner
        let limits = environment.limits
        queue = PeerQueue(limit: limits.queueMessages, byteLimit: limits.queueBytes(kind))
    }

    /// The connection, while it is open.
    var connection: PeerConnection? {
        if case .open(let connection) = state { return connection }
        return nil
    }

    func start() {
        timer = environment.loop.makeTimer(self)
        connect()
    }

    func end() {
        let last = state
        state = .ended
        timer?.invalidate()
        timer = nil
        queue.removeAll()
        switch last {
        case .connecting(let connection), .open(let connection): connection.close(.finished)
        case .waiting, .resolving, .ended: break
        }
    }

    /// Sends at once, or keeps the message for a connection that comes soon.
    func send(_ message: RaftMessage) {
        if let connection { return connection.send(message) }
        queue.add(message, now: environment.loop.now)
        counters.messagesDropped += queue.takeDropped()
    }

    /// The member has shown that it is there: no reason to wait any longer.
    func hurry() {
        guard case .waiting = state, !wasRefused else { return }
        connect()
    }

    func timerExpired(_ timer: LoopTimer) {
        if case .waiting = state { connect() }
    }

    // MARK: Connecting

    private func connect() {
        timer?.cancel()
        attempts += 1
        if let numeric = SocketAddress(numeric: contact.address) {
            candidates = [numeric]
            return tryNext()
        }
        state = .resolving(attempt: attempts)
        let own = LoopBound(self, of: environment.loop)
        let attempt = attempts
        let isAsked = environment.resolve(contact.address) { answer in
            own.post { $0.resolved(answer, attempt) }
        }
        if !isAsked { failed("\(contact.address): the name cannot be looked up now") }
    }

    private func resolved(_ answer: Resolver.Answer, _ attempt: UInt64) {
        guard case .resolving(let current) = state, current == attempt else { return }
        switch answer {
        case .success(let addresses):
            candidates = Array(addresses.prefix(8))
            tryNext()
        case .failure(let error): failed(error.description)
        }
    }

    private func tryNext() {
        guard let owner else { return }
        guard !candidates.isEmpty else { return failed("no address is left to try") }
        let address = candidates.removeFirst()
        guard environment.tls != nil || address.isLoopback else {
            return failed("\(address) is not on loopback, and cluster.tls is not set")
        }
        let connection = PeerConnection(
            .dialer(contact, kind), environment: environment, owner: owner, remote: address.description)
        connection.counters = counters
        state = .connecting(connection)
        connection.connect(to: address)
    }

    // MARK: What the connection tells

    func opened(_ connection: PeerConnection) {
        guard case .connecting(let current) = state, current === connection else { return connection.close(.finished) }
        state = .open(connection)
        candidates = []
        // A connection that comes and goes is not to fill the log: what was said of it stays said for a while.
        let comesAndGoes = openings.count == 3 && environment.loop.now - openings[0] < .seconds(10)
        openedAt = environment.loop.now
        openings = openings.suffix(2) + [openedAt]
        wasRefused = false
        counters.connects += 1
        counters.lastFailure = nil
        if !comesAndGoes { environment.forget(linesWith: " \(contact.id) (") }
        environment.say(
            kind == .urgent ? .info : .debug,
            "connected to \(connection.name)" + (connection.stream?.tlsVersion.map { " by \($0)" } ?? ""))
        let oldest = environment.loop.now.nanoseconds - environment.limits.staleAfter.wholeNanoseconds
        connection.queue.take(&queue, notBefore: Tick(nanoseconds: oldest))
        counters.messagesDropped += connection.queue.takeDropped()
    }

    func closed(_ connection: PeerConnection, _ end: PeerConnection.End) {
        switch state {
        case .connecting(let current) where current === connection:
            if case .failed = end, !candidates.isEmpty { return tryNext() }
        case .open(let current) where current === connection:
            // Only a connection that lasted is a reason to begin anew with short waits.
            if environment.loop.now - openedAt > .seconds(1) { failures = 0 }
        default: return
        }
        switch end {
        case .refused, .rejected: wasRefused = true
        case .finished, .failed: wasRefused = false
        }
        failed(end.words)
    }

    private func failed(_ reason: String) {
        if case .ended = state { return }
        state = .waiting
        if counters.lastFailure != reason {
            counters.lastFailure = reason
            environment.say(.warning, "peer \(contact.id) (\(contact.address)): \(reason)")
        }
        let limits = environment.limits
        // Who was refused will most likely be refused again.
        let wait = wasRefused ? limits.greatestBackoff : limits.backoff(failures)
        failures = min(failures + 1, 32)
        let nanoseconds = Double(wait.wholeNanoseconds) * (1 - environment.random.unit() / 2)
        timer?.set(environment.loop.now + .nanoseconds(Int64(nanoseconds)))
    }
}
