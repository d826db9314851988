// Owns the other ends of connections in tests: plain sockets that the test's own thread reads and writes.
import Glibc
import Proactor
import Testing
import Topology

/// A connected socket that is no stream of the loop under test. Nothing on it blocks.
final class Peer {
    private var descriptor: Int32
    private(set) var received: [UInt8] = []
    /// What each read brought; of a socket that keeps records, one of them.
    private(set) var reads: [[UInt8]] = []
    /// The other side said FIN.
    private(set) var isEnded = false
    /// The other side reset the connection.
    private(set) var isReset = false

    init(_ descriptor: Int32) {
        self.descriptor = descriptor
        _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
        var one: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
    }

    deinit { close() }

    var text: String { String(decoding: received, as: UTF8.self) }
    var isOver: Bool { isEnded || isReset }

    /// Sends what the kernel takes at once.
    ///
    /// - Returns: how many bytes.
    @discardableResult
    func send(_ bytes: some Collection<UInt8>) -> Int {
        let bytes = Array(bytes)
        let count = Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL))
        if count < 0, errno == ECONNRESET || errno == EPIPE { isReset = true }
        return max(0, count)
    }

    @discardableResult
    func send(_ text: String) -> Int { send(text.utf8) }

    /// Receives what is there.
    func read() {
        var space = [UInt8](repeating: 0, count: 64 << 10)
        while !isOver {
            let count = recv(descriptor, &space, space.count, 0)
            if count > 0 {
                received += space[..<count]
                reads.append(Array(space[..<count]))
            } else if count == 0 {
                isEnded = true
            } else {
                if errno == ECONNRESET { isReset = true }
                return
            }
        }
    }

    /// Takes out what was received.
    func take() -> String {
        read()
        defer {
            received = []
            reads = []
        }
        return text
    }

    func finish() { shutdown(descriptor, Int32(SHUT_WR)) }

    func reset() {
        var option = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
        close()
    }

    func close() {
        if descriptor >= 0 { Glibc.close(descriptor) }
        descriptor = -1
    }
}

/// Sockets on 127.0.0.1.
final class LoopbackListener {
    private var descriptor: Int32
    let port: UInt16

    /// - Parameter buffers: bytes that the kernel keeps for each connection, about; nil: as many as it likes.
    init(buffers: Int32? = nil) throws {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        try #require(descriptor >= 0)
        self.descriptor = descriptor
        if let buffers { Self.limit(descriptor, buffers) }
        var address = Self.address(0)
        let bound = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        try #require(bound == 0)
        try #require(listen(descriptor, 64) == 0)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        _ = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
        }
        port = UInt16(bigEndian: address.sin_port)
        _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
    }

    deinit { close() }

    /// Refuses connections from now on.
    func close() {
        if descriptor >= 0 { Glibc.close(descriptor) }
        descriptor = -1
    }

    var address: Address { .host("127.0.0.1", port: port) }

    /// A connection that waits to be accepted; nil: none does.
    func accept() -> Peer? {
        let accepted = Glibc.accept(descriptor, nil, nil)
        return accepted >= 0 ? Peer(accepted) : nil
    }

    /// A connection, as two descriptors: the side that connected and the side that accepted.
    static func pair(buffers: Int32? = nil) throws -> (client: Int32, server: Int32) {
        let listener = try LoopbackListener(buffers: buffers)
        let client = try connect(to: listener.port, buffers: buffers)
        let server = Glibc.accept(listener.descriptor, nil, nil)
        try #require(server >= 0)
        _ = fcntl(server, F_SETFL, fcntl(server, F_GETFL) | O_NONBLOCK)
        return (client, server)
    }

    static func connect(to port: UInt16, buffers: Int32? = nil) throws -> Int32 {
        let client = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        try #require(client >= 0)
        if let buffers { limit(client, buffers) }
        var address = address(port)
        let connected = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(client, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        try #require(connected == 0)
        return client
    }

    private static func limit(_ descriptor: Int32, _ count: Int32) {
        var count = count
        setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &count, socklen_t(MemoryLayout<Int32>.size))
        setsockopt(descriptor, SOL_SOCKET, SO_SNDBUF, &count, socklen_t(MemoryLayout<Int32>.size))
    }

    private static func address(_ port: UInt16) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr = in_addr(s_addr: UInt32(0x7F00_0001).bigEndian)
        return address
    }
}
