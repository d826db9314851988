// Owns plain non-blocking sockets that stand outside the loop, for peers whose every step the test decides.
import Glibc
import Testing

@testable import Proactor

/// The system's own view of a connection; closed when it goes.
final class RawPeer {
    private(set) var descriptor: Int32

    /// What a read gave.
    enum Reading: Equatable {
        case bytes([UInt8])
        case ended
        case nothing
        case failed(Int32)
    }

    /// Connects, without waiting.
    ///
    /// - Parameter receiveBuffer: the size of the kernel's receive buffer (SO_RCVBUF), for a slow reader.
    init(to address: SocketAddress, receiveBuffer: Int32? = nil) throws {
        descriptor = socket(address.family, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        try #require(descriptor >= 0)
        if var size = receiveBuffer {
            setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, socklen_t(MemoryLayout<Int32>.size))
        }
        _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
        let result = address.withSockaddr { Glibc.connect(descriptor, $0, $1) }
        let code = errno
        try #require(result == 0 || code == EINPROGRESS)
    }

    /// Takes over a connected socket.
    init(taking connection: Int32) {
        descriptor = connection
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
    }

    deinit { close() }

    /// Whether the connection was made, or fails, within so many milliseconds.
    func isConnected(within milliseconds: Int32) -> Bool { polls(Int16(POLLOUT), milliseconds) }

    /// Whether there is something to read, or an end, within so many milliseconds.
    func isReadable(within milliseconds: Int32) -> Bool { polls(Int16(POLLIN), milliseconds) }

    private func polls(_ events: Int16, _ milliseconds: Int32) -> Bool {
        var request = pollfd(fd: descriptor, events: events, revents: 0)
        return Glibc.poll(&request, 1, milliseconds) > 0
    }

    func close() {
        if descriptor >= 0 { Glibc.close(descriptor) }
        descriptor = -1
    }

    /// Closes with a reset.
    func reset() {
        // To close it would not do: a process that another test is starting may hold a copy for a moment.
        var none = sockaddr(sa_family: sa_family_t(AF_UNSPEC), sa_data: (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0))
        _ = Glibc.connect(descriptor, &none, socklen_t(MemoryLayout<sockaddr>.size))
        close()
    }

    func shutdownWrite() { shutdown(descriptor, Int32(SHUT_WR)) }

    /// Writes what the kernel takes.
    @discardableResult
    func write(_ bytes: some Collection<UInt8>) -> Int {
        Array(bytes).withUnsafeBytes {
            max(0, send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)))
        }
    }

    /// What comes next, an end or a failure too; `nothing` when nothing does in ten seconds.
    ///
    /// The kernel may bring over loopback a little later what was sent: not always inside of the sender's call.
    func next() -> Reading { isReadable(within: 10_000) ? read() : .nothing }

    /// What is there now.
    func read(atMost limit: Int = 65_536) -> Reading {
        var bytes = [UInt8](repeating: 0, count: limit)
        let count = recv(descriptor, &bytes, limit, 0)
        if count > 0 { return .bytes(Array(bytes.prefix(count))) }
        if count == 0 { return .ended }
        return errno == EAGAIN ? .nothing : .failed(errno)
    }
}

/// Bytes in which any loss, repetition or change of order shows: a pattern whose period divides no buffer's size.
func pattern(_ count: Int) -> [UInt8] {
    let period = 65_521
    var unit: [UInt8] = []
    unit.reserveCapacity(period)
    var state: UInt32 = 1
    for _ in 0..<min(period, count) {
        state = state &* 1_664_525 &+ 1_013_904_223
        unit.append(UInt8(state >> 24))
    }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(count)
    while bytes.count < count { bytes.append(contentsOf: unit.prefix(count - bytes.count)) }
    return bytes
}

/// Whether two arrays hold the same bytes; faster than `==` in debug builds, where the tests run.
func same(_ left: [UInt8], _ right: [UInt8]) -> Bool {
    left.count == right.count
        && left.withUnsafeBytes { a in right.withUnsafeBytes { memcmp(a.baseAddress!, $0.baseAddress!, $0.count) == 0 }
        }
}

/// How many sockets and rings this process has. Other descriptors are left out: the test's own runtime opens some.
func openSockets() -> Int {
    guard let folder = opendir("/proc/self/fd") else { return -1 }
    defer { closedir(folder) }
    let kinds = ["socket:", "anon_inode:[io_uring]"].map { Array($0.utf8) }
    var count = 0
    while let entry = readdir(folder) {
        let name = withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        var target = [CChar](repeating: 0, count: 64)
        let length = readlink("/proc/self/fd/" + name, &target, target.count)
        let bytes = target.prefix(max(0, length)).map { UInt8(bitPattern: $0) }
        if kinds.contains(where: { bytes.starts(with: $0) }) { count += 1 }
    }
    return count
}
