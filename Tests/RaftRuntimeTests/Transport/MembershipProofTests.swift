// Owns the tests of who may talk to whom: clusters, incarnations and certificates.
import Proactor
import Raft
import TLS
import Testing
import Topology

@testable import RaftRuntime

@Suite("Members prove who they are", .serialized)
struct MembershipProofTests {
    @Test("Nodes of two clusters refuse each other, each with a clear line, and try again but slowly")
    func clusters() throws {
        let bench = try TransportBench()
        let a = try bench.add("a", cluster: 0xA)
        let b = try bench.add("b", cluster: 0xB)
        let began = bench.loop.now
        bench.introduce()
        let text = "a belongs to another cluster: a, and b to b"
        try bench.turn("both know why") {
            a.statistics(of: b)?.lastFailure == "it refuses this node: \(text)"
                && b.statistics(of: a)?.lastFailure
                    == "it refuses this node: b belongs to another cluster: b, and a to a"
        }
        #expect(b.lines.contain("warning: refused a (127.0.0.1:"))
        bench.turn(for: .milliseconds(400))
        #expect(!a.transport.isConnected(b.id) && a.met.isEmpty && b.met.isEmpty)
        // Two lanes, each with four quick tries, and then waits of 50 to 100 ms.
        let most = 2 * (4 + Int((bench.loop.now - began) / .milliseconds(50)))
        #expect(b.transport.statistics.refusedConnections <= most)
        #expect(a.lines.all.filter { $0.contains(text) }.count == 1)
    }

    @Test("A member that lost its disk is refused, whoever connects, and told what to do")
    func incarnation() throws {
        let bench = try TransportBench()
        let a = try bench.add("a")
        let b = try bench.add("b", incarnation: 2, cluster: 0)
        a.transport.update(members: [b.contact(incarnation: 1)])
        let text = "b has lost its disk since it became a member: remove it from the cluster, then add it again"
        try bench.turn("a refuses it") { a.statistics(of: b)?.lastFailure == text }
        b.transport.update(members: [a.contact()])
        try bench.turn("b is told") { b.statistics(of: a)?.lastFailure == "it refuses this node: \(text)" }
        #expect(!a.transport.isConnected(b.id) && !b.transport.isConnected(a.id))
        a.transport.update(members: [])
        try bench.turn("once it is no member, it may ask to join") { b.transport.isConnected(a.id) }
        a.transport.update(members: [b.contact(incarnation: 2)])
        try bench.turn("and it is a member again") { a.statistics(of: b)?.connects == 2 }
        // A member that turns out to be another one while it is connected.
        a.transport.update(members: [b.contact(incarnation: 3)])
        try bench.turn("it is refused") { !b.transport.isConnected(a.id) && !a.transport.isConnected(b.id) }
    }

    @Test("Two processes with copies of one disk are told apart from one that comes again, and it is said")
    func copies() throws {
        let bench = try TransportBench()
        let a = try bench.add("a")
        let one = try bench.add("b", incarnation: 2)
        let other = try bench.add("b", incarnation: 2)
        a.transport.update(members: [one.contact(incarnation: 2)])
        for each in [one, other] { each.transport.update(members: [a.contact()]) }
        let text = "two processes run as b with copies of one data directory"
        try bench.turn("it is said", within: .seconds(20)) { a.lines.contain("error: \(text)") }
        #expect(a.transport.failure(of: one.id)?.contains(text) == true)
        try bench.turn("they hear of it", within: .seconds(20)) {
            one.lines.contain(text) && other.lines.contain(text)
        }
        // It goes on, and is not said again and again.
        bench.turn(for: .seconds(1))
        let before = [a, one, other].map(\.lines.all.count)
        bench.turn(for: .seconds(2))
        let new = zip([a, one, other], before).flatMap { $0.lines.all.dropFirst($1) }
        #expect(new.count <= 4, "\(new)")
    }

    @Test("Connections that are replaced now and then are no second process")
    func claims() {
        func at(_ seconds: Int64) -> Tick { Tick(nanoseconds: seconds * 1_000_000_000) }
        var claims = NameClaims()
        for second in [0, 15, 30, 45, 60] as [Int64] {
            claims.replaced(now: at(second))
            #expect(!claims.areTwo(now: at(second)))
        }
        for second in [61, 62, 63] as [Int64] { claims.replaced(now: at(second)) }
        #expect(claims.areTwo(now: at(63)) && claims.areTwo(now: at(93)) && !claims.areTwo(now: at(94)))
    }

