// Owns the admin thread: its listening sockets, the access rules, and which site answers.
internal import HTTPTransport
public import Proactor
public import Settings
internal import Synchronization
public import Topology

/// The admin API of a node, on a thread of its own.
public final class AdminServer: Sendable {
    private let host: LoopHost<Sites>
    private let gate: AccessGate
    /// Where the API is bound, with the port that the system chose for port 0.
    public let address: SocketAddress
    /// Where `/livez`, `/readyz` and `/metrics` are served to anyone; nil without a `status` section.
    public let statusAddress: SocketAddress?

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
    /// - Parameter connections: the most at a time, over both sites.
    /// - Throws: what could not be bound or read; also an address off loopback, which needs the TLS that is yet to come.
    public init(
        _ settings: Settings, io: IOKind, sources: AdminSources, connections: Int = 512
    ) throws(AdminError) {
        let api = try Self.bind(settings.admin.bind, key: "admin.bind")
        var status: ListeningSocket?
        do throws(AdminError) {
            guard api.address.isLoopback else { throw .offLoopback(settings.admin.bind) }
            if let bind = settings.statusBind { status = try Self.bind(bind, key: "status.bind") }
            let gate = AccessGate(try AccessRules(settings.admin, bound: api.address))
            self.gate = gate
            host = try Self.start(api, status, gate, io, sources, connections / 2)
        } catch {
            api.close()
            status?.close()
            throw error
        }
        address = api.address
        statusAddress = status?.address
    }

    /// Host names are allowed as addresses and are looked up once, while the process starts.
    private static func bind(_ address: Address, key: String) throws(AdminError) -> ListeningSocket {
        do throws(SystemError) {
            if let resolved = try SocketAddress.resolve(address).first,
                let socket = try ListeningSocket.bind(resolved, timeout: ListeningSocket.startTimeout).first
            {
                return socket
            }
        } catch {
            throw .unavailable(key: key, address, error)
        }
        throw .unusable(key: key, address)
    }

    private static func start(
        _ apiSocket: ListeningSocket, _ statusSocket: ListeningSocket?, _ gate: AccessGate, _ io: IOKind,
        _ sources: AdminSources, _ connections: Int
    ) throws(AdminError) -> LoopHost<Sites> {
        do throws(SystemError) {
            return try LoopHost.start(name: "admin", io: io, buffers: .modest) { loop throws(SystemError) in
                let context = AdminContext(sources, loop: loop)
                let limits = Self.apiLimits(connections)
                let api = HTTPServer(loop: loop, socket: apiSocket, configuration: limits) { request, responder in
                    if let refusal = gate.refusal(request) {
                        responder.respond(refusal)
                    } else {
                        AdminRouter.whole.answer(request, context, responder)
                    }
                }
                let status = statusSocket.map { socket in
                    HTTPServer(loop: loop, socket: socket, configuration: Self.statusLimits(connections)) {
                        request, responder in
                        AdminRouter.open.answer(request, context, responder)
                    }
                }
                return Sites(api: api, status: status)
            }
        } catch {
            throw .system(error)
        }
    }

    /// The statuses with which any request may be refused before an endpoint sees it, or since none has answered it.
    static let refusals = [400, 405, 408, 413, 414, 417, 431, 500, 501, 504, 505]

    private static func limits(_ connections: Int) -> HTTPServerConfiguration {
        var limits = HTTPServerConfiguration()
        limits.connectionLimit = connections
        limits.refusal = { status, reason in .problem(status, reason) }
        return limits
    }

    /// Those of the API. Half of its connections are for others than the one client that takes all it can get; those who
    /// follow the events are counted apart (`EventStreams.limit`), and who only waits gives way to who comes.
    private static func apiLimits(_ connections: Int) -> HTTPServerConfiguration {
        var limits = limits(connections)
        limits.bodyLimit = 64 << 10
        limits.addressLimit = max(1, connections / 2)
        limits.idleTimeout = .seconds(30)
        return limits
    }

    /// Those of the public site, where an orchestrator must get an answer whoever else is connected: few connections for
    /// each client, for a short time.
    private static func statusLimits(_ connections: Int) -> HTTPServerConfiguration {
        var limits = limits(connections)
        limits.bodyLimit = 1 << 10
        limits.addressLimit = 8
        limits.idleTimeout = .seconds(5)
        limits.headTimeout = .seconds(5)
        limits.bodyTimeout = .seconds(5)
        limits.answerTimeout = .seconds(10)
        limits.writeTimeout = .seconds(5)
        return limits
    }

    /// Prepares the access rules of new settings, for which the token's file is read.
    ///
    /// - Returns: a closure that puts them into force.
    public func prepare(_ settings: Settings) throws(AdminError) -> @Sendable () -> Void {
        let rules = try AccessRules(settings.admin, bound: address)
        return { [gate] in gate.set(rules) }
    }

    /// Checks what new settings name without binding anything.
    ///
    /// - Throws: why the API could not be served with them.
    public static func check(_ settings: Settings) throws(AdminError) {
        let bind = settings.admin.bind
        guard let address = try? SocketAddress.resolve(bind).first else { throw .unusable(key: "admin.bind", bind) }
        guard address.isLoopback else { throw .offLoopback(bind) }
        _ = try AccessRules(settings.admin, bound: address)
    }

    /// Ends the thread and cuts its connections.
    public func stop() { host.stop() }
}

/// Why the admin API cannot serve.
public enum AdminError: Error, Sendable, CustomStringConvertible {
    case offLoopback(Address)
    case unavailable(key: String, Address, SystemError)
    case unusable(key: String, Address)
    case tokenFile(String, String)
    case system(SystemError)

    public var description: String {
        switch self {
        case .offLoopback(let address):
            "admin.bind \(address) is not on loopback, which needs TLS, and this version has none"
        case .unavailable(let key, _, let error): "\(key): \(error)"
        case .unusable(let key, let address): "\(key): \(address) is no address that can be bound"
        case .tokenFile(let path, let reason): "admin.token_file \(path) \(reason)"
        case .system(let error): "\(error)"
        }
    }
}
