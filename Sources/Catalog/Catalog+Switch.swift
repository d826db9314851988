// Owns how a primary moves: begin, complete, and the first choice when the settings change.
internal import Topology

extension Catalog {
    /// Whether a begin is a complete switch: the service promises no more, or the group is a single node in memory.
    private func switchesInOneCommit(_ record: ServiceRecord) -> Bool {
        record.registration.consistency == .available || formation == 0
    }

    /// Begins a switch. Does nothing to a state with another epoch than expected: whoever proposed it knew an older
    /// one.
    mutating func beginSwitch(
        of service: ServiceName, to name: DatacenterName, expected: Epoch?, cause: PrimaryCause,
        _ command: CatalogCommand, at index: UInt64
    ) throws(CatalogRefusal) -> CatalogEvent.Kind? {
        var record = try current(service, command)
        guard record.isRegistered else { throw .unknownService(service) }
        guard let state = record.activePrimary?.state else { throw .noPrimary(service) }
        guard let datacenter = record.datacenter(name) else { throw .unknownDatacenter(name, service: service) }
        if let expected, expected != state.epoch { throw .epochMismatch(current: state.epoch) }
        if state.target == name { return nil }
        // Going back to where the traffic was is always allowed: a switch falls back to it.
        let isBack = state.isSwitching && state.origin == name
        if !command.force, !isBack, !record.takesTraffic(datacenter) {
            throw .targetTakesNoTraffic(name, service: service)
        }
        let event = try move(&record, to: name, cause, command, at: index)
        store(record)
        return event
    }

    /// Completes a switch. Only the epoch is compared: a freeze stops no switch under way, and any leader may finish
    /// it.
    mutating func completeSwitch(
        of service: ServiceName, _ epoch: Epoch, at index: UInt64
    ) throws(CatalogRefusal) -> CatalogEvent.Kind? {
        guard var record = record(service), record.isRegistered else { throw .unknownService(service) }
        guard var primary = record.activePrimary else { throw .noPrimary(service) }
        guard epoch == primary.state.epoch else { throw .epochMismatch(current: primary.state.epoch) }
        guard case .switching(let from, let to, _) = primary.state else { throw .noSwitch(service) }
        primary.state = .stable(to, epoch)
        primary.index = index
        record.primary = primary
        record.changedAt = index
        store(record)
        return .primaryChanged(service, from: from, to: to, epoch: epoch, cause: primary.cause)
    }

    /// Gives the service a primary, or another one when the settings no longer list it: the first listed datacenter
    /// that takes traffic, else the first. Returns the event of a move, nil when the primary stays or is the first.
    func choosePrimary(
        in record: inout ServiceRecord, _ command: CatalogCommand, at index: UInt64
    ) throws(CatalogRefusal) -> CatalogEvent.Kind? {
        guard record.registration.hasPrimary else { return nil }
        let datacenters = record.registration.datacenters
        guard let first = datacenters.first?.name else { throw .noDatacenters(record.registration.name) }
        guard let old = record.primary else {
            record.primary = PrimaryRecord(
                state: .stable(first, Epoch(formation: formation)), cause: .registration, index: index)
            return nil
        }
        if record.datacenter(old.state.target) != nil {
            // A node that did not know the service or its policy gets no lease for it until it has applied this.
            record.primary?.index = index
            return nil
        }
        let target = datacenters.first(where: record.takesTraffic)?.name ?? first
        return try move(&record, to: target, .removedFromSettings, command, at: index)
    }

    private func move(
        _ record: inout ServiceRecord, to target: DatacenterName, _ cause: PrimaryCause, _ command: CatalogCommand,
        at index: UInt64
    ) throws(CatalogRefusal) -> CatalogEvent.Kind {
        let service = record.registration.name
        guard var primary = record.primary else { throw .noPrimary(service) }
        guard let epoch = primary.state.epoch.next else { throw .epochsExhausted(service) }
        let origin = primary.state.origin
        if !cause.isAutomatic {
            primary.home = nil
        } else if !primary.state.isSwitching {
            primary.remember(
                AutomaticMove(
                    at: command.proposedAt, from: origin, to: target, epoch: epoch, wasWithinCooldown: false),
                cooldown: record.registration.failover.cooldown)
            primary.home = primary.home ?? origin
        }
        if primary.home == target { primary.home = nil }
        primary.cause = cause
        primary.index = index
        record.changedAt = index
        let isWhole = switchesInOneCommit(record)
        primary.state = isWhole ? .stable(target, epoch) : .switching(from: origin, to: target, epoch)
        record.primary = primary
        return isWhole
            ? .primaryChanged(service, from: origin, to: target, epoch: epoch, cause: cause)
            : .switchBegan(service, from: origin, to: target, epoch: epoch, cause: cause)
    }
}

extension PrimaryRecord {
    /// Adds a move, and notes whether it came within the cooldown of the one before.
    fileprivate mutating func remember(_ move: AutomaticMove, cooldown: Duration) {
        var move = move
        if let last = moves.last { move.wasWithinCooldown = move.at < last.at.later(by: cooldown) }
        if moves.count == Self.rememberedMoves { moves.removeFirst() }
        moves.append(move)
    }
}

extension ExpectedRegistration {
    /// Whether `registered` is what the author expected.
    func allows(_ registered: ServiceRegistration?) -> Bool {
        switch self {
        case .any: true
        case .absent: registered == nil
        case .digest(let digest): registered?.digest == digest
        }
    }
}

extension ServiceRegistration {
    var endpointCount: Int { datacenters.reduce(0) { $0 + $1.endpoints.count } }
}
