// Owns the `cluster` section: the members and the timing of the group.
public import Topology

/// The group that this node belongs to.
public struct ClusterSettings: Hashable, Sendable {
    /// How leaders are elected.
    public enum Election: String, CaseIterable, Sendable { case raft, paxos, auto }

    /// A member of the group as the file lists it.
    public struct Member: Hashable, Sendable {
        public var id = NodeID("")
        public var address = Address.host("", port: 0)
        public var datacenter = DatacenterName("")

        public init() {}
    }

    /// What members prove themselves with.
    public struct Credentials: Hashable, Sendable {
        public var certificate = ""
        public var key = ""
        public var authority = ""

        public init() {}
    }

    public var bind = Address.host("0.0.0.0", port: 7946)
    public var election = Election.auto
    public var heartbeat = Duration.milliseconds(100)
    public var electionTimeout = Duration.seconds(1)
    public var lease = Duration.seconds(6)
    public var members: [Member] = []
    public var credentials: Credentials?

    public init() {}
}

extension ClusterSettings {
    static let section = Section<ClusterSettings>(
        "cluster",
        "The group of nodes that agrees on primaries, weights and drains.",
        initial: { _ in ClusterSettings() },
        keys: [
            Key("bind", \.bind, .bindAddress, "The address for other members."),
            Key("election", \.election, .choice, "How a leader is elected."),
            Key("heartbeat", \.heartbeat, .duration(.milliseconds(10) ... .seconds(10)), "The leader's heartbeat."),
            Key(
                "election_timeout", \.electionTimeout, .duration(.milliseconds(100) ... .seconds(60)),
                "Without a heartbeat for one to two times this, an election begins."),
            Key("lease", \.lease, .duration(.seconds(1) ... .seconds(300)), "How long a node may serve on its own."),
            Key(
                "members", \.members, .list(of: .section(memberSection), "members", minimum: 1, limit: 64),
                required: true, "The nodes of the group, this one among them."),
            Key(
                "tls", optional: \.credentials, .section(credentialsSection), absent: "none",
                "Required unless every member is on loopback."),
        ],
        check: { cluster, fields, reading in
            if cluster.electionTimeout < cluster.heartbeat * 3,
                let node = fields["election_timeout"] ?? fields["heartbeat"]
            {
                reading.error(at: node, "election_timeout must be at least three times the heartbeat")
            }
            if fields["tls"] == nil, !cluster.members.allSatisfy(\.address.isLoopback), let key = fields.key("members")
            {
                reading.error(at: key, "cluster needs 'tls' because a member is not on loopback")
            }
        })

    private static let memberSection = Section<Member>(
        "member", "One node of the group.",
        initial: { _ in Member() },
        keys: [
            Key("id", \.id, .definition(of: .member), required: true, "Its `node.id`."),
            Key(
                "address", \.address, .endpointAddress.noting { $2.define(.memberAddress, $0.description, at: $1) },
                required: true, "Where other members reach it."),
            Key("datacenter", \.datacenter, .reference(to: .datacenter), required: true, "Its `node.datacenter`."),
        ])

    private static let credentialsSection = Section<Credentials>(
        "cluster tls", "The credentials of this node in the group.",
        initial: { _ in Credentials() },
        keys: [
            Key("certificate", \.certificate, .file, required: true, "The certificate chain, PEM."),
            Key("key", \.key, .file, required: true, "Its private key, PEM."),
            Key("ca", \.authority, .file, required: true, "The authority that signed the members' certificates, PEM."),
        ])
}
