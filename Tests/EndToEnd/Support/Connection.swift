// Owns sockets of the tests: blocking, with a limit of time for each call, closed with their object.
import Foundation
import Glibc
import Synchronization

enum SocketError: Error, Equatable { case refused, reset, timedOut, closedEarly, other(Int32) }

/// How a peer ended a connection.
enum Ending: Sendable { case orderly, reset }

/// A connected socket.
// SAFETY: one thread uses it at a time; tests hand a connection over before its new owner begins.
final class Connection: @unchecked Sendable {
    let descriptor: Int32
    /// Bytes received and not yet used.
    private var buffered: [UInt8] = []
    private var isClosed = false

    /// Connects to a port of 127.0.0.1.
    ///
    /// - Parameters:
    ///   - receiveBuffer: the size of the kernel's buffer, for clients that read slowly.
    ///   - segment: the largest segment; with one as on real networks the kernel keeps far less for a slow client than it
    ///     does over loopback, and the rest is left to the proxy.
    init(
        _ port: UInt16, receiveBuffer: Int32? = nil, segment: Int32? = nil, timeout: Duration = .seconds(20)
    ) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw SocketError.other(errno) }
        if let receiveBuffer { setOption(SOL_SOCKET, SO_RCVBUF, receiveBuffer) }
        if let segment { setOption(Int32(IPPROTO_TCP), TCP_MAXSEG, segment) }
        setTimeout(timeout)
        setOption(Int32(IPPROTO_TCP), TCP_NODELAY, 1)
        var address = loopback(port)
        let size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(descriptor, $0, size) }
        }
        guard result == 0 else { throw Self.systemError() }
    }

    /// Takes over an accepted socket.
    init(accepted descriptor: Int32) {
        self.descriptor = descriptor
        setTimeout(.seconds(20))
        setOption(Int32(IPPROTO_TCP), TCP_NODELAY, 1)
    }

    deinit { close() }

    func setTimeout(_ limit: Duration) {
        var time = timeval()
        time.tv_sec = Int(limit.components.seconds)
        time.tv_usec = Int(limit.components.attoseconds / 1_000_000_000_000)
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
            setsockopt(descriptor, SOL_SOCKET, option, &time, socklen_t(MemoryLayout<timeval>.size))
        }
    }

    private func setOption(_ level: Int32, _ name: Int32, _ value: Int32) {
        var value = value
        setsockopt(descriptor, level, name, &value, 4)
    }

    private static func systemError() -> SocketError {
        switch errno {
        case ECONNREFUSED: .refused
        case ECONNRESET, EPIPE, ECONNABORTED: .reset
        case EAGAIN, EINPROGRESS, ETIMEDOUT: .timedOut
        default: .other(errno)
        }
    }

    func close() {
        guard !isClosed else { return }
        isClosed = true
        Glibc.close(descriptor)
    }

    /// Closes so that the peer sees a reset.
    func abort() {
        var linger = Glibc.linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<Glibc.linger>.size))
        close()
    }

    /// Closes in order, whatever the peer has sent meanwhile: the kernel would tell of unread bytes by a reset.
    func closeInOrder() {
        shutdownWrite()
        setTimeout(.seconds(5))
        _ = try? drain()
        close()
    }

    /// How the peer ended the connection; what it still sends before that is thrown away.
    ///
    /// - Throws: when it has not ended it in time.
    func awaitEnd() throws -> Ending {
        do {
            _ = try drain()
            return .orderly
        } catch SocketError.reset {
            return .reset
        }
    }

    /// Whether there is something to read now: bytes, or the end.
    var isReadable: Bool {
        guard buffered.isEmpty else { return true }
        var state = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return poll(&state, 1, 0) > 0
    }

    /// Sends a long body, one block over and over, until the peer answers or is gone.
    ///
    /// - Returns: how many bytes it sent.
    func send(atMost count: Int, untilAnswered block: [UInt8]) throws -> Int {
        var sent = 0
        while sent < count, buffered.isEmpty {
            var state = pollfd(fd: descriptor, events: Int16(POLLIN | POLLOUT), revents: 0)
            guard poll(&state, 1, 20_000) > 0 else { throw SocketError.timedOut }
            if state.revents & Int16(POLLIN) != 0 { break }
            let offset = sent % block.count
            let size = min(block.count - offset, count - sent)
            let result = block.withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress.map { $0 + offset }, size, Int32(MSG_NOSIGNAL | MSG_DONTWAIT))
            }
            if result < 0 {
                if errno == EAGAIN || errno == EINTR { continue }
                if errno == EPIPE || errno == ECONNRESET { break }
                throw Self.systemError()
            }
            sent += result
        }
        return sent
    }

    /// Says that nothing more will be sent.
    func shutdownWrite() {
        guard !isClosed else { return }
        shutdown(descriptor, Int32(SHUT_WR))
    }

    // MARK: Bytes

    func send(_ text: String) throws { try send(Array(text.utf8)) }

    func send(_ bytes: [UInt8]) throws {
        // The number may be another socket's by now.
        guard !isClosed else { throw SocketError.other(EBADF) }
        var offset = 0
        while offset < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.send(
                    descriptor, $0.baseAddress.map { $0 + offset }, bytes.count - offset, Int32(MSG_NOSIGNAL))
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw Self.systemError() }
            offset += count
        }
    }

    /// Some bytes, at least one; none at the end of the stream.
    func receive(_ limit: Int = 64 << 10) throws -> [UInt8] {
        if !buffered.isEmpty {
            let bytes = buffered
            buffered = []
            return bytes
        }
        guard !isClosed else { throw SocketError.other(EBADF) }
        while true {
            var result = 0
            let bytes = [UInt8](unsafeUninitializedCapacity: limit) { buffer, count in
                result = recv(descriptor, buffer.baseAddress, limit, 0)
                count = max(0, result)
            }
            if result >= 0 { return bytes }
            if errno != EINTR { throw Self.systemError() }
        }
    }

    /// Puts bytes back in front of what comes.
    func unread(_ bytes: [UInt8]) { buffered = bytes + buffered }

    /// Exactly so many bytes.
    func receive(exactly count: Int) throws -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count)
        while bytes.count < count {
            let more = try receive()
            guard !more.isEmpty else { throw SocketError.closedEarly }
            bytes += more
        }
        buffered = Array(bytes[count...])
        bytes.removeLast(bytes.count - count)
        return bytes
    }

    /// All bytes up to and with a mark.
    func receive(through mark: String) throws -> String {
        let mark = Array(mark.utf8)
        var bytes: [UInt8] = []
        while true {
            let more = try receive()
            guard !more.isEmpty else { throw SocketError.closedEarly }
            let from = max(0, bytes.count - mark.count + 1)
            bytes += more
            guard let found = bytes[from...].firstRange(of: mark) else { continue }
            buffered = Array(bytes[found.upperBound...])
            return String(decoding: bytes[..<found.upperBound], as: UTF8.self)
        }
    }

    /// All bytes up to the end of the stream.
    func receiveToEnd() throws -> [UInt8] {
        var bytes: [UInt8] = []
        while true {
            let more = try receive()
            if more.isEmpty { return bytes }
            bytes += more
        }
    }

    /// Reads to the end of the stream without keeping anything.
    ///
    /// - Returns: how many bytes came.
    func drain() throws -> Int {
        var count = 0
        while true {
            let more = try receive(256 << 10).count
            if more == 0 { return count }
            count += more
        }
    }
}

