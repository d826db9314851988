// Owns what the group stores about its members besides the configuration: each describes itself, and the leader cleans
// up.
internal import Catalog
internal import Topology

/// Decides which records of members are to be proposed.
struct MemberRecords {
    /// A proposal may take a while or get lost; until then it is not repeated.
    static let timeout = Duration.seconds(5)
    private var askedAt: Tick?
    /// What the group refused; it would be refused again.
    private var refused: CatalogChange?

    /// What to propose now.
    ///
    /// - Parameters:
    ///   - own: this node's description of itself; nil while it is no member.
    ///   - members: the members in the configuration in force.
    ///   - leads: whether this node has to remove the records of members that left.
    mutating func changes(
        own: MemberDescription?, members: [(id: NodeID, incarnation: UInt64)], _ catalog: Catalog, leads: Bool,
        now: Tick
    ) -> [CatalogChange] {
        if let askedAt, now - askedAt < Self.timeout { return [] }
        var changes: [CatalogChange] = []
        if let own, !catalog.members.contains(own), refused != .describeMember(own) {
            changes.append(.describeMember(own))
        }
        if leads {
            for record in catalog.members where record.id != own?.id {
                let isMember = members.contains { $0.id == record.id && $0.incarnation == record.incarnation }
                if !isMember { changes.append(.forgetMember(record.id, incarnation: record.incarnation)) }
            }
        }
        askedAt = changes.isEmpty ? nil : now
        return changes
    }

    /// The group refused a change.
    mutating func wasRefused(_ change: CatalogChange) {
        if case .describeMember = change { refused = change }
    }
}
