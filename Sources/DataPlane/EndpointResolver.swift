// Owns looking up endpoints' names, off the workers, again and again.
internal import Balancing
internal import Catalog
internal import Logging
internal import Proactor
internal import Routing
internal import Synchronization
internal import Topology

/// Resolves the names of the table's endpoints, side by side, until discovery does better.
final class EndpointResolver: Sendable {
    private let host: LoopHost<Rounds>
    private let names = Mutex<Set<Address>>([])

    init(_ book: ResolvedAddresses, logger: Logger, onChange: @escaping @Sendable () -> Void) throws(SystemError) {
        var buffers = LoopBuffers.modest
        buffers.smallCount = 1
        buffers.largeCount = 1
        host = try LoopHost.start(name: "resolver", io: .epoll, buffers: buffers) { loop throws(SystemError) in
            Rounds(loop, book, logger, onChange)
        }
    }

    /// Looks the table's names up, unless they are being looked up already.
    func watch(_ table: RoutingTable) {
        var wanted = Set<Address>()
        for service in table.services {
            for endpoint in service.datacenters.flatMap(\.endpoints)
            where SocketAddress(numeric: endpoint.address) == nil {
                wanted.insert(endpoint.address)
            }
        }
        let isNew = names.withLock { names in
            defer { names = wanted }
            return names != wanted
        }
        if isNew { host.post { [wanted] in $0.watch(wanted) } }
    }

    func stop() { host.stop() }

    /// Looks one address up at once, on the calling thread.
    static func resolveNow(_ address: Address) throws(SystemError) -> SocketAddress? {
        if let numeric = SocketAddress(numeric: address) { return numeric }
        return try SocketAddress.resolve(address).first
    }

    /// The rounds of looking up, on a thread of their own.
    private final class Rounds: TimerHandler {
        private let loop: EventLoop
        private let book: ResolvedAddresses
        private let logger: Logger
        private let onChange: @Sendable () -> Void
        private let resolver = Resolver()
        private var names = NameWatch()
        private var timer: LoopTimer?

        init(
            _ loop: EventLoop, _ book: ResolvedAddresses, _ logger: Logger, _ onChange: @escaping @Sendable () -> Void
        ) {
            self.loop = loop
            self.book = book
            self.logger = logger
            self.onChange = onChange
            timer = loop.makeTimer(self)
        }

        func watch(_ wanted: Set<Address>) {
            names.watch(wanted, now: MonotonicClock.now)
            book.keep(only: wanted)
            ask()
        }

        func timerExpired(_ timer: LoopTimer) { ask() }

        private func ask() {
            let now = MonotonicClock.now
            let own = LoopBound(self, of: loop)
            for (name, urgency) in names.due(now: now) {
                let isAsked = resolver.resolve(name, urgency, on: loop.mailbox) { answer in
                    own.post { $0.take(name, answer) }
                }
                if !isAsked { names.refused(name, now: now) }
            }
            schedule()
        }

        /// Each answer counts as it comes: no name waits for another.
        private func take(_ name: Address, _ answer: Resolver.Answer) {
            let found = (try? answer.get()) ?? []
            let change = names.answered(name, found, now: MonotonicClock.now)
            if change.hasBegunToFail, case .failure(let error) = answer {
                logger.warning("cannot resolve an endpoint; trying again", metadata: ["error": "\(error)"])
            }
            if let address = change.address {
                book.enter(name, as: address)
                onChange()
            }
            schedule()
        }

        private func schedule() {
            if let next = names.next { timer?.set(next) } else { timer?.cancel() }
        }
    }
}