    /// A member that was away while another was replaced has to hear of that from the new one, when that leads.
    @Test("One that replaced a member is answered by those that have not heard of it, and counts for nothing there")
    func replacement() throws {
        let bench = try TransportBench()
        let behind = try bench.add("a")
        let new = try bench.add("b", incarnation: 2)
        behind.transport.update(members: [new.contact(incarnation: 1)])
        new.transport.update(members: [behind.contact(incarnation: behind.transport.identity.incarnation)])
        try bench.turn("they are connected") {
            behind.statistics(of: new)?.connects == 2 && new.transport.isConnected(behind.id)
        }
        // Whom the configuration names is not there, and the other has not spoken as a member does.
        #expect(!behind.transport.isConnected(new.id))
        func reply(from sender: TestNode, to receiver: TestNode) -> RaftMessage {
            RaftMessage(from: sender.id, to: receiver.id, term: Term(2), .appendReply(.matches(through: LogIndex(1))))
        }
        new.transport.send(new.append(to: behind, 1, bytes: 10))
        try bench.turn("one is asked") { !behind.received.isEmpty }
        behind.transport.send(behind.append(to: new, 1, bytes: 10))
        behind.transport.send(reply(from: behind, to: new))
        var outcomes: [PeerCallOutcome] = []
        new.transport.call(behind.id, PeerCall(kind: 1, bytes: []), within: .seconds(10)) { outcomes.append($0) }
        try bench.turn("the other is answered") { !new.received.isEmpty && !outcomes.isEmpty }
        #expect(behind.received == [new.append(to: behind, 1, bytes: 10)])
        #expect(new.received == [reply(from: behind, to: new)])
        #expect(outcomes == [.refused("another disk is a member under this name")])
        // Once it has heard, they talk as all do.
        behind.transport.update(members: [new.contact(incarnation: 2)])
        behind.transport.send(behind.append(to: new, 2, bytes: 10))
        try bench.turn("it is asked") { new.received.count == 2 }
        new.transport.send(reply(from: new, to: behind))
        try bench.turn("and its reply counts") { behind.received.count == 2 }
    }

    @Test("A reply goes to the one that asked, though the one that it replaced still runs under its name")
    func replyToTheAsker() throws {
        let bench = try TransportBench()
        let a = try bench.add("a")
        let old = try bench.add("b", incarnation: 1)
        let new = try bench.add("b", incarnation: 2)
        a.transport.update(members: [old.contact(incarnation: 1)])
        let own = a.contact(incarnation: a.transport.identity.incarnation)
        for each in [old, new] { each.transport.update(members: [own]) }
        try bench.turn("all are connected") {
            a.statistics(of: old)?.isConnected == true && old.transport.isConnected(a.id)
                && new.transport.isConnected(a.id)
        }
        func answer(_ round: UInt64) -> RaftMessage {
            RaftMessage(
                from: a.id, to: old.id, term: Term(1), .heartbeatReply(HeartbeatReply(round: round)))
        }
        for (round, asker, other) in [(1, new, old), (2, old, new), (3, new, old)] as [(UInt64, TestNode, TestNode)] {
            let (heard, before, others) = (a.received.count, asker.received.count, other.received)
            asker.transport.send(asker.heartbeat(to: a, round))
            try bench.turn("a is asked") { a.received.count > heard }
            a.transport.send(answer(round))
            try bench.turn("the asker is answered") { asker.received.count > before }
            #expect(asker.received.last == answer(round))
            #expect(other.received == others)
        }
        // What a asks goes to the one that its configuration names.
        a.transport.send(a.heartbeat(to: old, 4))
        try bench.turn("the member is asked") { old.received.last == a.heartbeat(to: old, 4) }
        #expect(new.received == [answer(1), answer(3)])
    }

    // MARK: Certificates

    static let made = Result {
        try Certificates([
            .init(name: "a"), .init(name: "b"), .init(name: "c"), .init(name: "old", names: ["b"], days: -30 ... -2),
            .init(name: "shared", names: ["a", "b"]),
        ])
    }
    static let strangers = Result { try Certificates(authority: "Another authority", [.init(name: "b")]) }

    private func tls(_ name: String, _ certificates: Certificates? = nil, trusts: Certificates? = nil) throws -> PeerTLS
    {
        let own = try certificates ?? Self.made.get()
        let identity = own.identity(name)
        return try PeerTLS(
            certificate: identity.certificate, key: identity.key, authority: (trusts ?? own).authority)
    }

    @Test(
        "With certificates of their names, members talk: messages small and large, and calls",
        arguments: TransportTests.backends)
    func mutual(io: IOKind) throws {
        let bench = try TransportBench(io)
        let a = try bench.add("a", tls: tls("a"))
        let b = try bench.add("b", tls: tls("shared"))
        try bench.connectAll()
        #expect(a.lines.contain("by TLSv1.3"))
        b.onRequest = { $0.answer($0.call.bytes.reversed()) }
        var outcomes: [PeerCallOutcome] = []
        a.transport.call(b.id, PeerCall(kind: 1, bytes: [1, 2, 3]), within: .seconds(10)) { outcomes.append($0) }
        for number in 1...30 {
            a.transport.send(a.append(to: b, UInt64(number), bytes: 100_000))
            b.transport.send(b.heartbeat(to: a, UInt64(number)))
        }
        try bench.turn("all arrive") { b.received.count == 30 && a.received.count == 30 && outcomes.count == 1 }
        #expect(b.received == (1...30).map { a.append(to: b, UInt64($0), bytes: 100_000) })
        #expect(outcomes == [.reply([3, 2, 1])])
        try bench.turn("all buffers are back") { bench.loop.slabsLent == 0 && bench.loop.receiveBuffersLent == 0 }
    }

