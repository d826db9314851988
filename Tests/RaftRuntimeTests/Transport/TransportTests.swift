// Owns the tests of the transport between honest nodes: messages, calls, loss and return of a peer.
import Raft
import Testing
import Topology

@testable import Proactor
@testable import RaftRuntime

@Suite("Nodes that talk to each other", .serialized)
struct TransportTests {
    static let backends = IOKind.allCases.filter { io in (try? SelfTest.run(io)) != nil }

    @Test("Three nodes: every message arrives once and in the order of its lane", arguments: backends)
    func three(io: IOKind) throws {
        let bench = try TransportBench(io)
        for name in ["a", "b", "c"] { try bench.add(name) }
        try bench.connectAll()
        for sender in bench.nodes {
            for receiver in bench.nodes where receiver !== sender {
                for number in 1...50 {
                    sender.transport.send(sender.heartbeat(to: receiver, UInt64(number)))
                    sender.transport.send(sender.append(to: receiver, UInt64(number), bytes: number * 100))
                }
            }
        }
        try bench.turn("all arrive") { bench.nodes.allSatisfy { $0.received.count == 200 } }
        for receiver in bench.nodes {
            for sender in bench.nodes where receiver !== sender {
                let from = receiver.received.filter { $0.from == sender.id }
                let expected = (1...50).map { UInt64($0) }
                #expect(from.filter { $0.body.lane == .urgent } == expected.map { sender.heartbeat(to: receiver, $0) })
                #expect(
                    from.filter { $0.body.lane == .bulk }
                        == expected.map { sender.append(to: receiver, $0, bytes: Int($0) * 100) })
            }
        }
        let numbers = try #require(bench.nodes[0].statistics(of: bench.nodes[1]))
        #expect(numbers.messagesSent == 100 && numbers.messagesDropped == 0 && numbers.messagesReceived == 100)
        #expect(numbers.bytesSent > 127_500 && numbers.bytesReceived > 127_500 && numbers.lastFailure == nil)
        try bench.turn("the round trip is measured") {
            bench.nodes.allSatisfy { $0.transport.statistics.peers.allSatisfy { $0.roundTrip != nil } }
        }
        let trip = try #require(bench.nodes[0].statistics(of: bench.nodes[1])?.roundTrip)
        #expect(trip > .zero && trip < .seconds(5))
        try bench.turn("all buffers are back") { bench.loop.slabsLent == 0 && bench.loop.receiveBuffersLent == 0 }
    }

    @Test("Every node learns who the others are")
    func meeting() throws {
        let bench = try TransportBench()
        let a = try bench.add("a", cluster: 0)
        let b = try bench.add("b", cluster: 9)
        try bench.connectAll()
        #expect(a.transport.peers == [b.transport.identity] && b.transport.peers == [a.transport.identity])
        #expect(Set(a.met) == [b.transport.identity])
        #expect(a.lines.contain("info: connected to b (127.0.0.1:\(b.address.port))"))
    }

    @Test("A node that forms a group afterwards is known by its cluster from its next message on")
    func forming() throws {
        let bench = try TransportBench()
        let a = try bench.add("a", cluster: 0)
        let b = try bench.add("b", cluster: 0)
        try bench.connectAll()
        a.transport.identity.cluster = 9
        a.transport.send(a.heartbeat(to: b, 1))
        try bench.turn("it arrives") { b.received.count == 1 }
        #expect(b.transport.peers == [a.transport.identity])
    }

    @Test("Two nodes whose groups formed apart from each other part as soon as one hears of the other's")
    func formingApart() throws {
        let bench = try TransportBench()
        let a = try bench.add("a", cluster: 9)
        let b = try bench.add("b", cluster: 0)
        try bench.connectAll()
        b.transport.identity.cluster = 10
        try bench.turn("they part") { !a.transport.isConnected(b.id) && !b.transport.isConnected(a.id) }
        #expect(b.lines.contain("a belongs to another cluster: 9, and b to a"))
        #expect(a.lines.contain("it refuses this node: a belongs to another cluster"))

        let c = try bench.add("c", cluster: 0)
        let d = try bench.add("d", cluster: 0)
        c.transport.update(members: [d.contact()])
        try bench.turn("connected") { d.met.count == 2 }
        // Neither has heard of the other's group, until a message brings it.
        c.transport.identity.cluster = 11
        d.transport.identity.cluster = 12
        c.transport.send(c.heartbeat(to: d, 1))
        try bench.turn("it is refused") { d.lines.contain("c belongs to another cluster: b, and d to c") }
        #expect(d.received.isEmpty)
    }

    @Test("A peer that dies and comes back is found again; what it missed is dropped and counted, not kept for it")
    func comesBack() throws {
        let bench = try TransportBench()
        let port = try KeptPort()
        let a = try bench.add("a")
        let b = try bench.add("b", port: port.number)
        try bench.connectAll()
        try bench.kill(b)
        try bench.turn("it is missed") { !a.transport.isConnected(b.id) }
        a.transport.send(a.heartbeat(to: b, 1))
        try bench.turn("why is known") { a.statistics(of: b)?.lastFailure == "nobody listens there" }
        #expect(a.lines.contain("warning: peer b (127.0.0.1:\(b.address.port))"))
        // Longer than a message is worth sending.
        bench.turn(for: .milliseconds(1_100))
        let reborn = try bench.add("b", port: port.number)
        try bench.turn("it is found again") { a.statistics(of: b).map { $0.isConnected && $0.connects == 4 } ?? false }
        a.transport.send(a.heartbeat(to: b, 2))
        try bench.turn("it arrives") { !reborn.received.isEmpty }
        #expect(reborn.received == [a.heartbeat(to: b, 2)])
        #expect(a.statistics(of: b)?.messagesDropped == 1)
        #expect(a.lines.all.filter { $0.contains("info: connected to b (") }.count == 2)
        // Refused attempts in between say the same line only once.
        #expect(a.lines.all.filter { $0.contains("nobody listens there") }.count <= 2)
    }

    @Test("A message that waits for the first connection is sent when it stands")
    func early() throws {
        let bench = try TransportBench()
        let a = try bench.add("a")
        let b = try bench.add("b")
        a.transport.update(members: [b.contact()])
        a.transport.send(a.heartbeat(to: b, 1))
        a.transport.send(a.append(to: b, 2, bytes: 10))
        try bench.turn("both arrive") { b.received.count == 2 }
    }

    @Test("A node that knows no address of a peer answers it over the peer's own connection, in both lanes")
    func unknownAddress() throws {
        let bench = try TransportBench()
        let a = try bench.add("a")
        let b = try bench.add("b")
        b.transport.send(b.heartbeat(to: a, 1))
        #expect(b.transport.statistics.undeliverable == 1)
        a.transport.update(members: [b.contact()])
        try bench.turn("a is connected") { a.statistics(of: b)?.connects == 2 && b.met.count == 2 }
        b.transport.send(b.heartbeat(to: a, 2))
        b.transport.send(b.append(to: a, 3, bytes: 5_000))
        try bench.turn("both arrive") { a.received.count == 2 }
        #expect(Set(a.received) == [b.heartbeat(to: a, 2), b.append(to: a, 3, bytes: 5_000)])
        #expect(b.transport.statistics.undeliverable == 1)
    }

    @Test("A member that is removed is no longer talked to; one with a new address is found there")
    func membership() throws {
        let bench = try TransportBench()
        let a = try bench.add("a")
        let b = try bench.add("b")
        a.transport.update(members: [b.contact()])
        try bench.turn("connected") { a.statistics(of: b)?.connects == 2 }
        a.transport.update(members: [])
        try bench.turn("parted") { !a.transport.isConnected(b.id) && b.transport.peers.isEmpty }
        #expect(a.transport.statistics.peers.isEmpty)
        a.transport.update(members: [b.contact()])
        try bench.turn("connected") { a.statistics(of: b)?.connects == 2 }
        a.transport.update(members: [b.contact(incarnation: b.transport.identity.incarnation)])
        bench.turn(for: .milliseconds(50))
        #expect(a.statistics(of: b)?.connects == 2, "to learn which one it is costs no connection")
        let moved = try bench.add("b", on: "127.0.0.2")
        a.transport.update(members: [b.contact()])
        a.transport.update(members: [moved.contact()])
        try bench.turn("found where it moved to") { moved.met.count == 2 }
        a.transport.send(a.heartbeat(to: moved, 1))
        try bench.turn("it arrives") { moved.received.count == 1 }
        #expect(b.received.isEmpty)
    }

    @Test("Members may have names, which are looked up at every connect")
    func names() throws {
        let bench = try TransportBench()
        let a = try bench.add("a")
        let b = try bench.add("b")
        a.transport.update(members: [PeerContact(id: b.id, address: .host("localhost", port: b.address.port))])
        try bench.turn("connected") { a.statistics(of: b)?.connects == 2 }
        // No server is asked about a name with nothing between its dots.
        a.transport.update(members: [PeerContact(id: b.id, address: .host("no..host", port: 1))])
        try bench.turn("why is known") { a.statistics(of: b)?.lastFailure?.contains("no..host") == true }
    }

    @Test("The digest of a member list knows no order, and knows every field")
    func digest() {
        typealias Entry = (id: NodeID, address: Address, datacenter: DatacenterName)
        func entry(_ id: String, _ host: String, _ datacenter: String) -> Entry {
            (NodeID(id), .host(host, port: 1), DatacenterName(datacenter))
        }
        let list = [entry("a", "10.0.0.1", "x"), entry("b", "10.0.0.2", "y")]
        let digest = PeerIdentity.digest(of: list)
        #expect(PeerIdentity.digest(of: list.reversed()) == digest)
        let others = [
            [list[0]], [entry("a2", "10.0.0.1", "x"), list[1]], [entry("a", "10.0.0.3", "x"), list[1]],
            [entry("a", "10.0.0.1", "z"), list[1]], [],
        ]
        #expect(Set(others.map { PeerIdentity.digest(of: $0) } + [digest]).count == 6)
        // The same in every process: a change would keep nodes of two versions from forming a group.
        #expect(digest == 3_610_986_128_216_560_141)
    }
}
