// Owns the tests against OpenSSL's own command line, over the loop's streams: somebody else's client and server.
import Foundation
import Glibc
import Proactor
import TLS
import Testing
import Topology
import Transport

/// Foundation has one of its own.
private typealias Stream = Proactor.Stream

/// Takes what comes over a session, and echoes it if it is to.
private final class Echo: StreamHandler {
    let session: TLSSession
    let echoes: Bool
    var read: [UInt8] = []
    var failure: StreamFailure?
    var isOver: Bool { ended || failure != nil }
    private var ended = false
    var stream: ByteStream?

    init(_ session: TLSSession, echoes: Bool) {
        self.session = session
        self.echoes = echoes
    }

    func streamConnected(_: Stream) { stream?.receiveContinuously() }

    func stream(_: Stream, received buffer: consuming LoopBuffer) {
        buffer.bytes.withUnsafeBufferPointer { read.append(contentsOf: $0) }
        if echoes { stream?.send(buffer) }
    }

    func send(_ bytes: [UInt8]) {
        guard let stream else { return }
        var buffer = stream.loop.allocate(bytes.count)
        buffer.append(bytes.span)
        stream.send(buffer)
    }

    func streamEnded(_: Stream) { ended = true }
    func stream(_: Stream, sent count: Int) {}
    func stream(_: Stream, failed failure: StreamFailure) { self.failure = failure }
}

/// Accepts connections and makes sessions of them.
private final class Server: AcceptHandler {
    let loop: EventLoop
    let context: TLSContext
    var echoes: [Echo] = []

    init(_ loop: EventLoop, _ context: TLSContext) {
        self.loop = loop
        self.context = context
    }

    func acceptor(_ acceptor: Acceptor, accepted connection: AcceptedConnection) {
        guard let session = try? TLSSession(context) else { return connection.refuse() }
        let echo = Echo(session, echoes: true)
        echo.stream = try? ByteStream.adopt(connection, on: loop, session: session, handler: echo)
        echoes.append(echo)
    }

    func acceptor(_ acceptor: Acceptor, failed error: SystemError) {}
    func acceptorClosed(_ acceptor: Acceptor) {}
}

/// The openssl command with pipes.
private final class Command {
    let process = Process()
    private let input = Pipe()
    private let output = Pipe()
    private(set) var text = ""

    init(_ arguments: [String]) throws {
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["openssl"] + arguments
        process.standardInput = input
        process.standardOutput = output
        process.standardError = output
        _ = fcntl(output.fileHandleForReading.fileDescriptor, F_SETFL, O_NONBLOCK)
        try process.run()
    }

    deinit {
        // Threads of tests block SIGTERM, and what they start inherits that.
        if process.isRunning { kill(process.processIdentifier, SIGKILL) }
        process.waitUntilExit()
    }

    func write(_ text: String) { try? input.fileHandleForWriting.write(contentsOf: Data(text.utf8)) }
    func endInput() { try? input.fileHandleForWriting.close() }

    /// Takes what it has printed so far.
    func update() -> String {
        var bytes = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = Glibc.read(output.fileHandleForReading.fileDescriptor, &bytes, bytes.count)
            guard count > 0 else { return text }
            text += String(decoding: bytes.prefix(count), as: UTF8.self)
        }
    }
}

@Suite("OpenSSL's own client and server", .serialized)
struct OpenSSLPeerTests {
    static let made = Result {
        try Certificates([
            .init(name: "use1-a"), .init(name: "euw1-a"), .init(name: "old", days: -30 ... -2),
            .init(name: "euw1-a-rsa", names: ["euw1-a"], kind: .rsa),
        ])
    }
    let certificates: Certificates
    let loop: EventLoop

    init() throws {
        certificates = try Self.made.get()
        loop = try EventLoop(io: .epoll, buffers: .modest)
    }

    private func context(_ role: TLSContext.Role, _ name: String) throws -> TLSContext {
        try TLSContext(
            role, identity: certificates.identity(name), trust: .authorities(file: certificates.authority))
    }

    private func turn(_ what: String, until condition: () -> Bool) throws {
        let limit = MonotonicClock.now + .seconds(20)
        while !condition() {
            try #require(MonotonicClock.now < limit, "not in time: \(what)")
            loop.turn(limit: .milliseconds(10))
        }
    }

