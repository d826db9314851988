// Owns the form of a call for the leader that travels through a peer.
internal import RaftRuntime
internal import Switching
internal import Topology

/// A call for the leader, with its origin.
struct RelayedCall: Hashable {
    /// The kind of call by which a node asks a peer to relay to the leader that the peer follows.
    static let askKind: UInt32 = 20
    /// The kind of call by which the peer relays it. It is relayed only once, so calls never go in circles.
    static let handKind: UInt32 = 21
    private static let version: UInt8 = 1

    var origin: LeaseHolder
    var call: PeerCall

    init(origin: LeaseHolder, call: PeerCall) {
        self.origin = origin
        self.call = call
    }

    /// A byte for the version, four for the call's kind, eight for the origin's incarnation, its name with a byte for
    /// the length, then what the call carries.
    var encoded: [UInt8] {
        var bytes = [Self.version]
        for shift in 0..<4 { bytes.append(UInt8(truncatingIfNeeded: call.kind >> (8 * UInt32(shift)))) }
        for shift in 0..<8 { bytes.append(UInt8(truncatingIfNeeded: origin.incarnation >> (8 * UInt64(shift)))) }
        bytes.append(UInt8(truncatingIfNeeded: origin.id.text.utf8.count))
        bytes += origin.id.text.utf8
        return bytes + call.bytes
    }

    /// - Returns: nil for what `encoded` never gives.
    init?(_ bytes: [UInt8]) {
        var reader = PeerBytesReader(bytes: bytes)
        guard reader.number(1) == Int64(Self.version), let kind = reader.number(4), let incarnation = reader.number(),
            let name = reader.name()
        else { return nil }
        origin = LeaseHolder(id: NodeID(name), incarnation: UInt64(bitPattern: incarnation))
        call = PeerCall(kind: UInt32(truncatingIfNeeded: kind), bytes: Array(bytes.dropFirst(14 + name.utf8.count)))
    }
}
