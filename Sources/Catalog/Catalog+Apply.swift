// Owns how a command becomes state: the common checks, then one function a change.
internal import Topology

extension Catalog {
    /// Applies the command at `index` of the log and returns its outcome.
    ///
    /// Deterministic: depends on nothing but the catalog, the command and the index. A refused command changes nothing
    /// but `appliedIndex` and the remembered outcomes. O(log n) in the table it concerns, plus the move of an insertion.
    public mutating func apply(_ command: CatalogCommand, at index: UInt64) -> CatalogOutcome {
        guard index > appliedIndex else { return .refused(.alreadyApplied(index: index)) }
        appliedIndex = index
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

    /// Does the change; returns what happened, nil when all was as asked.
    private mutating func change(_ command: CatalogCommand, at index: UInt64) throws(CatalogRefusal) -> CatalogEvent
        .Kind?
    {
        switch command.change {
        case .registerService(let registration): return try register(registration, command, at: index)
        case .retireService(let service): return try retire(service, command, at: index)
        case .setWeight(let weight, let target, let until):
            guard (0...256).contains(weight) else { throw .weightOutOfRange(weight) }
            return try set(.weight(weight), on: target, until: until, command, at: index)
        case .resetWeight(let target): return try reset(.weight, of: target, command, at: index)
        case .setState(.draining, let target, let until):
            return try set(.draining, on: target, until: until, command, at: index)
        case .setState(.active, let target, _): return try reset(.state, of: target, command, at: index)
        case .setPrimary(let service, let datacenter, let epoch, let cause):
            if cause == .automatic, isFrozen { throw .frozen }
            return try setPrimary(of: service, to: datacenter, expected: epoch, cause: cause, command, at: index)
        case .expireOverride(let target, let kind, let until):
            return try expire(target, kind, until, at: index)
        case .setFrozen(let frozen):
            guard frozen != isFrozen else { return nil }
            isFrozen = frozen
            return .frozen(frozen)
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
        _ registration: ServiceRegistration, _ command: CatalogCommand, at index: UInt64
    ) throws(CatalogRefusal) -> CatalogEvent.Kind? {
        if let refusal = registration.refusal { throw refusal }
        let name = registration.name
        let known = record(name)
        if let expected = command.expectedIndex, expected != known?.changedAt ?? 0 {
            throw .indexMismatch(current: known?.changedAt ?? 0)
        }
        if let known, known.isRegistered, known.registration == registration { return nil }
        if known == nil, records.count >= Self.maximumServices {
            throw .tableFull("services", limit: Self.maximumServices)
        }
        var record = known ?? ServiceRecord(registration: registration)
        record.registration = registration
        record.isRegistered = true
        record.changedAt = index
        let moved = try choosePrimary(in: &record)
        store(record)
        // Two things can happen here; the move of a primary is the one that must not be missed.
        return moved ?? .serviceRegistered(name)
    }

    /// Gives the service a primary, or another one when the settings no longer list it: the first listed datacenter
    /// that takes traffic, else the first. Returns the event of a move, nil when the primary stays or is the first.
    private func choosePrimary(in record: inout ServiceRecord) throws(CatalogRefusal) -> CatalogEvent.Kind? {
        guard record.registration.hasPrimary else { return nil }
        let datacenters = record.registration.datacenters
        if let primary = record.primary, record.datacenter(primary.datacenter) != nil { return nil }
        guard let first = datacenters.first?.name else { throw .noDatacenters(record.registration.name) }
        guard let old = record.primary else {
            record.primary = Primary(datacenter: first, epoch: Epoch(formation: formation))
            return nil
        }
        guard let epoch = old.epoch.next else { throw .epochsExhausted(record.registration.name) }
        let target = datacenters.first(where: record.takesTraffic)?.name ?? first
        record.primary = Primary(datacenter: target, epoch: epoch)
        return .primaryChanged(
            record.registration.name, from: old.datacenter, to: target, epoch: epoch, cause: .removedFromSettings)
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

    private mutating func setPrimary(
        of service: ServiceName, to name: DatacenterName, expected: Epoch?, cause: PrimaryCause,
        _ command: CatalogCommand, at index: UInt64
    ) throws(CatalogRefusal) -> CatalogEvent.Kind? {
        var record = try current(service, command)
        guard record.isRegistered else { throw .unknownService(service) }
        guard let old = record.activePrimary else { throw .noPrimary(service) }
        guard let datacenter = record.datacenter(name) else { throw .unknownDatacenter(name, service: service) }
        if let expected, expected != old.epoch { throw .epochMismatch(current: old.epoch) }
        if old.datacenter == name { return nil }
        if !command.force, !record.takesTraffic(datacenter) {
            throw .targetTakesNoTraffic(name, service: service)
        }
        guard let epoch = old.epoch.next else { throw .epochsExhausted(service) }
        record.primary = Primary(datacenter: name, epoch: epoch)
        record.changedAt = index
        store(record)
        return .primaryChanged(service, from: old.datacenter, to: name, epoch: epoch, cause: cause)
    }
}
