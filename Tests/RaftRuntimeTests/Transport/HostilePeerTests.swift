// Owns the tests of peers that are wrong, broken, slow or hostile: each costs a connection, and no more.
import Proactor
import Raft
import Testing
import Topology

@testable import RaftRuntime

@Suite("Peers that must not be trusted", .serialized)
struct HostilePeerTests {
    /// Two nodes that talk to each other, and must go on doing so.
    private func pair(_ limits: PeerLimits = TransportBench.limits) throws -> (TransportBench, TestNode, TestNode) {
        let bench = try TransportBench()
        let a = try bench.add("a", limits: limits)
        let b = try bench.add("b")
        try bench.connectAll()
        return (bench, a, b)
    }

    private func expectUnharmed(_ bench: TransportBench, _ a: TestNode, _ b: TestNode) throws {
        let count = a.received.count
        b.transport.send(b.heartbeat(to: a, 99))
        try bench.turn("the others go on") { a.received.count == count + 1 }
        #expect(b.statistics(of: a)?.connects == 2, "nobody else lost a connection")
        try bench.turn("all buffers are back") { bench.loop.receiveBuffersLent == 0 }
    }

    private func hello(
        _ name: String = "c", to: String = "a", version: UInt32 = 1, minimum: UInt32 = 1, cluster: UInt64 = 9,
        incarnation: UInt64 = 1, lane: PeerLaneKind = .urgent
    ) -> PeerFrame {
        let identity = PeerIdentity(node: NodeID(name), incarnation: incarnation, cluster: cluster)
        return .hello(
            PeerHello(version: version, minimumVersion: minimum, identity: identity, to: NodeID(to), lane: lane))
    }

    /// A raw client that has said hello and was welcomed.
    private func welcomed(
        _ bench: TransportBench, _ a: TestNode, lane: PeerLaneKind = .urgent, receiveBuffer: Int32? = nil
    ) throws -> RawClient {
        let client = try RawClient(port: a.address.port, receiveBuffer: receiveBuffer)
        try client.write(hello(lane: lane))
        var heard = Transcript()
        try bench.turn("welcomed") {
            try? heard.take(from: client)
            return !heard.frames.isEmpty
        }
        let welcome = PeerHello(identity: a.transport.identity, to: NodeID("c"), lane: lane)
        #expect(heard.frames.first == .welcome(welcome))
        return client
    }

    private func expectRefusal(
        _ reason: PeerRefusalReason, _ text: String, _ bench: TransportBench, _ client: RawClient,
        after count: Int = 0, sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        var heard = Transcript()
        try bench.turn("refused", sourceLocation: sourceLocation) {
            try? heard.take(from: client)
            return heard.isEnded || heard.frames.contains { if case .refusal = $0 { true } else { false } }
        }
        guard case .refusal(let refusal) = heard.frames.last else {
            Issue.record("\(heard.frames)", sourceLocation: sourceLocation)
            return
        }
        #expect(refusal.reason == reason && refusal.text.contains(text), "\(refusal)", sourceLocation: sourceLocation)
    }

    @Test(
        "Rubbish in place of a greeting",
        arguments: [
            Array("GET / HTTP/1.1\r\nHost: a\r\n\r\n".utf8), [0x16, 3, 1, 2, 0, 1, 0, 1, 0xFC, 3, 3],
            [0, 0, 0, 3, 0xFF, 0xFF, 0xFF], [0, 0, 0, 0], [0xFF, 0xFF, 0xFF, 0xFF], [0, 0, 0x10, 1],
        ] as [[UInt8]])
    func rubbish(_ bytes: [UInt8]) throws {
        let (bench, a, b) = try pair()
        let client = try RawClient(port: a.address.port)
        client.write(bytes)
        try expectRefusal(.malformed, "", bench, client)
        #expect(a.lines.contain("warning: refused 127.0.0.1:"))
        try expectUnharmed(bench, a, b)
    }

