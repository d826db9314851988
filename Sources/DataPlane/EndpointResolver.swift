// Owns looking up endpoints' names, off the workers, again and again.
internal import Balancing
internal import Catalog
internal import Logging
internal import Proactor
internal import Routing
internal import Synchronization
internal import Topology

/// Resolves the names of the table's endpoints every 30 s, until discovery does better.
final class EndpointResolver: Sendable {
    private let host: LoopHost<Rounds>
    private let names = Mutex<[Address]>([])

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
        let sorted = wanted.sorted()
        let isNew = names.withLock { names in
            defer { names = sorted }
            return names != sorted
        }
        if isNew { host.post { $0.watch(sorted) } }
    }

    func stop() { host.stop() }

    /// Looks one address up at once, on the calling thread.
    static func resolveNow(_ address: Address) throws(SystemError) -> SocketAddress? {
        if let numeric = SocketAddress(numeric: address) { return numeric }
        return try SocketAddress.resolve(address).first
    }

    /// The rounds of looking up, on the resolver's own thread, where blocking harms nobody.
    private final class Rounds: TimerHandler {
        private let loop: EventLoop
        private let book: ResolvedAddresses
        private let logger: Logger
        private let onChange: @Sendable () -> Void
        private var names: [Address] = []
        private var timer: LoopTimer?

        init(_ loop: EventLoop, _ book: ResolvedAddresses, _ logger: Logger, _ onChange: @escaping @Sendable () -> Void) {
            self.loop = loop
            self.book = book
            self.logger = logger
            self.onChange = onChange
            timer = loop.makeTimer(self)
        }

        func watch(_ names: [Address]) {
            self.names = names
            lookUpAll()
        }

        func timerExpired(_ timer: LoopTimer) { lookUpAll() }

        private func lookUpAll() {
            var isChanged = false
            for name in names {
                do throws(SystemError) {
                    guard let first = try SocketAddress.resolve(name).first else { continue }
                    if book.enter(name, as: first) { isChanged = true }
                } catch {
                    logger.warning("cannot resolve an endpoint", metadata: ["error": "\(error)"])
                }
            }
            if isChanged { onChange() }
            if !names.isEmpty { timer?.set(MonotonicClock.now + .seconds(30)) }
        }
    }
}
