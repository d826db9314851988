// Owns the form of a move of a primary by an operator, and of its answer.

/// Where the primary is to be.
package struct PrimaryBody: Codable, Sendable {
    package var datacenter: String
    package var reason: String?
    /// Whether it moves whatever health and replication lag say.
    package var force: Bool?
    /// Whether it is only said what would happen.
    package var dryRun: Bool?

    package init(datacenter: String, reason: String? = nil, force: Bool? = nil, dryRun: Bool? = nil) {
        self.datacenter = datacenter
        self.reason = reason
        self.force = force
        self.dryRun = dryRun
    }
}

/// Where it is then, or would be.
package struct PrimaryAnswer: Codable, Sendable {
    package var service: String
    /// Where traffic goes, or went until the switch under way began.
    package var primary: String
    /// Where it will go.
    package var target: String
    package var epoch: UInt32
    /// `stable` or `switching`.
    package var state: String
    package var dryRun: Bool
}
