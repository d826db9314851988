// Owns who a node is when it meets another one.
public import Topology

/// What a node says about itself at the beginning of every connection.
public struct PeerIdentity: Hashable, Sendable {
    public var node: NodeID
    /// Random, made with the data directory: a node that lost its disk is another member.
    public var incarnation: UInt64
    /// Of the group it belongs to; 0: it is in none yet, and empty.
    public var cluster: UInt64
    /// Of the member list in its settings, by `digest(of:)`.
    public var membersDigest: UInt64
    /// The greatest format of commands and snapshots that it reads.
    public var formatLevel: UInt32

    public init(
        node: NodeID, incarnation: UInt64, cluster: UInt64 = 0, membersDigest: UInt64 = 0, formatLevel: UInt32 = 1
    ) {
        self.node = node
        self.incarnation = incarnation
        self.cluster = cluster
        self.membersDigest = membersDigest
        self.formatLevel = formatLevel
    }

    /// One number for a member list, whatever the order in which the file gives it. The same in every process and
    /// version.
    public static func digest(of members: [(id: NodeID, address: Address, datacenter: DatacenterName)]) -> UInt64 {
        var hash = StableHash(seed: UInt64(members.count))
        for member in members.sorted(by: { $0.id < $1.id }) {
            for text in [member.id.text, member.address.description, member.datacenter.text] {
                hash.combine(text)
                // No name or address has a NUL, so two lists never run into one text.
                hash.combine(0)
            }
        }
        return hash.value
    }
}

/// Where a member is, and which one it must be.
public struct PeerContact: Hashable, Sendable {
    public var id: NodeID
    /// Looked up anew at every connect.
    public var address: Address
    /// nil: not known yet, so whoever proves to have the name is it.
    public var incarnation: UInt64?

    public init(id: NodeID, address: Address, incarnation: UInt64? = nil) {
        self.id = id
        self.address = address
        self.incarnation = incarnation
    }
}

/// Why a peer is not talked to. The numbers are those of the schema.
public enum PeerRefusalReason: Int, Hashable, Sendable, CaseIterable {
    /// A reason that this version does not know.
    case unknown = 0
    case version = 1
    case otherCluster = 2
    /// The certificate is not for the node that the peer says it is.
    case name = 3
    /// The member of this name has another incarnation.
    case incarnation = 4
    /// The one who answers is not the one who was wanted.
    case notMe = 5
    case busy = 6
    case malformed = 7
}

/// A refusal with its words for the log of the other side.
public struct PeerRefusal: Error, Hashable, Sendable {
    public var reason: PeerRefusalReason
    public var text: String

    public init(_ reason: PeerRefusalReason, _ text: String) {
        self.reason = reason
        self.text = text
    }
}
