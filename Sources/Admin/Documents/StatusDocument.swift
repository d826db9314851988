// Owns the form of the state that people and programs look at.

/// The answer of GET /v1/status. Programs and the command line read it: fields may be added, none is taken away.
package struct StatusDocument: Codable, Sendable {
    package struct Member: Codable, Sendable {
        package var id: String
        package var datacenter: String
        package var role: String
        package var reachable: Bool
        /// The end of its log, which counts more than changes; absent if this node does not know it.
        package var applied: UInt64?
        /// Why this node has no connection to it, or what else is wrong with it; absent if nothing is known to be
        /// wrong.
        package var failure: String?
    }

    package var node: String
    package var datacenter: String
    package var version: String
    package var index: UInt64
    package var ageMs: Int64
    package var quorum: Bool
    /// Absent while none is known.
    package var leader: String?
    package var term: UInt64
    /// Why the node belongs to no group, not yet or no longer; absent when it does.
    package var forming: String?
    /// Says that this node's disk is full, so that it accepts nothing; absent while it has room.
    package var diskFull: String?
    package var frozen: Bool
    /// Who froze automatic changes, when and why; absent while nobody has.
    package var freeze: FreezeDocument?
    package var uptimeS: Int64
    package var members: [Member]
    package var services: [ServiceDocument]
}