    @Test("Seeded rubbish, before and after the greeting")
    func seeded() throws {
        let (bench, a, b) = try pair()
        var random = RandomBits(seed: 11)
        for round in 0..<60 {
            let client = round % 2 == 0 ? try RawClient(port: a.address.port) : try welcomed(bench, a)
            var bytes = (0..<random.below(3_000)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            // Half of them with a length that fits, so that the codec sees the content.
            if random.below(2) == 0 { bytes = .frameHeader(bytes.count) + bytes }
            client.write(bytes)
            bench.loop.turn(limit: .milliseconds(2))
        }
        try expectUnharmed(bench, a, b)
    }

    @Test(
        "Versions without a common one are refused, with both in the log; later ones that still speak ours are welcome",
        arguments: [(2, 2, false), (9, 1, true), (0, 0, false)] as [(UInt32, UInt32, Bool)])
    func versions(_ version: UInt32, _ minimum: UInt32, _ isWelcome: Bool) throws {
        let (bench, a, b) = try pair()
        let client = try RawClient(port: a.address.port)
        try client.write(hello(version: version, minimum: minimum))
        if isWelcome {
            try bench.turn("welcome") { a.transport.peers.contains { $0.node.text == "c" } }
        } else {
            let text = "c speaks versions \(minimum) to \(version) of the peer protocol, a 1 to 1"
            try expectRefusal(.version, text, bench, client)
            #expect(a.lines.contain(text))
        }
        try expectUnharmed(bench, a, b)
    }

    @Test("Whoever wants somebody else, or calls itself like this node, is refused")
    func wrongNames() throws {
        let (bench, a, b) = try pair()
        let lost = try RawClient(port: a.address.port)
        try lost.write(hello(to: "z"))
        try expectRefusal(.notMe, "this is a, not z", bench, lost)
        let double = try RawClient(port: a.address.port)
        try double.write(hello("a"))
        try expectRefusal(.notMe, "a is this node's own id", bench, double)
        try expectUnharmed(bench, a, b)
        #expect(a.transport.statistics.refusedConnections == 2)
    }

    @Test("A frame before the greeting, a second greeting, a frame of no kind")
    func order() throws {
        let (bench, a, b) = try pair()
        let early = try RawClient(port: a.address.port)
        try early.write(.ping(1))
        try expectRefusal(.malformed, "in place of a greeting", bench, early)
        let again = try welcomed(bench, a)
        try again.write(hello())
        try expectRefusal(.malformed, "a second greeting", bench, again)
        let empty = try welcomed(bench, a)
        empty.write([0, 0, 0, 0])
        try expectRefusal(.malformed, "a frame of no known kind", bench, empty)
        try expectUnharmed(bench, a, b)
    }

    @Test("A frame over the limit is refused by its length; one below it is read")
    func oversized() throws {
        let (bench, a, b) = try pair()
        let client = try welcomed(bench, a, lane: .bulk)
        client.write(.frameHeader(2 << 20 + 1))
        try expectRefusal(
            .malformed, "a frame of 2097153 bytes was announced, where 2097152 are the limit", bench, client)
        // Before the greeting the limit is smaller.
        let stranger = try RawClient(port: a.address.port)
        stranger.write(.frameHeader(4_097))
        try expectRefusal(.malformed, "4097 bytes was announced, where 4096", bench, stranger)
        // Who looks for TLS here is told what it is, not how long its record would be.
        let secure = try RawClient(port: a.address.port)
        secure.write([0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01])
        try expectRefusal(.malformed, "it speaks TLS, and cluster.tls of a is not set", bench, secure)
        b.transport.send(b.append(to: a, 1, bytes: 2_000_000))
        try bench.turn("a large one arrives") { a.received.count == 1 }
        try expectUnharmed(bench, a, b)
    }

    @Test("An own message over the limit is dropped, counted and logged; the connection stays")
    func ownOversized() throws {
        let (bench, a, b) = try pair()
        b.transport.send(b.append(to: a, 1, bytes: 3 << 20))
        b.transport.send(b.append(to: a, 2, bytes: 10))
        try bench.turn("the other arrives") { a.received.count == 1 }
        #expect(b.statistics(of: a)?.messagesDropped == 1)
        #expect(b.lines.contain("error: peer a ("))
        try expectUnharmed(bench, a, b)
    }

    @Test("What another disk under a member's name promises does not count")
    func promisesOfAnotherDisk() throws {
        let bench = try TransportBench()
        let a = try bench.add("a")
        a.transport.update(members: [
            PeerContact(id: NodeID("c"), address: .host("127.0.0.1", port: 1), incarnation: 7)
        ])
        let client = try welcomed(bench, a)
        try client.write(.raft(cluster: 9, term: Term(1), .appendReply(.matches(through: LogIndex(5)))))
        try client.write(.raft(cluster: 9, term: Term(1), .heartbeatReply(HeartbeatReply(round: 1))))
        try client.write(.raft(cluster: 9, term: Term(1), .campaignNow))
        try bench.turn("a hears what asks") { !a.received.isEmpty }
        #expect(a.received.map(\.body) == [.campaignNow])
    }

    @Test("A message from another cluster ends the connection")
    func foreignMessage() throws {
        let (bench, a, b) = try pair()
        let client = try welcomed(bench, a)
        try client.write(.raft(cluster: 9, term: Term(1), .campaignNow))
        try client.write(.raft(cluster: 0, term: Term(1), .campaignNow))
        try bench.turn("both arrive") { a.received.count == 2 }
        #expect(a.received[0].from == NodeID("c") && a.received[0].to == a.id)
        try client.write(.raft(cluster: 10, term: Term(1), .campaignNow))
        try expectRefusal(.otherCluster, "c belongs to another cluster: a, and a to 9", bench, client)
        #expect(a.received.count == 2)
        try expectUnharmed(bench, a, b)
    }

    @Test("Who says nothing, or goes silent, is given up in time")
    func silence() throws {
        var limits = TransportBench.limits
        // So long that a busy machine keeps them, too.
        limits.greetingTimeout = .seconds(1)
        limits.silenceLimit = .seconds(4)
        limits.pingInterval = .milliseconds(200)
        let bench = try TransportBench()
        let a = try bench.add("a", limits: limits)
        let b = try bench.add("b", limits: limits)
        try bench.connectAll()
        let begin = MonotonicClock.now
        let silent = try welcomed(bench, a)
        let mute = try RawClient(port: a.address.port)
        var (first, second) = (Transcript(), Transcript())
        try bench.turn("the mute one is closed") {
            try? first.take(from: mute)
            try? second.take(from: silent)
            return first.isEnded
        }
        #expect(MonotonicClock.now - begin >= limits.greetingTimeout)
        #expect(!second.isEnded, "it has longer, though it came first")
        try bench.turn("the silent one is closed") {
            try? second.take(from: silent)
            return second.isEnded
        }
        #expect(MonotonicClock.now - begin >= limits.silenceLimit)
        #expect(a.lines.contain("no answer in time"))
        // Nodes without a word to say to each other stay: they ask and are answered.
        try expectUnharmed(bench, a, b)
    }

    @Test("A peer that reads nothing costs a bounded queue and its connection, and others nothing")
    func slowReader() throws {
        var limits = TransportBench.limits
        // Longer than the sending of all takes on a busy machine.
        limits.silenceLimit = .seconds(5)
        limits.pingInterval = .milliseconds(200)
        limits.bulkQueueBytes = 3 << 20
        let bench = try TransportBench()
        let a = try bench.add("a", limits: limits)
        let b = try bench.add("b", limits: limits)
        try bench.connectAll()
        let client = try welcomed(bench, a, lane: .bulk, receiveBuffer: 4_096)
        let receiver = NodeID("c")
        for number in 1...400 {
            var message = a.append(to: b, UInt64(number), bytes: 100_000)
            message.to = receiver
            a.transport.send(message)
            bench.loop.turn(limit: .zero)
        }
        // Forty megabytes were offered: what the kernel did not take is in a queue of three, or was dropped.
        #expect(bench.loop.slabsLent < 40)
        #expect(a.transport.peers.contains { $0.node == receiver })
        try bench.turn("it is given up") { !a.transport.peers.contains { $0.node == receiver } }
        #expect(bench.loop.slabsLent <= 2)
        var heard = Transcript()
        try bench.turn("it is closed") {
            try? heard.take(from: client)
            return heard.isEnded
        }
        try expectUnharmed(bench, a, b)
    }

    @Test("Heartbeats overtake what is large, although the bulk lane is full")
    func overtaking() throws {
        let (bench, a, b) = try pair()
        for number in 1...60 { a.transport.send(a.append(to: b, UInt64(number), bytes: 100_000)) }
        a.transport.send(a.heartbeat(to: b, 1))
        try bench.turn("all arrive") { b.received.count == 61 }
        let place = b.received.firstIndex { $0.body.lane == .urgent }
        #expect(try #require(place) < 20, "it came after \(place ?? -1) large ones")
    }

    @Test("More connections than the limit are refused, and those that stand stay")
    func crowd() throws {
        var limits = TransportBench.limits
        limits.inboundConnections = 6
        limits.greetingTimeout = .seconds(20)
        let (bench, a, b) = try pair(limits)
        let crowd = try (0..<8).map { _ in try RawClient(port: a.address.port) }
        try bench.turn("some are refused") { a.transport.statistics.refusedConnections == 4 }
        #expect(crowd.count == 8 && a.lines.contain("6 connections are open, so no more are taken"))
        try expectUnharmed(bench, a, b)
    }

    @Test("More connections within a second than the limit are refused; the next second takes some again")
    func rate() throws {
        var limits = TransportBench.limits
        limits.inboundRate = 10
        let (bench, a, b) = try pair(limits)
        // The two of `b` may count in the same second.
        let crowd = try (0..<15).map { _ in try RawClient(port: a.address.port) }
        try bench.turn("some are refused") { a.transport.statistics.refusedConnections >= 5 }
        #expect(crowd.count == 15 && a.lines.contain("10 connections came within a second, so no more are taken"))
        bench.turn(for: .milliseconds(1_050))
        _ = try welcomed(bench, a)
        try expectUnharmed(bench, a, b)
    }

    @Test("A connection that is cut within a frame delivers nothing of it")
    func cut() throws {
        let (bench, a, b) = try pair()
        let frame = PeerFrame.raft(cluster: 9, term: Term(1), .campaignNow)
        let bytes = try PeerCodec.encode(frame, to: a.id, limit: 1_000)
        for length in 1..<bytes.count {
            let client = try welcomed(bench, a)
            client.write(Array(bytes.prefix(length)))
        }
        try bench.turn("all are gone") { a.transport.peers.allSatisfy { $0.node != NodeID("c") } }
        #expect(a.received.isEmpty)
        try expectUnharmed(bench, a, b)
    }

    @Test("A crowd of strangers writes a few lines, and hides nothing of members")
    func chatter() throws {
        let (bench, a, b) = try pair()
        for _ in 0..<40 {
            let client = try RawClient(port: a.address.port)
            client.write([0xFF, 0xFF, 0xFF, 0xFF])
            try expectRefusal(.malformed, "", bench, client)
        }
        #expect(a.lines.all.filter { $0.contains("refused 127.0.0.1") }.count == 16)
        try bench.kill(b)
        try bench.turn("the loss is told") { a.lines.contain("peer b (") }
    }

    @Test("A peer that connects anew replaces its last connection of that lane")
    func replacing() throws {
        let (bench, a, b) = try pair()
        let first = try welcomed(bench, a)
        let other = try welcomed(bench, a, lane: .bulk)
        let second = try welcomed(bench, a)
        var heard = Transcript()
        try bench.turn("the first is closed") {
            try? heard.take(from: first)
            return heard.isEnded
        }
        for client in [other, second] {
            try client.write(.ping(4))
            var answer = Transcript()
            try bench.turn("answered") {
                try? answer.take(from: client)
                return answer.frames == [.pong(4)]
            }
        }
        try expectUnharmed(bench, a, b)
    }
}
