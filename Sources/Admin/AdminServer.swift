// Owns the admin thread: its listening sockets, its guard, and which endpoint answers.
public import ControlPlane
public import DataPlane
internal import HTTPTransport
public import Logging
public import Proactor
public import Settings
internal import Synchronization
internal import Topology

/// Where a node is in its life; what `/readyz` says of it.
public final class NodeLifecycle: Sendable {
    private let stopping = Atomic(false)
    public init() {}
    /// From now on the node is not ready.
    public func beginStop() { stopping.store(true, ordering: .relaxed) }
    public var isStopping: Bool { stopping.load(ordering: .relaxed) }
}

/// The admin API of a node, on a thread of its own.
public final class AdminServer: Sendable {
    private let host: LoopHost<Sites>
    /// Where the API is bound.
    public let address: SocketAddress

    /// The two sites: the whole API, and the public one with three paths.
    private final class Sites {
        let api: HTTPServer
        let status: HTTPServer?
        init(api: HTTPServer, status: HTTPServer?) {
            self.api = api
            self.status = status
        }
    }

    /// Binds and serves.
    ///
    /// - Throws: what could not be bound; also an address off loopback, which needs the TLS that is yet to come.
    public init(
        _ settings: Settings, io: IOKind, control: ControlPlane, counters: TrafficCounters, lifecycle: NodeLifecycle,
        version: String, logger: Logger
    ) throws(SystemError) {
        guard let wanted = SocketAddress(numeric: settings.admin.bind), wanted.isLoopback else {
            throw SystemError(code: 13, action: "admin.bind \(settings.admin.bind): only loopback without TLS")
        }
        let socket = try ListeningSocket.bind(wanted)[0]
        address = socket.address
        var statusSocket: ListeningSocket?
        do throws(SystemError) {
            if let bind = settings.statusBind, let socket = SocketAddress(numeric: bind) {
                statusSocket = try ListeningSocket.bind(socket)[0]
            }
            let exposed = statusSocket
            let context = AdminContext(
                settings: settings, control: control, counters: counters, lifecycle: lifecycle, version: version)
            let gate = RequestGuard(bound: socket.address, advertised: settings.admin.advertise)
            host = try LoopHost.start(name: "admin", io: io, buffers: .modest) { loop throws(SystemError) in
                let router = AdminRouter(context, loop: loop)
                let api = HTTPServer(loop: loop, socket: socket, bodyLimit: 64 << 10) { request, respond in
                    if let refusal = gate.refusal(request) { respond(refusal) } else { router.answer(request, respond) }
                }
                let status = exposed.map { socket in
                    HTTPServer(loop: loop, socket: socket, bodyLimit: 1 << 10) { request, respond in
                        guard ["/livez", "/readyz", "/metrics"].contains(request.path) else {
                            respond(.problem(404, "there is nothing at \(request.path)"))
                            return
                        }
                        router.answer(request, respond)
                    }
                }
                return Sites(api: api, status: status)
            }
        } catch {
            socket.close()
            statusSocket?.close()
            throw error
        }
    }

    /// Ends the thread.
    public func stop() { host.stop() }
}

/// What endpoints answer from: immutable snapshots and counters.
struct AdminContext: Sendable {
    let settings: Settings
    let control: ControlPlane
    let counters: TrafficCounters
    let lifecycle: NodeLifecycle
    let version: String
    let started = EventLoop.clock()
    let rates = RequestRates()
}
