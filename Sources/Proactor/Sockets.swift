// Owns making sockets: listening ones with clear errors, and client ones with the options that proxies need.
internal import CLinux
internal import Glibc
internal import Topology

/// A bound and listening socket that no loop owns yet. `EventLoop.accept` takes it over.
public struct ListeningSocket: Sendable {
    let descriptor: Int32
    /// The bound address, with the port that the system chose for port 0.
    public let address: SocketAddress
    /// Where a Unix socket waits to take the place of another; nil: it is where its address says.
    private let waitsAt: String?

    init(descriptor: Int32, address: SocketAddress, waitsAt: String? = nil) {
        self.descriptor = descriptor
        self.address = address
        self.waitsAt = waitsAt
    }

    /// Binds `count` sockets to one address (SO_REUSEPORT), so that the kernel spreads connections over as many loops.
    ///
    /// The address is first bound without SO_REUSEPORT: otherwise a second process would silently share the port.
    ///
    /// - Parameters:
    ///   - beside: whether this process listens there already, or on an address that overlaps it, and is about to stop:
    ///     then the address may be in use. A Unix socket is reached once it was told to `takePlace`.
    ///   - timeout: for how long the calling thread waits for an address in use to become free; see `startTimeout`.
    /// - Throws: the system's error with the address, such as "bind 127.0.0.1:80: Permission denied".
    public static func bind(
        _ address: SocketAddress, count: Int = 1, beside: Bool = false, timeout: Duration = .zero
    ) throws(SystemError) -> [ListeningSocket] {
        var address = address
        if address.family != AF_UNIX {
            let probe = try probe(address, shared: beside, timeout)
            address = SocketAddress.of(probe, peer: false) ?? address
            Glibc.close(probe)
        } else if !beside {
            try removeStale(address)
        }
        var sockets: [ListeningSocket] = []
        let aside = beside && address.family == AF_UNIX ? try free(beside: address) : nil
        for _ in 0..<count {
            do throws(SystemError) {
                let descriptor = try makeNext(after: sockets.first, aside ?? address)
                sockets.append(
                    ListeningSocket(descriptor: descriptor, address: address, waitsAt: aside?.path))
                guard listen(descriptor, 4096) == 0 else { throw .last("listen on \(address)") }
            } catch {
                for socket in sockets { socket.close() }
                throw error
            }
        }
        return sockets
    }

    /// What a process waits when it starts: the kernel lets go of what io_uring held for a killed process, its listening
    /// sockets among that, a little later than of the process, and a supervisor may be quicker than that.
    public static let startTimeout = Duration.seconds(1)

    private static func probe(
        _ address: SocketAddress, shared: Bool, _ timeout: Duration
    ) throws(SystemError) -> Int32 {
        let deadline = MonotonicClock.now + timeout
        while true {
            do throws(SystemError) {
                return try make(address, shared: shared)
            } catch {
                guard error.code == EADDRINUSE, MonotonicClock.now < deadline else { throw error }
                usleep(10_000)
            }
        }
    }

    /// A path near a Unix socket's that fits into an address.
    private static func free(beside address: SocketAddress) throws(SystemError) -> SocketAddress {
        let path = address.path ?? ""
        let folder = path.lastIndex(of: "/").map { path[...$0] } ?? ""
        for number in 0..<1000 {
            let candidate = "\(folder).m\(number)"
            if access(candidate, F_OK) == 0 { continue }
            if let found = SocketAddress(numeric: .unix(path: candidate)) { return found }
        }
        throw SystemError(code: EADDRINUSE, action: "bind \(address)")
    }

    /// Lets a Unix socket that was bound beside another be reached by its address; the other one keeps what waits in its
    /// backlog. Nothing for any other socket. Call it for one of those that were bound together.
    public func takePlace() throws(SystemError) {
        guard let waitsAt, let path = address.path else { return }
        guard rename(waitsAt, path) == 0 else { throw .last("bind \(address)") }
    }

    /// Closes a socket that no loop took over.
    public func close() {
        Glibc.close(descriptor)
        // Does nothing once the place was taken.
        if let waitsAt { unlink(waitsAt) }
    }

    /// Unix sockets know no SO_REUSEPORT: every loop accepts from one socket.
    private static func makeNext(
        after first: ListeningSocket?, _ address: SocketAddress
    ) throws(SystemError) -> Int32 {
        guard let first, address.family == AF_UNIX else { return try make(address, shared: true) }
        let copy = fcntl(first.descriptor, F_DUPFD_CLOEXEC, 0)
        guard copy >= 0 else { throw .last("duplicate \(address)") }
        return copy
    }

    private static func make(_ address: SocketAddress, shared: Bool) throws(SystemError) -> Int32 {
        let descriptor = ml_socket(address.family)
        guard descriptor >= 0 else { throw .last("socket for \(address)") }
        if address.family != AF_UNIX {
            _ = ml_set_option(descriptor, SOL_SOCKET, SO_REUSEADDR, 1)
            if shared { _ = ml_set_option(descriptor, SOL_SOCKET, SO_REUSEPORT, 1) }
            // Inherited by accepted sockets: saves a call a connection.
            _ = ml_set_option(descriptor, Int32(IPPROTO_TCP), Int32(TCP_NODELAY), 1)
        }
        guard address.withSockaddr({ Glibc.bind(descriptor, $0, $1) }) == 0 else {
            let error = SystemError.last("bind \(address)")
            Glibc.close(descriptor)
            throw error
        }
        return descriptor
    }

    /// Removes the file of a Unix socket whose owner is gone: nobody answers on it.
    private static func removeStale(_ address: SocketAddress) throws(SystemError) {
        let probe = ml_socket(AF_UNIX)
        guard probe >= 0 else { throw SystemError.last("socket for \(address)") }
        defer { Glibc.close(probe) }
        if address.withSockaddr({ Glibc.connect(probe, $0, $1) }) == 0 {
            throw SystemError(code: EADDRINUSE, action: "bind \(address)")
        }
        if errno == ECONNREFUSED, let path = address.path { unlink(path) }
    }
}

/// Client sockets.
enum Sockets {
    static func makeClient(for address: SocketAddress) throws(SystemError) -> Int32 {
        let descriptor = ml_socket(address.family)
        guard descriptor >= 0 else { throw .last("socket for \(address)") }
        if address.family != AF_UNIX { _ = ml_set_option(descriptor, Int32(IPPROTO_TCP), Int32(TCP_NODELAY), 1) }
        return descriptor
    }
}