    private func listen(_ context: TLSContext? = nil) throws -> (server: Server, port: UInt16) {
        let context = try context ?? self.context(.server, "euw1-a")
        let numeric = try #require(SocketAddress(numeric: .host("127.0.0.1", port: 0)))
        let socket = try ListeningSocket.bind(numeric)[0]
        let server = Server(loop, context)
        _ = loop.accept(on: socket, handler: server)
        return (server, socket.address.port)
    }

    @Test("s_client is served, by TLS 1.3 and 1.2", arguments: ["-tls1_3", "-tls1_2"])
    func client(_ version: String) throws {
        let (server, port) = try listen()
        let command = try Command([
            "s_client", "-connect", "127.0.0.1:\(port)", "-cert", certificates.path("use1-a.pem"), "-key",
            certificates.path("use1-a.key"), "-CAfile", certificates.authority, "-verify_return_error",
            "-verify_hostname", "euw1-a", "-quiet", version,
        ])
        command.write("good morning\n")
        try turn("it is echoed") { command.update().contains("good morning\n") }
        let echo = try #require(server.echoes.first)
        #expect(echo.session.peerNames == ["use1-a"])
        #expect(echo.session.version == (version == "-tls1_3" ? "TLSv1.3" : "TLSv1.2"))
        #expect(String(decoding: echo.read, as: UTF8.self) == "good morning\n")
        loop.end()
    }