extension Connection {
    /// Reads and forgets so many bytes.
    func discard(_ count: Int) throws {
        var left = count
        while left > 0 {
            let bytes = try receive(256 << 10)
            guard !bytes.isEmpty else { throw SocketError.closedEarly }
            if bytes.count > left { unread(Array(bytes[left...])) }
            left -= min(left, bytes.count)
        }
    }

    /// Sends back what comes, until the peer ends.
    func echo() throws {
        while true {
            let bytes = try receive()
            if bytes.isEmpty { return }
            try send(bytes)
        }
    }

    /// Reads and forgets a chunked body.
    ///
    /// - Returns: the bytes of its chunks.
    func drainChunks() throws -> Int {
        var total = 0
        while true {
            let line = try receive(through: "\r\n").dropLast()
            let size = try Int(line.prefix { $0 != ";" }, radix: 16).unwrapped("a chunk's size in \(line)")
            if size == 0 { break }
            try discard(size + 2)
            total += size
        }
        while try receive(through: "\r\n") != "\r\n" {}
        return total
    }
}

/// Whether somebody listens on a port of 127.0.0.1.
func canConnect(_ port: UInt16) -> Bool { (try? Connection(port)) != nil }

func loopback(_ port: UInt16) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = INADDR_LOOPBACK.bigEndian
    return address
}

/// A listening socket of 127.0.0.1.
final class Listener: Sendable {
    let descriptor: Int32
    let port: UInt16

    /// - Parameters:
    ///   - port: 0 lets the system choose.
    ///   - backlog: nil: it is bound, and does not listen.
    ///   - receiveBuffer: the size of the kernel's buffer of each connection, for servers that read slowly.
    init(_ port: UInt16 = 0, backlog: Int32? = 1024, receiveBuffer: Int32? = nil) throws {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        self.descriptor = descriptor
        if var receiveBuffer { setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &receiveBuffer, 4) }
        var one: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &one, 4)
        var address = loopback(port)
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isReady = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, size) == 0 && backlog.map { listen(descriptor, $0) == 0 } ?? true
                    && getsockname(descriptor, $0, &size) == 0
            }
        }
        self.port = UInt16(bigEndian: address.sin_port)
        guard isReady else { throw SocketError.other(errno) }
    }

    deinit { close(descriptor) }

    /// The next connection; nil once the listener was shut down.
    func accept() -> Connection? {
        while true {
            var waiting = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            poll(&waiting, 1, -1)
            let accepted = ChildProcess.startLock.withLock { _ in
                let accepted = Glibc.accept(descriptor, nil, nil)
                _ = fcntl(accepted, F_SETFD, FD_CLOEXEC)
                return accepted
            }
            if accepted >= 0 { return Connection(accepted: accepted) }
            if errno != EINTR, errno != ECONNABORTED { return nil }
        }
    }

    func stop() { shutdown(descriptor, Int32(SHUT_RDWR)) }
}
