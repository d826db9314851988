// Owns how the group's own records change: descriptions of members, the freeze, the length of leases.
internal import Topology

extension Catalog {
    mutating func describe(_ member: MemberDescription) throws(CatalogRefusal) -> CatalogEvent.Kind? {
        if let refusal = member.refusal { throw refusal }
        let position = members.firstIndex { $0.id >= member.id } ?? members.count
        if position < members.count, members[position].id == member.id {
            if members[position] == member { return nil }
            members[position] = member
        } else {
            guard members.count < Self.maximumMembers else {
                throw .tableFull("members", limit: Self.maximumMembers)
            }
            members.insert(member, at: position)
        }
        return .memberDescribed(member.id)
    }

    mutating func forget(_ id: NodeID, _ incarnation: UInt64) throws(CatalogRefusal) -> CatalogEvent.Kind? {
        let position = members.firstIndex { $0.id == id && $0.incarnation == incarnation }
        guard let position else { throw .unknownMember(id) }
        members.remove(at: position)
        return .memberForgotten(id)
    }

    /// If another operator freezes again, the record stays: it says who forbade changes first, and why.
    mutating func setFrozen(
        _ frozen: Bool, _ command: CatalogCommand, at index: UInt64
    ) throws(CatalogRefusal) -> CatalogEvent.Kind? {
        if let expected = command.expectedIndex, expected != freeze.index {
            throw .indexMismatch(current: freeze.index)
        }
        guard frozen != isFrozen else { return nil }
        freeze = FreezeRecord(
            isFrozen: frozen, author: command.author, reason: command.reason, since: command.proposedAt, index: index)
        return .frozen(frozen)
    }

    /// This forgets the value before the present one, so no node may still hold a lease of that length. After twice the
    /// longer of the last two none does, even if wall clocks differ.
    mutating func setLease(_ value: Duration, _ command: CatalogCommand) throws(CatalogRefusal) -> CatalogEvent.Kind? {
        guard LeaseSettings.range.contains(value) else { throw .valueOutOfRange("lease") }
        let old = lease.lease
        if lease.isDecided, value == old { return nil }
        if let changedAt = lease.changedAt, command.proposedAt < changedAt.later(by: lease.longest * 2) {
            throw .leaseChangedRecently
        }
        lease.previous = lease.isDecided ? old : value
        lease.lease = value
        lease.changedAt = command.proposedAt
        return .leaseChanged(from: old, to: value)
    }
}