    @Test("s_client with an old version is refused", arguments: ["-tls1_1", "-tls1"])
    func oldVersion(_ version: String) throws {
        let (server, port) = try listen()
        let command = try Command([
            "s_client", "-connect", "127.0.0.1:\(port)", "-cert", certificates.path("use1-a.pem"), "-key",
            certificates.path("use1-a.key"), version, "-cipher", "ALL:@SECLEVEL=0",
        ])
        try turn("it ends") { !command.process.isRunning }
        #expect(command.process.terminationStatus != 0)
        for echo in server.echoes { #expect(echo.session.peerNames.isEmpty && echo.session.state != .open) }
        loop.end()
    }

    @Test("s_client without a good certificate is refused", arguments: [nil, "old"])
    func badClient(_ name: String?) throws {
        let (server, port) = try listen()
        var arguments = ["s_client", "-connect", "127.0.0.1:\(port)", "-CAfile", certificates.authority, "-quiet"]
        if let name {
            arguments += ["-cert", certificates.path(name + ".pem"), "-key", certificates.path(name + ".key")]
        }
        let command = try Command(arguments)
        command.write("good morning\n")
        let words = name == nil ? "certificate required" : "certificate expired"
        try turn("it is told") { command.update().contains("alert \(words)") || !command.process.isRunning }
        #expect(command.update().contains("alert \(words)"), "\(command.text)")
        #expect(server.echoes.first?.read == [])
        loop.end()
    }

    @Test("s_server is understood, and its certificate looked at", arguments: ["euw1-a", "old"])
    func server(_ name: String) throws {
        let command = try Command([
            "s_server", "-accept", "127.0.0.1:0", "-cert", certificates.path(name + ".pem"), "-key",
            certificates.path(name + ".key"), "-CAfile", certificates.authority, "-Verify", "1",
            "-verify_return_error", "-rev",
        ])
        try turn("it listens") { command.update().contains(#/ACCEPT 127\.0\.0\.1:[0-9]+\n/#) }
        let rest = try #require(command.text.components(separatedBy: "ACCEPT 127.0.0.1:").last)
        let port = try #require(UInt16(rest.prefix { $0.isNumber }))
        let session = try TLSSession(context(.client, "use1-a"), host: name == "old" ? nil : name)
        let echo = Echo(session, echoes: false)
        let address = try #require(SocketAddress(numeric: .host("127.0.0.1", port: port)))
        let stream = try ByteStream.connect(to: address, on: loop, session: session, handler: echo)
        echo.stream = stream
        if name == "old" {
            try turn("it is refused") { echo.isOver }
            #expect(echo.failure == .insecure)
            #expect(
                stream.tlsFailure
                    == TLSFailure(.certificate, "the peer's certificate is not accepted: certificate has expired"))
        } else {
            try turn("the handshake is over") { session.state == .open }
            echo.send(Array("stressed\n".utf8))
            try turn("it answers backwards") { String(decoding: echo.read, as: UTF8.self) == "desserts\n" }
            #expect(session.peerNames == ["euw1-a"])
        }
        stream.close()
        loop.end()
    }

    // MARK: Servers for everybody

    /// A server with an ECDSA and an RSA certificate for one name, and tickets.
    private func open() throws -> TLSContext {
        let names = ["euw1-a", "euw1-a-rsa"].map(certificates.identity)
        return try TLSContext(
            TLSServerConfiguration(), try #require(CertificateStore.load(names).store),
            tickets: TicketKeyRing(.random()))
    }

    @Test(
        "The client's signature algorithms choose the certificate, its groups the group",
        arguments: [
            (["-tls1_3"], ["Peer signature type: ECDSA", "Server Temp Key: X25519"]),
            (["-tls1_3", "-sigalgs", "RSA-PSS+SHA256"], ["Peer signature type: RSA-PSS"]),
            (["-tls1_2", "-sigalgs", "RSA-PSS+SHA256:RSA+SHA256"], ["Peer signature type: RSA"]),
            (["-tls1_2", "-sigalgs", "ECDSA+SHA256"], ["Peer signature type: ECDSA"]),
            (["-tls1_2", "-cipher", "ECDHE-RSA-AES128-GCM-SHA256"], ["Peer signature type: RSA"]),
            (["-groups", "P-384:P-256"], ["Server Temp Key: ECDH, secp384r1"]),
            (["-tls1_3", "-ciphersuites", "TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256"], ["CHACHA20"]),
        ] as [([String], [String])])
    func choice(_ options: [String], _ expected: [String]) throws {
        let (_, port) = try listen(open())
        let command = try Command(
            [
                "s_client", "-connect", "127.0.0.1:\(port)", "-servername", "euw1-a", "-CAfile",
                certificates.authority, "-verify_return_error",
            ] + options)
        try turn("it is connected") { command.update().contains("Verify return code: 0 (ok)") }
        for words in expected { #expect(command.text.contains(words), "\(command.text)") }
        loop.end()
    }

    @Test("One ticket a handshake, and s_client resumes by it", arguments: ["-tls1_3", "-tls1_2"])
    func tickets(_ version: String) throws {
        let (server, port) = try listen(open())
        let file = certificates.path("ticket\(version).pem")
        let address = ["s_client", "-connect", "127.0.0.1:\(port)", "-servername", "euw1-a", version]
        let first = try Command(address + ["-msg", "-sess_out", file])
        first.write("good morning\n")
        try turn("it is echoed") { first.update().contains("good morning\n") }
        if version == "-tls1_3" {
            #expect(first.text.components(separatedBy: ", NewSessionTicket").count == 2)
        }
        first.write("Q\n")
        try turn("it ends") { !first.process.isRunning }
        let second = try Command(address + ["-sess_in", file])
        try turn("it is connected") { second.update().contains("Verify return code") }
        #expect(second.text.contains("Reused, TLSv1."), "\(second.text)")
        #expect(server.echoes.map(\.session.peer.isResumed) == [false, true])
        loop.end()
    }

    @Test("Who changes keys again and again is given up; a few times are fine")
    func keys() throws {
        let (server, port) = try listen(open())
        let command = try Command(["s_client", "-connect", "127.0.0.1:\(port)", "-tls1_3"])
        for round in 1...20 {
            command.write("\(round % 2 == 0 ? "k" : "K")\n")
            try turn("keys are changed") { command.update().components(separatedBy: "KEYUPDATE").count > round }
        }
        command.write("good morning\n")
        try turn("it is echoed") { command.update().contains("good morning\n") }
        let echo = try #require(server.echoes.first)
        for round in 21...60 where echo.failure == nil {
            command.write("k\n")
            try turn("keys are changed") {
                command.update().components(separatedBy: "KEYUPDATE").count > round || echo.failure != nil
            }
        }
        try turn("it is given up") { echo.failure != nil }
        #expect(echo.stream?.tlsFailure?.description == "TLS connection: too many changes of keys")
        loop.end()
    }

    @Test("A renegotiation is refused, and ends the connection")
    func renegotiation() throws {
        let (server, port) = try listen(open())
        let command = try Command(["s_client", "-connect", "127.0.0.1:\(port)", "-tls1_2"])
        command.write("good morning\n")
        try turn("it is echoed") { command.update().contains("good morning\n") }
        command.write("R\n")
        let echo = try #require(server.echoes.first)
        try turn("it is given up") { echo.failure != nil }
        #expect(echo.stream?.tlsFailure?.description == "TLS connection: it asked for a renegotiation")
        loop.end()
    }
}
