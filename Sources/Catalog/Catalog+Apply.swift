// Owns how a command becomes state: the common checks, then one function for each change.
internal import Topology

extension Catalog {
    /// Applies the command at `index` of the log and returns its outcome.
    ///
    /// Deterministic: depends on nothing but the catalog, the command, the index and the term of its entry. A refused
    /// command changes nothing but `appliedIndex`, `appliedTerm` and the remembered outcomes. O(log n) in the table it
    /// concerns, plus the move of an insertion.
    public mutating func apply(_ command: CatalogCommand, at index: UInt64, term: UInt64 = 0) -> CatalogOutcome {
        guard index > appliedIndex else { return .refused(.alreadyApplied(index: index)) }
        appliedIndex = index
        appliedTerm = max(appliedTerm, term)
        remembered.advance(to: command.proposedAt)
        if let refusal = Self.textRefusal(command) { return .refused(refusal) }
        guard let key = command.idempotencyKey else { return perform(command, at: index) }
        if let earlier = remembered.outcome(for: key, change: command.change) { return earlier }
        let outcome = perform(command, at: index)
        remembered.remember(outcome, for: key, change: command.change)
        return outcome
    }

    private static func textRefusal(_ command: CatalogCommand) -> CatalogRefusal? {
        if command.author.utf8.count > maximumNameLength {
            return .textTooLong(field: "author", limit: maximumNameLength)
        }
        if command.reason.utf8.count > maximumReasonLength {
            return .textTooLong(field: "reason", limit: maximumReasonLength)
        }
        if let key = command.idempotencyKey, key.utf8.count > maximumNameLength {
            return .textTooLong(field: "idempotency key", limit: maximumNameLength)
        }
        return nil
    }

    private mutating func perform(_ command: CatalogCommand, at index: UInt64) -> CatalogOutcome {
        do throws(CatalogRefusal) {
            let kind = try change(command, at: index)
            guard let kind else { return .applied(index: index, changed: false) }
            eventRing.append(
                CatalogEvent(
                    index: index, time: command.proposedAt, author: command.author, reason: command.reason, kind: kind))
            return .applied(index: index, changed: true)
        } catch {
            return .refused(error)
        }
    }

    /// Makes the change. Returns what happened; nil if everything was already as asked.
    private mutating func change(_ command: CatalogCommand, at index: UInt64) throws(CatalogRefusal) -> CatalogEvent
        .Kind?
    {
        switch command.change {
        case .registerService(let registration, let expected):
            return try register(registration, replacing: expected, command, at: index)
        case .retireService(let service): return try retire(service, command, at: index)
        case .setWeight(let weight, let target, let until):
            guard (0...256).contains(weight) else { throw .weightOutOfRange(weight) }
            return try set(.weight(weight), on: target, until: until, command, at: index)
        case .resetWeight(let target): return try reset(.weight, of: target, command, at: index)
        case .setState(.draining, let target, let until):
            return try set(.draining, on: target, until: until, command, at: index)
        case .setState(.active, let target, _): return try reset(.state, of: target, command, at: index)
        case .setPrimary(let service, let datacenter, let epoch, let cause, let term):
            if cause.isAutomatic, isFrozen { throw .frozen }
            if cause.isAutomatic, term != appliedTerm { throw .termIsOver(current: appliedTerm) }
            return try beginSwitch(of: service, to: datacenter, expected: epoch, cause: cause, command, at: index)
        case .completeSwitch(let service, let epoch): return try completeSwitch(of: service, epoch, at: index)
        case .expireOverride(let target, let kind, let until):
            return try expire(target, kind, until, at: index)
        case .setFrozen(let frozen): return try setFrozen(frozen, command, at: index)
        case .describeMember(let member): return try describe(member)
        case .forgetMember(let id, let incarnation): return try forget(id, incarnation)
        case .setLease(let lease): return try setLease(lease, command)
        }
    }

    /// The record of a service that must exist and be as the author saw it.
    func current(_ service: ServiceName, _ command: CatalogCommand) throws(CatalogRefusal) -> ServiceRecord {
        guard let record = record(service) else { throw .unknownService(service) }
        if let expected = command.expectedIndex, expected != record.changedAt {
            throw .indexMismatch(current: record.changedAt)
        }
        return record
    }

    // MARK: Services

    private mutating func register(
        _ registration: ServiceRegistration, replacing expected: ExpectedRegistration, _ command: CatalogCommand,
        at index: UInt64
    ) throws(CatalogRefusal) -> CatalogEvent.Kind? {
        if let refusal = registration.refusal { throw refusal }
        let name = registration.name
        let known = record(name)
        if let expected = command.expectedIndex, expected != known?.changedAt ?? 0 {
            throw .indexMismatch(current: known?.changedAt ?? 0)
        }
        let registered = known.flatMap { $0.isRegistered ? $0.registration : nil }
        // Two nodes that reload the same file ask for the same; for the second it is already done.
        if registered == registration { return nil }
        if !expected.allows(registered) { throw .registrationChanged(current: registered?.digest) }
        if known == nil, records.count >= Self.maximumServices {
            throw .tableFull("services", limit: Self.maximumServices)
        }
        let endpoints = endpointCount - (known?.registration.endpointCount ?? 0) + registration.endpointCount
        if endpoints > Self.maximumEndpoints { throw .tableFull("endpoints", limit: Self.maximumEndpoints) }
        var record = known ?? ServiceRecord(registration: registration)
        record.registration = registration
        record.isRegistered = true
        record.changedAt = index
        // A single node's file must not move what all nodes write to; only an operator may.
        if registered != nil, !command.force, let primary = record.activePrimary,
            record.datacenter(primary.state.target) == nil
        {
            throw .wouldStopPrimary(primary.state.target, service: name)
        }
        let moved = try choosePrimary(in: &record, command, at: index)
        store(record)
        endpointCount = endpoints
        // Two things may have happened; if the primary moved, that is the event that must not be missed.
        return moved ?? .serviceRegistered(name)
    }

    private mutating func retire(
        _ service: ServiceName, _ command: CatalogCommand, at index: UInt64
    ) throws(CatalogRefusal) -> CatalogEvent.Kind? {
        var record = try current(service, command)
        guard record.isRegistered else { return nil }
        record.isRegistered = false
        record.changedAt = index
        store(record)
        return .serviceRetired(service)
    }
}
