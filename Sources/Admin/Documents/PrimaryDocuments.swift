// Owns the form of a move of a primary by an operator, and of its answer.

/// Where the primary is to be.
package struct PrimaryBody: Codable, Sendable {
    package var datacenter: String
    package var reason: String?
    /// Whether it moves whatever health and replication lag say.
    package var force: Bool?
    /// Whether it is only said what would happen. Without a quorum nothing can: then the answer is 503, and tells what this
    /// node alone makes of it.
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

extension PrimaryAnswer {
    /// What happened, or would, for people.
    package var sentence: String {
        guard state == "switching" else {
            return "primary of \(service) \(dryRun ? "would be" : "is") \(target), epoch \(epoch)"
        }
        let verb = dryRun ? "would go" : "is going"
        return "primary of \(service) \(verb) from \(primary) to \(target), epoch \(epoch)"
    }
}
