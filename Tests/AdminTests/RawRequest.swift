// Owns requests written by hand, with the bytes as they are and no others.
import Foundation
import Glibc
import HTTPTransport
import Proactor
import Testing

/// A connection that speaks bytes; closed when let go.
final class RawConnection {
    private let descriptor: Int32

    init(_ address: SocketAddress) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var target = sockaddr_in()
        target.sin_family = sa_family_t(AF_INET)
        target.sin_port = address.port.bigEndian
        inet_pton(AF_INET, address.host, &target.sin_addr)
        let connected = withUnsafePointer(to: &target) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        try #require(connected == 0)
        var limit = timeval(tv_sec: 20, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    }

    deinit { close(descriptor) }

    func send(_ text: String) throws {
        let bytes = Array(text.utf8)
        try #require(Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count)
    }

    /// What the server says until it closes.
    func readToEnd() throws -> [UInt8] {
        var answer: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = recv(descriptor, &piece, piece.count, 0)
            try #require(count >= 0, "\(errno)")
            guard count > 0 else { return answer }
            answer += piece.prefix(count)
        }
    }
}

enum RawRequest {
    /// The status of the answer to `METHOD PATH` with these fields.
    static func status(_ address: SocketAddress, _ line: String, _ fields: [(name: String, value: String)]) throws
        -> Int
    {
        try answer(
            address,
            "\(line) HTTP/1.1\r\n" + fields.map { "\($0.name): \($0.value)\r\n" }.joined() + "Connection: close\r\n\r\n"
        ).status
    }

    /// The answer to these bytes, after which the server closes.
    static func answer(_ address: SocketAddress, _ bytes: String) throws -> HTTPResponse {
        let connection = try RawConnection(address)
        try connection.send(bytes)
        let text = String(decoding: try connection.readToEnd(), as: UTF8.self)
        let end = try #require(text.range(of: "\r\n\r\n"), "\(text)")
        let lines = text[..<end.lowerBound].components(separatedBy: "\r\n")
        let words = lines[0].split(separator: " ")
        try #require(words.count > 1)
        let fields = lines.dropFirst().map { line -> (name: String, value: String) in
            let parts = line.split(separator: ":", maxSplits: 1).map(String.init)
            return (parts[0], parts.count > 1 ? parts[1].trimmingCharacters(in: .whitespaces) : "")
        }
        return HTTPResponse(
            status: try #require(Int(words[1])), fields: fields, body: Array(text[end.upperBound...].utf8))
    }
}
