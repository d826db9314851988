// Owns the form of what differs between the file of a node and what the group holds.

/// The answer of GET /v1/diff.
package struct DifferenceDocument: Codable, Sendable {
    /// One thing that the file and the group say differently; absent where one of them does not have it.
    package struct Item: Codable, Sendable {
        /// Such as `failover.confirm` or `datacenters.eu-west.weight`.
        package var key: String
        package var file: String?
        package var group: String?
    }

    /// What an operator set over the file.
    package struct OverrideItem: Codable, Sendable {
        package var datacenter: String
        package var endpoint: String?
        /// `weight` or `state`.
        package var kind: String
        /// What the file says; absent where it does not list the target.
        package var file: String?
        package var now: String
        package var author: String
        package var reason: String
        package var sinceMs: Int64
        package var untilMs: Int64?
    }

    package struct Service: Codable, Sendable {
        package var name: String
        /// Where the group holds something else than this node's file: the node obeys the group.
        package var drift: [Item]
        package var overrides: [OverrideItem]
        /// Where the primary is, if that is not the first datacenter of the file.
        package var primary: Item?
    }

    package var node: String
    package var index: UInt64
    /// Whether the file and the group agree on everything that is the group's to say; overrides are no disagreement.
    package var agrees: Bool
    package var frozen: Bool
    /// Who froze automatic changes, when and why; absent while nobody has.
    package var freeze: FreezeDocument?
    /// Only services with something to tell.
    package var services: [Service]
    /// Members and timing: after the group was formed the file's are no more than hints.
    package var cluster: [Item]
}
