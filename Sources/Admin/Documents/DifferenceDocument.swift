// Owns the form of what differs between the file of a node and what the group holds.

/// The answer of GET /v1/diff.
package struct DifferenceDocument: Codable, Sendable {
    /// One setting on which the file and the group differ; a side that lacks it is absent.
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
        /// Settings for which the group has another value than this node's file; the node obeys the group.
        package var drift: [Item]
        package var overrides: [OverrideItem]
        /// The primary's datacenter, if it is not the first one in the file.
        package var primary: Item?
    }

    package var node: String
    package var index: UInt64
    /// Whether the file and the group agree on everything that the group decides; overrides do not count as
    /// disagreement.
    package var agrees: Bool
    package var frozen: Bool
    /// Who froze automatic changes, when and why; absent while nobody has.
    package var freeze: FreezeDocument?
    /// Only services with a difference or an override.
    package var services: [Service]
    /// Members and timing: once the group is formed, the file's values are only hints.
    package var cluster: [Item]
}
