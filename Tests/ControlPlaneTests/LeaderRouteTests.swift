// Tests which way a node's calls take to the leader, and the bytes of those that go through a peer.
import RaftRuntime
import Switching
import Testing
import Topology

@testable import ControlPlane

@Suite("The way to the leader")
struct LeaderRouteTests {
    private static let (a, b, c, d) = (NodeID("a"), NodeID("b"), NodeID("c"), NodeID("d"))

    @Test func itIsStraightWhereThereIsAConnection() {
        var route = LeaderRoute()
        #expect(route.way(to: Self.a, from: Self.b, peers: [Self.a, Self.c]) == .straight(Self.a))
        #expect(route.way(to: Self.b, from: Self.b, peers: [Self.a, Self.c]) == .here)
    }

    @Test func itIsThroughAPeerWhereTheConnectionIsGone() {
        var route = LeaderRoute()
        #expect(route.way(to: Self.a, from: Self.b, peers: [Self.c]) == .through(Self.c))
    }

    /// The connection to a leader behind a cut link stays open until TCP gives up: it is not asked to relay to itself.
    @Test func aLeaderThatFellSilentIsNotAsked() {
        var route = LeaderRoute()
        _ = route.way(to: Self.a, from: Self.b, peers: [Self.a, Self.c])
        for _ in 0..<4 {
            #expect(route.way(to: nil, from: Self.b, peers: [Self.a, Self.c]) == .through(Self.c))
            route.failed()
        }
        // Unless there is nobody else: it may follow another leader by now.
        #expect(route.way(to: nil, from: Self.b, peers: [Self.a]) == .through(Self.a))
    }

    /// A helper that works is kept; one that does not costs one turn.
    @Test func helpersTakeTurns() {
        var route = LeaderRoute()
        let peers = [Self.a, Self.b, Self.c, Self.d]
        var ways: [LeaderWay] = []
        for _ in 0..<4 {
            let way = route.way(to: nil, from: Self.a, peers: peers)
            #expect(route.way(to: nil, from: Self.a, peers: peers) == way)
            ways.append(way)
            route.failed()
        }
        #expect(Set(ways) == [.through(Self.b), .through(Self.c), .through(Self.d)])
        #expect(ways[0] == ways[3])
        #expect(route.way(to: nil, from: Self.a, peers: []) == .none)
    }

    // MARK: Through a peer

    private static let relayed = RelayedCall(
        origin: LeaseHolder(id: NodeID("use1-a"), incarnation: .max - 1), call: PeerCall(kind: 18, bytes: [1, 2, 3]))

    @Test func whatIsHandedOnIsRead() {
        #expect(RelayedCall(Self.relayed.encoded) == Self.relayed)
        let empty = RelayedCall(origin: Self.relayed.origin, call: PeerCall(kind: 19, bytes: []))
        #expect(RelayedCall(empty.encoded) == empty)
    }

    /// Everything before the call's own bytes must be complete, and the name must be valid.
    @Test func whatIsCutIsNotRead() {
        let bytes = Self.relayed.encoded
        for count in 0..<(bytes.count - 3) { #expect(RelayedCall(Array(bytes.prefix(count))) == nil) }
        var other = bytes
        other[0] = 9
        #expect(RelayedCall(other) == nil)
        var blank = bytes
        blank[14] = 0x20
        #expect(RelayedCall(blank) == nil)
    }
}
