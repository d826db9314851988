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
    /// - Parameter descriptors: the process's limit of descriptors, which determines the limit of connections.
    init(_ settings: Settings, descriptors: Int) throws(Failure) {
        self.init(node: settings.node.id)
        workers = settings.workers ?? max(1, min(256, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN)))))
        // A client's connection may need a second one to a backend; some descriptors are kept for everything else.
        maximumConnections = settings.limits.connections ?? max(64, descriptors - 512)
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

/// The process's limit of open files.
enum Descriptors {
    /// Raises the soft limit to the hard one.
    ///
    /// - Returns: the limit in force.
    static func raiseLimit() -> Int {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 1024 }
        limit.rlim_cur = limit.rlim_max
        _ = setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        return Int(clamping: limit.rlim_cur)
    }
}
