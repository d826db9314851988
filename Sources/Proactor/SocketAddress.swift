// Owns a resolved socket address in the form that system calls take.
internal import CLinux
internal import Glibc
public import Topology

/// An IPv4, IPv6 or Unix address, resolved; immutable, so threads share it.
public struct SocketAddress: Hashable, Sendable {
    /// The bytes of the `sockaddr`, as long as its family needs.
    let bytes: [UInt8]

    init(bytes: [UInt8]) { self.bytes = bytes }

    /// The address, when it needs no name service: a numeric host or a Unix path.
    ///
    /// - Returns: nil for a host name; `Resolver` looks those up off the loop.
    public init?(numeric address: Address) {
        switch address {
        case .unix(let path):
            var socket = sockaddr_un()
            socket.sun_family = sa_family_t(AF_UNIX)
            let text = Array(path.utf8)
            guard text.count < MemoryLayout.size(ofValue: socket.sun_path) else { return nil }
            // SAFETY: the guard leaves room for the text and its NUL, which the zeroed structure has.
            withUnsafeMutableBytes(of: &socket.sun_path) { $0.copyBytes(from: text) }
            self.init(copying: socket, count: MemoryLayout<sa_family_t>.size + text.count + 1)
        case .host(let host, let port):
            var four = sockaddr_in()
            if inet_pton(AF_INET, host, &four.sin_addr) == 1 {
                four.sin_family = sa_family_t(AF_INET)
                four.sin_port = port.bigEndian
                self.init(copying: four, count: MemoryLayout<sockaddr_in>.size)
                return
            }
            var six = sockaddr_in6()
            guard inet_pton(AF_INET6, host, &six.sin6_addr) == 1 else { return nil }
            six.sin6_family = sa_family_t(AF_INET6)
            six.sin6_port = port.bigEndian
            self.init(copying: six, count: MemoryLayout<sockaddr_in6>.size)
        }
    }

    private init<Value>(copying value: Value, count: Int) {
        // SAFETY: `count` is at most the structure's size, and the structure is plain bytes.
        bytes = withUnsafeBytes(of: value) { Array($0.prefix(count)) }
    }

    /// The address family: AF_INET, AF_INET6 or AF_UNIX.
    var family: Int32 { Int32(UInt16(bytes[0]) | UInt16(bytes[1]) << 8) }

    /// Whether only this machine can reach it: 127.0.0.0/8, ::1 or a Unix socket.
    public var isLoopback: Bool {
        switch family {
        case AF_UNIX: true
        case AF_INET: bytes[4] == 127
        case AF_INET6: bytes[8..<23].allSatisfy { $0 == 0 } && bytes[23] == 1
        default: false
        }
    }

    /// The port; 0 for a Unix socket.
    public var port: UInt16 { family == AF_UNIX ? 0 : UInt16(bytes[2]) << 8 | UInt16(bytes[3]) }

    /// Whether two listeners cannot have these addresses at a time, unless they share a port by SO_REUSEPORT.
    public func overlaps(_ other: SocketAddress) -> Bool {
        guard let host = IPAddress(octets: Array(hostBytes)), let otherHost = IPAddress(octets: Array(other.hostBytes))
        else { return self == other }
        return port == other.port && port != 0 && host.overlaps(otherHost)
    }

    /// The same host with another port; a Unix socket stays as it is.
    public func withPort(_ port: UInt16) -> SocketAddress {
        guard family != AF_UNIX else { return self }
        var changed = bytes
        changed[2] = UInt8(port >> 8)
        changed[3] = UInt8(port & 255)
        return SocketAddress(bytes: changed)
    }

    /// The host's bytes: 4, 16, or none. An IPv4 address mapped into IPv6 (`::ffff:a.b.c.d`) gives its 4.
    public var hostBytes: ArraySlice<UInt8> {
        switch family {
        case AF_INET: return bytes[4..<8]
        case AF_INET6:
            let mapped = bytes[8..<18].allSatisfy { $0 == 0 } && bytes[18] == 0xFF && bytes[19] == 0xFF
            return mapped ? bytes[20..<24] : bytes[8..<24]
        default: return []
        }
    }

    /// The host as text, without the port: `10.0.0.1`, `2001:db8::1`, or `unix`.
    public var host: String {
        let host = Array(hostBytes)
        guard !host.isEmpty else { return "unix" }
        var text = [CChar](repeating: 0, count: 64)
        guard inet_ntop(host.count == 4 ? AF_INET : AF_INET6, host, &text, 64) != nil else { return "unknown" }
        return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// The path of a Unix socket; nil for any other.
    var path: String? {
        family == AF_UNIX ? String(decoding: bytes.dropFirst(2).prefix { $0 != 0 }, as: UTF8.self) : nil
    }

    /// Calls `body` with the address as the system takes it.
    func withSockaddr<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
        // SAFETY: the bytes were copied from a sockaddr of this family; the system only reads `count` of them.
        bytes.withUnsafeBytes { raw in
            body(raw.baseAddress!.assumingMemoryBound(to: sockaddr.self), socklen_t(raw.count))
        }
    }

    /// The peer's or the own address of a socket; nil when it has none any more.
    static func of(_ descriptor: Int32, peer: Bool) -> SocketAddress? {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let result = withUnsafeMutableBytes(of: &storage) { raw -> Int32 in
            // SAFETY: sockaddr_storage is made to hold every sockaddr, and `length` says how much it holds.
            let pointer = raw.baseAddress!.assumingMemoryBound(to: sockaddr.self)
            return peer ? getpeername(descriptor, pointer, &length) : getsockname(descriptor, pointer, &length)
        }
        guard result == 0, length >= 2 else { return nil }
        return SocketAddress(copying: storage, count: Int(length))
    }
}

extension SocketAddress: CustomStringConvertible {
    public var description: String {
        switch family {
        case AF_UNIX: "unix:" + String(decoding: bytes.dropFirst(2).prefix { $0 != 0 }, as: UTF8.self)
        case AF_INET6 where hostBytes.count == 16: "[\(host)]:\(port)"
        default: "\(host):\(port)"
        }
    }
}
