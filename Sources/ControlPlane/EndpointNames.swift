// Owns the socket addresses of endpoints that are checked: numeric ones at once, host names by regular look-ups.
internal import Proactor
internal import Topology

/// Looks names up off the loop, every 30 s. A name that can no longer be
/// resolved keeps the address it had.
final class EndpointNames: TimerHandler {
    static let period = Duration.seconds(30)

    private let loop: EventLoop
    private let changed: () -> Void
    private let resolver = Resolver()
    private var names: [Address] = []
    private var found: [Address: SocketAddress] = [:]
    /// Those of which an answer, good or bad, was asked for before.
    private var asked: Set<Address> = []
    private var timer: LoopTimer?

    /// - Parameter changed: called on the loop's thread when a name has another address than before.
    init(_ loop: EventLoop, changed: @escaping () -> Void) {
        self.loop = loop
        self.changed = changed
    }

    /// Looks up these from now on, and no others.
    func watch(_ addresses: [Address]) {
        let wanted = Set(addresses.filter { SocketAddress(numeric: $0) == nil })
        guard wanted != Set(names) else { return }
        names = wanted.sorted()
        found = found.filter { wanted.contains($0.key) }
        asked.formIntersection(wanted)
        lookUp(names.filter { found[$0] == nil })
        guard !names.isEmpty else {
            timer?.cancel()
            return
        }
        let timer = timer ?? loop.makeTimer(self)
        self.timer = timer
        timer.set(loop.now + Self.period)
    }

    /// The address to connect to; nil while a name was never resolved.
    func socketAddress(of address: Address) -> SocketAddress? { SocketAddress(numeric: address) ?? found[address] }

    func timerExpired(_ timer: LoopTimer) {
        lookUp(names)
        timer.set(loop.now + Self.period)
    }

    private func lookUp(_ names: [Address]) {
        let own = LoopBound(self, of: loop)
        for name in names {
            // A refused lookup, too, comes again with the next round.
            _ = resolver.resolve(name, urgency(of: name), on: loop.mailbox) { answer in
                if case .success(let addresses) = answer { own.post { $0.take(name, addresses) } }
            }
        }
    }

    private func urgency(of name: Address) -> LookupUrgency {
        if asked.insert(name).inserted { return .first }
        return found[name] == nil ? .doubtful : .renewal
    }

    /// An address that is still among the answers stays: name services shuffle.
    private func take(_ name: Address, _ addresses: [SocketAddress]) {
        guard names.contains(name), let first = addresses.first, found[name].map(addresses.contains) != true else {
            return
        }
        found[name] = first
        changed()
    }
}