    @Test("A certificate for another node is refused by the side that connects, before it says a word")
    func wrongName() throws {
        let bench = try TransportBench()
        let a = try bench.add("a", tls: tls("a"))
        let b = try bench.add("b", tls: tls("c"))
        a.transport.update(members: [b.contact()])
        try bench.turn("a knows why") { a.statistics(of: b)?.lastFailure == "its certificate is for c, not for b" }
        #expect(a.lines.contain("its certificate is for c, not for b"))
        #expect(b.transport.peers.isEmpty && b.met.isEmpty)
    }

    @Test("A node that calls itself by a name which its certificate has not is refused by the side that accepts")
    func falseName() throws {
        let bench = try TransportBench()
        let a = try bench.add("a", tls: tls("a"))
        let liar = try bench.add("b", tls: tls("c"))
        liar.transport.update(members: [a.contact()])
        try bench.turn("it is told") {
            liar.statistics(of: a)?.lastFailure == "it refuses this node: its certificate is for c, not for b"
        }
        #expect(a.lines.contain("refused b (127.0.0.1:"))
        #expect(a.met.isEmpty)
    }

    @Test("A certificate that has expired is refused, and both sides know why")
    func expired() throws {
        let bench = try TransportBench()
        let a = try bench.add("a", tls: tls("a"))
        let old = try tls("old")
        #expect(old.certificateWarning == "the certificate expired 2 days ago")
        let b = try bench.add("b", tls: old)
        a.transport.update(members: [b.contact()])
        try bench.turn("a knows why") {
            a.statistics(of: b)?.lastFailure == "the peer's certificate is not accepted: certificate has expired"
        }
        try bench.turn("b, too") { b.lines.contain("certificate expired") }
        b.transport.update(members: [a.contact()])
        try bench.turn("also the other way round") {
            b.statistics(of: a)?.lastFailure?.contains("certificate expired") == true
        }
    }

    @Test("A certificate of another authority is refused")
    func authority() throws {
        let bench = try TransportBench()
        let a = try bench.add("a", tls: tls("a"))
        let b = try bench.add("b", tls: tls("b", Self.strangers.get(), trusts: Self.made.get()))
        b.transport.update(members: [a.contact()])
        try bench.turn("b is told") { b.statistics(of: a)?.lastFailure?.contains("unknown ca") == true }
        #expect(a.lines.contain("the peer's certificate is not accepted:"))
        #expect(a.met.isEmpty && b.met.isEmpty)
    }

    @Test("A plain peer and one with TLS do not talk, whoever begins")
    func plain() throws {
        let bench = try TransportBench()
        let a = try bench.add("a", tls: tls("a"))
        let b = try bench.add("b")
        bench.introduce()
        try bench.turn("both know why") {
            a.statistics(of: b)?.lastFailure != nil && b.statistics(of: a)?.lastFailure != nil
        }
        #expect(a.lines.contain("TLS handshake:"))
        #expect(b.lines.contain("it speaks TLS, and cluster.tls of b is not set"))
        #expect(a.met.isEmpty && b.met.isEmpty)
    }

    @Test("Renewed certificates are used for new connections; those that stand stay")
    func renewal() throws {
        let bench = try TransportBench()
        let a = try bench.add("a", tls: tls("a"))
        let b = try bench.add("b", tls: tls("b"))
        try bench.connectAll()
        b.transport.update(tls: try tls("c"))
        bench.turn(for: .milliseconds(50))
        #expect(a.transport.isConnected(b.id))
        a.transport.update(members: [])
        a.transport.update(members: [b.contact()])
        try bench.turn("a new connection sees the new one") {
            a.statistics(of: b)?.lastFailure == "its certificate is for c, not for b"
        }
    }

    @Test("Without TLS only loopback is talked to")
    func offLoopback() throws {
        let bench = try TransportBench()
        let a = try bench.add("a")
        // TEST-NET-1 of RFC 5737: nothing is sent there.
        a.transport.update(members: [PeerContact(id: NodeID("b"), address: .host("192.0.2.1", port: 7_946))])
        try bench.turn("why is known") {
            a.transport.statistics.peers.first?.lastFailure
                == "192.0.2.1:7946 is not on loopback, and cluster.tls is not set"
        }
    }
}
