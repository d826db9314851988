// Owns who is at the other end of a connection, as an address that can be compared.
internal import CLinux
internal import Glibc
public import Topology

extension SocketAddress {
    /// The host; nil for a Unix socket.
    public var ipAddress: IPAddress? { IPAddress(octets: Array(hostBytes)) }
}

extension AcceptedConnection {
    /// The peer's address; nil when the connection is gone already.
    public var peerAddress: SocketAddress? { SocketAddress.of(descriptor, peer: true) }
}

extension Stream {
    /// Whether the kernel knows of nothing that came from the peer: no byte, no end, no failure. One system call.
    public var isQuiet: Bool {
        var byte: UInt8 = 0
        // SAFETY: recv(2) writes at most one byte into `byte`, during the call.
        let result = withUnsafeMutableBytes(of: &byte) {
            recv(descriptor, $0.baseAddress, 1, Int32(MSG_PEEK) | Int32(MSG_DONTWAIT))
        }
        return result < 0 && (errno == EAGAIN || errno == EINTR)
    }
}
