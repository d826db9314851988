// Owns a plain socket outside the loop, for peers whose every byte the test decides.
import Glibc
import Proactor
import Testing
import Topology

@testable import RaftRuntime

final class RawClient {
    let descriptor: Int32

    /// Connects on loopback.
    ///
    /// - Parameter receiveBuffer: the size of the kernel's receive buffer, for a slow reader.
    init(port: UInt16, receiveBuffer: Int32? = nil) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        try #require(descriptor >= 0)
        if var size = receiveBuffer {
            setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, socklen_t(MemoryLayout<Int32>.size))
        }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        try #require(result == 0)
        _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
    }

    deinit { close(descriptor) }

    @discardableResult
    func write(_ bytes: [UInt8]) -> Int { send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL)) }

    func write(_ frame: PeerFrame) throws {
        let bytes = try PeerCodec.encode(frame, to: NodeID("x"), limit: 4 << 20)
        try #require(write(bytes) == bytes.count)
    }

    enum Reading: Equatable { case bytes([UInt8]), ended, nothing }

    func read(atMost limit: Int = 1 << 16) -> Reading {
        var bytes = [UInt8](repeating: 0, count: limit)
        let count = recv(descriptor, &bytes, limit, 0)
        if count > 0 { return .bytes(Array(bytes.prefix(count))) }
        return count < 0 && errno == EAGAIN ? .nothing : .ended
    }
}

/// What a raw client has been told.
struct Transcript {
    var frames: [PeerFrame] = []
    var isEnded = false
    private var reader = FrameReader(limit: 4 << 20)

    mutating func take(from client: RawClient) throws {
        while !isEnded {
            switch client.read() {
            case .nothing: return
            case .ended: isEnded = true
            case .bytes(let bytes):
                var place = 0
                while let frame = try reader.next(bytes.span, from: &place) {
                    frames.append(try PeerCodec.decode(frame))
                }
            }
        }
    }
}
