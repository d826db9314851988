// Owns what the transport's tests share: several nodes on one loop, and what each of them heard.
import Foundation
import Logging
import Proactor
import Raft
import Synchronization
import Testing
import Topology

@testable import RaftRuntime

/// The lines that a node has logged.
final class LogLines: Sendable {
    private let lines = Mutex<[String]>([])
    func add(_ line: String) { lines.withLock { $0.append(line) } }
    var all: [String] { lines.withLock { $0 } }
    func contain(_ text: String) -> Bool { all.contains { $0.contains(text) } }
}

struct RecordingHandler: LogHandler {
    let lines: LogLines
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.debug
    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }
    func log(event: LogEvent) { lines.add("\(event.level): \(event.message)") }
}

/// A node of a test.
final class TestNode {
    let id: NodeID
    let loop: EventLoop
    let address: SocketAddress
    let lines = LogLines()
    var transport: PeerTransport!
    var received: [RaftMessage] = []
    var requests: [PeerRequest] = []
    var met: [PeerIdentity] = []
    /// What it does with a request; nil: it keeps them.
    var onRequest: ((PeerRequest) -> Void)?

    init(
        _ identity: PeerIdentity, loop: EventLoop, on host: String = "127.0.0.1", port: UInt16 = 0, tls: PeerTLS? = nil,
        limits: PeerLimits = TransportBench.limits
    ) throws {
        id = identity.node
        self.loop = loop
        let numeric = try #require(SocketAddress(numeric: .host(host, port: port)))
        let socket = try ListeningSocket.bind(numeric)[0]
        address = socket.address
        let lines = lines
        transport = PeerTransport(
            loop: loop, identity: identity, listening: socket, tls: tls, limits: limits, random: RandomBits(seed: 7),
            logger: Logger(label: identity.node.text) { _ in RecordingHandler(lines: lines) },
            handlers: PeerHandlers(
                received: { [unowned self] in received.append($0) },
                receivedCall: { [unowned self] in
                    if let onRequest { onRequest($0) } else { requests.append($0) }
                },
                met: { [unowned self] in met.append($0) }))
    }

    func contact(incarnation: UInt64? = nil) -> PeerContact {
        PeerContact(id: id, address: .host(address.host, port: address.port), incarnation: incarnation)
    }

    func statistics(of other: TestNode) -> PeerStatistics? { transport.statistics.peers.first { $0.id == other.id } }

    func heartbeat(to other: TestNode, _ round: UInt64) -> RaftMessage {
        RaftMessage(from: id, to: other.id, term: Term(1), .heartbeat(Heartbeat(round: round, commit: .zero)))
    }

    func append(to other: TestNode, _ index: UInt64, bytes: Int) -> RaftMessage {
        let command = Command(session: 1, sequence: index, bytes: [UInt8](repeating: UInt8(index % 251), count: bytes))
        return RaftMessage(
            from: id, to: other.id, term: Term(1),
            .append(
                Append(
                    previous: LogPosition(term: Term(1), index: LogIndex(index - 1)),
                    entries: [LogEntry(LogPosition(term: Term(1), index: LogIndex(index)), .command(command))],
                    commit: .zero)))
    }
}

/// A loop and the nodes on it.
final class TransportBench {
    let loop: EventLoop
    private(set) var nodes: [TestNode] = []

    /// Short times, so that tests of them are short; not so short that a busy machine breaks them.
    static var limits: PeerLimits {
        var limits = PeerLimits()
        limits.leastBackoff = .milliseconds(10)
        limits.greatestBackoff = .milliseconds(100)
        return limits
    }

    init(_ io: IOKind = .epoll) throws { loop = try EventLoop(io: io, buffers: .modest) }

    deinit {
        for node in nodes { node.transport.stop() }
        loop.end()
    }

    @discardableResult
    func add(
        _ name: String, incarnation: UInt64? = nil, cluster: UInt64 = 9, on host: String = "127.0.0.1",
        port: UInt16 = 0,
        tls: PeerTLS? = nil, limits: PeerLimits = TransportBench.limits
    ) throws -> TestNode {
        let identity = PeerIdentity(
            node: NodeID(name), incarnation: incarnation ?? StableHash.of(name), cluster: cluster, membersDigest: 5)
        let node = try TestNode(identity, loop: loop, on: host, port: port, tls: tls, limits: limits)
        nodes.append(node)
        return node
    }

    /// Makes all nodes know each other.
    func introduce() {
        let contacts = nodes.map { $0.contact(incarnation: $0.transport.identity.incarnation) }
        for node in nodes { node.transport.update(members: contacts) }
    }

    /// Ends a node as a crash would: its connections are gone.
    func kill(_ node: TestNode) throws {
        node.transport.stop()
        nodes.removeAll { $0 === node }
        try turn("the port is free again") { (try? ListeningSocket.bind(node.address)[0])?.close() != nil }
    }

    /// Takes turns until the condition holds.
    func turn(
        _ what: String, within limit: Duration = .seconds(20), sourceLocation: SourceLocation = #_sourceLocation,
        until condition: () -> Bool
    ) throws {
        let end = MonotonicClock.now + limit
        while !condition() {
            try #require(
                MonotonicClock.now < end,
                "not within \(limit): \(what)\n\(nodes.map { "\($0.id): \($0.lines.all)" }.joined(separator: "\n"))",
                sourceLocation: sourceLocation)
            loop.turn(limit: .milliseconds(20))
        }
    }

    /// Takes turns for a while, to see that something does not happen.
    func turn(for duration: Duration) {
        let end = MonotonicClock.now + duration
        while MonotonicClock.now < end { loop.turn(limit: end - MonotonicClock.now) }
    }

    /// Waits until every node reaches every other by connections of its own, in both lanes.
    func connectAll(sourceLocation: SourceLocation = #_sourceLocation) throws {
        introduce()
        try turn("all are connected", sourceLocation: sourceLocation) {
            nodes.allSatisfy { node in
                node.transport.statistics.peers.count == nodes.count - 1
                    && node.transport.statistics.peers.allSatisfy { $0.isConnected && $0.connects >= 2 }
            }
        }
    }
}
