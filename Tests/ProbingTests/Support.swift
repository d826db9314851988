// Owns what these tests share: a loop to turn, and servers that say what they are told.
import HTTPTransport
import Health
import Proactor
import Testing
import Topology

@testable import Probing

/// A loop that the test turns by hand.
final class Place {
    let loop: EventLoop

    init() throws { loop = try EventLoop(io: .epoll, buffers: .modest) }

    /// Takes turns until the condition holds; a test that waits for what never comes fails after ten seconds.
    func turn(until condition: () -> Bool, sourceLocation: SourceLocation = #_sourceLocation) {
        let limit = MonotonicClock.now + .seconds(10)
        while !condition(), MonotonicClock.now < limit { loop.turn(limit: .milliseconds(20)) }
        #expect(condition(), "waited in vain", sourceLocation: sourceLocation)
    }

    /// Runs a probe to its end, and a little further: it must report once.
    func run(_ probe: any Probe, _ address: SocketAddress) -> (outcome: ProbeOutcome?, connectTime: Duration?) {
        var results: [(outcome: ProbeOutcome?, connectTime: Duration?)] = []
        probe.start(address) { results.append(($0, $1)) }
        turn { !results.isEmpty }
        for _ in 0..<5 { loop.turn(limit: .zero) }
        #expect(results.count == 1)
        return results.first ?? (nil, nil)
    }

    static func anywhere() throws -> SocketAddress {
        try #require(SocketAddress(numeric: .host("127.0.0.1", port: 0)))
    }

    /// Where nobody listens, and no port that the system chooses for somebody can be.
    func deadAddress() throws -> SocketAddress {
        try #require(SocketAddress(numeric: .host("127.77.3.1", port: 1)))
    }
}

/// Sends its answers to every request, one a turn, and closes; with nil it accepts and stays silent.
final class ScriptedServer: AcceptHandler {
    private let loop: EventLoop
    var answers: [String]?
    let address: SocketAddress
    private var acceptor: Acceptor?
    private var connections: [ObjectIdentifier: Connection] = [:]
    /// What the last connection sent.
    private(set) var received = ""
    private(set) var accepted = 0
    private(set) var failures: [StreamFailure] = []
    /// How often a client has said FIN.
    private(set) var ends = 0
    /// Whether it leaves the connection open after its last answer, until `finish`.
    var holds = false
    /// The most connections that were open at once.
    private(set) var peak = 0

    init(_ loop: EventLoop, answers: [String]?) throws {
        self.loop = loop
        self.answers = answers
        let socket = try ListeningSocket.bind(Place.anywhere())[0]
        address = socket.address
        acceptor = loop.accept(on: socket, handler: self)
    }

    var openConnections: Int { connections.count }
    var port: UInt16 { address.port }

    func stop() { acceptor?.cancel() }

    /// Sends the rest of what it has to say, and closes.
    func finish(_ rest: String) {
        holds = false
        for connection in connections.values { connection.answer(rest) }
    }

    func acceptor(_ acceptor: Acceptor, accepted connection: consuming AcceptedConnection) {
        accepted += 1
        let fresh = Connection(self)
        connections[ObjectIdentifier(fresh)] = fresh
        peak = max(peak, connections.count)
        fresh.stream = try? loop.adopt(connection, handler: fresh)
        fresh.stream?.receiveContinuously()
    }

    func acceptor(_ acceptor: Acceptor, failed error: SystemError) {}
    func acceptorClosed(_ acceptor: Acceptor) {}

    private final class Connection: StreamHandler {
        // The tests' loop turns only while the server lives.
        unowned let server: ScriptedServer
        var stream: Stream?
        private var received = ""
        private var next = 0
        private var isAnswering = false
        private var isEnded = false

        init(_ server: ScriptedServer) { self.server = server }

        func stream(_ stream: Stream, received buffer: consuming LoopBuffer) {
            let bytes = buffer.bytes
            for index in bytes.indices { received.unicodeScalars.append(Unicode.Scalar(bytes[index])) }
            server.received = received
            guard received.hasSuffix("\r\n\r\n"), !isAnswering, server.answers != nil else { return }
            isAnswering = true
            answer()
        }

        private func answer() {
            guard let answers = server.answers else { return }
            if next < answers.count {
                next += 1
                answer(answers[next - 1])
            } else if !server.holds {
                if isEnded { end() } else { stream?.shutdownWrite() }
            }
        }

        func answer(_ text: String) {
            guard let stream else { return }
            var rest = Array(text.utf8)[...]
            if rest.isEmpty { answer() }
            while !rest.isEmpty {
                var buffer = stream.loop.allocate(rest.count)
                rest = rest.dropFirst(buffer.append(Array(rest).span))
                stream.send(buffer)
            }
        }

        func stream(_ stream: Stream, sent count: Int) { if stream.unsent == 0 { answer() } }
        func streamEnded(_ stream: Stream) {
            server.ends += 1
            isEnded = true
            if !server.holds { end() }
        }

        func stream(_ stream: Stream, failed failure: StreamFailure) {
            server.failures.append(failure)
            end()
        }

        private func end() {
            stream?.close()
            stream = nil
            server.connections[ObjectIdentifier(self)] = nil
        }
    }
}
