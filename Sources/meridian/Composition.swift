// Owns the translation of settings into the configurations of data plane and control plane.
internal import ControlPlane
internal import DataPlane
internal import Glibc
internal import Routing
internal import Settings
internal import Topology

extension ControlSettings {
    init(_ settings: Settings) {
        self.init(
            node: settings.node.id, datacenter: settings.node.datacenter, services: settings.services,
            advertisedAdmin: settings.admin.advertise, version: Meridian.version)
    }
}

extension DataPlaneConfiguration {
    /// - Parameter shares: of the process's descriptors, which the limits of connections follow.
    init(_ settings: Settings, _ shares: DescriptorShares) throws(Failure) {
        self.init(node: settings.node.id)
        workers = settings.workerCount
        maximumConnections = shares.clients
        maximumBackendConnections = shares.backends
        pipes = shares.pipesByWorker
        maximumHead = settings.limits.head
        maximumFields = settings.limits.headers
        maximumInterim = settings.limits.interim
        clientHeadTimeout = settings.timeouts.clientHead
        clientIdleTimeout = settings.timeouts.clientIdle
        clientStallTimeout = settings.timeouts.clientStall
        addsVia = settings.addsVia
        passesUnderscores = settings.passesUnderscores
        keepsPaths = settings.keepsPaths
        let trusted = settings.trustedProxies
        trustsPeer = { address in
            guard let address else { return false }
            return trusted.contains { $0.contains(address) }
        }
        if let log = settings.accessLog {
            let format: AccessLogConfiguration.Format = log.format == .json ? .json : .combined
            accessLog = AccessLogConfiguration(path: log.path ?? "-", format: format)
        }
        for page in settings.errorPages { errorPages[page.status] = try Self.readPage(page.path) }
    }

    private static func readPage(_ path: String) throws(Failure) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw Failure("error page \(path): \(String(cString: strerror(errno)))") }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 60 << 10)
        // SAFETY: read(2) writes at most the array's size into it, during the call.
        let count = bytes.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
        guard count >= 0 else { throw Failure("error page \(path): \(String(cString: strerror(errno)))") }
        guard count < bytes.count else { throw Failure("error page \(path): larger than 60 KiB") }
        return Array(bytes.prefix(count))
    }
}

extension Settings {
    /// Worker threads: those of the file, else one a core.
    fileprivate var workerCount: Int { workers ?? max(1, min(256, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))))) }

    /// Where the file asks for more clients than there are descriptors for: the sentence that says so.
    func shortageOfClients(_ shares: DescriptorShares) -> String? {
        guard let wanted = limits.connections, wanted > shares.clients else { return nil }
        return "limits.connections is \(wanted), but the limit of open files leaves \(shares.clients): raise it "
            + "(ulimit -n)"
    }
}

extension DescriptorShares {
    /// The shares of this process under these settings. Raises its soft limit of open files to the hard one.
    static func ofProcess(_ settings: Settings) throws(Shortage) -> DescriptorShares {
        var demand = Demand()
        demand.workers = settings.workerCount
        demand.listeners = settings.listeners.count + 2
        demand.members = settings.cluster?.members.count ?? 0
        demand.connections = settings.limits.connections
        for service in settings.services where service.healthCheck != nil {
            demand.endpoints += service.datacenters.reduce(0) { $0 + $1.endpoints.count }
        }
        return try DescriptorShares(limit: raisedLimit(), demand)
    }

    /// The limit in force after an attempt to raise it.
    private static func raisedLimit() -> Int {
        let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        var limit = rlimit()
        guard getrlimit(resource, &limit) == 0 else { return 1024 }
        guard limit.rlim_cur < limit.rlim_max else { return Int(clamping: limit.rlim_cur) }
        var raised = limit
        raised.rlim_cur = limit.rlim_max
        return Int(clamping: setrlimit(resource, &raised) == 0 ? raised.rlim_cur : limit.rlim_cur)
    }
}
