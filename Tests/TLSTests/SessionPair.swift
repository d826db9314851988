// Owns two sessions that talk to each other through memory.
import Proactor
import TLS
import Testing

/// A client and a server, and the bytes between them.
struct SessionPair {
    let client: TLSSession
    let server: TLSSession
    /// Whose buffers they use.
    let loop: EventLoop
    var toServer: [UInt8] = []
    var toClient: [UInt8] = []

    init(
        client: TLSContext, server: TLSContext, host: String? = nil,
        resumption: (cache: TLSSessionCache, endpoint: String)? = nil
    ) throws {
        loop = try EventLoop(io: .epoll, buffers: .modest)
        self.client = try TLSSession(client, host: host, resumption: resumption)
        self.server = try TLSSession(server)
        self.client.attach(to: loop)
        self.server.attach(to: loop)
    }

    /// Takes what a session wants to send.
    static func take(from session: TLSSession) -> [UInt8] {
        var taken: [UInt8] = []
        while let buffer = session.takeOutput() { buffer.bytes.withUnsafeBufferPointer { taken += $0 } }
        return taken
    }

    /// Gives bytes to a session, as if they came from the network.
    func feed(_ bytes: [UInt8], to session: TLSSession) {
        var offset = 0
        while offset < bytes.count {
            var buffer = loop.allocate(bytes.count - offset)
            offset += buffer.append(bytes.span.extracting(offset...))
            session.feed(buffer)
        }
    }

    /// Reads all that a session has, and how it ended.
    static func read(from session: TLSSession) -> (bytes: [UInt8], last: TLSSession.Reading) {
        var bytes: [UInt8] = []
        var room = [UInt8](repeating: 0, count: 1_000)
        while true {
            var span = room.mutableSpan
            let reading = session.read(into: &span)
            guard case .bytes(let count) = reading else { return (bytes, reading) }
            bytes += room.prefix(count)
        }
    }

    /// Carries bytes in pieces until neither side has more to say.
    ///
    /// - Returns: what each side read, and its last reading.
    @discardableResult
    mutating func settle(
        piece: Int = .max
    ) -> (client: ([UInt8], TLSSession.Reading), server: ([UInt8], TLSSession.Reading)) {
        var clientRead: ([UInt8], TLSSession.Reading) = ([], .nothing)
        var serverRead: ([UInt8], TLSSession.Reading) = ([], .nothing)
        client.advance()
        while true {
            toServer += Self.take(from: client)
            toClient += Self.take(from: server)
            if toServer.isEmpty, toClient.isEmpty { return (clientRead, serverRead) }
            carry(&toServer, piece, to: server, &serverRead)
            carry(&toClient, piece, to: client, &clientRead)
        }
    }

    private func carry(
        _ bytes: inout [UInt8], _ piece: Int, to session: TLSSession, _ read: inout ([UInt8], TLSSession.Reading)
    ) {
        guard !bytes.isEmpty else { return }
        let part = Array(bytes.prefix(piece))
        bytes.removeFirst(part.count)
        feed(part, to: session)
        let more = Self.read(from: session)
        read.0 += more.bytes
        read.1 = more.last
    }
}
