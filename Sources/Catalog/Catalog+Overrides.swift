// Owns how overrides are set, reset and expire, and the safety rules that they must pass.
internal import Topology

extension Catalog {
    mutating func set(
        _ setting: OverrideSetting, on target: OverrideTarget, until: UnixTime?, _ command: CatalogCommand,
        at index: UInt64
    ) throws(CatalogRefusal) -> CatalogEvent.Kind? {
        let before = try current(target.service, command)
        if let refusal = before.lists(target) { throw refusal }
        if let until, until <= command.proposedAt { throw .expiryInThePast }
        let old = before.overrides[target, setting.kind]
        if old == nil, overrideCount >= Self.maximumOverrides {
            throw .tableFull("overrides", limit: Self.maximumOverrides)
        }
        // Asked again without a key: the record keeps who set it first, and why.
        if let old, old.setting == setting, old.until == until { return nil }
        var record = before
        record.overrides.set(
            Override(
                target: target, setting: setting, author: command.author, reason: command.reason,
                since: command.proposedAt, until: until, index: index))
        record.changedAt = index
        if !command.force, setting.takesTrafficAway, let refusal = record.refusalToReplace(before) { throw refusal }
        store(record)
        if old == nil { overrideCount += 1 }
        return Self.event(target, from: old?.setting, to: setting)
    }

    mutating func reset(
        _ kind: OverrideSetting.Kind, of target: OverrideTarget, _ command: CatalogCommand, at index: UInt64
    ) throws(CatalogRefusal) -> CatalogEvent.Kind? {
        let before = try current(target.service, command)
        var record = before
        guard let old = record.overrides.remove(target, kind) else {
            // What has vanished from the settings may still have an override to reset; it is unknown only if it has
            // none.
            if let refusal = before.lists(target) { throw refusal }
            return nil
        }
        record.changedAt = index
        if !command.force, let refusal = record.refusalToReplace(before) { throw refusal }
        store(record)
        overrideCount -= 1
        return Self.event(target, from: old.setting, to: nil)
    }

    /// Ends an override whose time is over. No safety rule applies, because the operator who set it knew what it
    /// returns to.
    mutating func expire(
        _ target: OverrideTarget, _ kind: OverrideSetting.Kind, _ until: UnixTime, at index: UInt64
    ) throws(CatalogRefusal) -> CatalogEvent.Kind? {
        guard var record = record(target.service), record.overrides[target, kind]?.until == until,
            record.overrides.remove(target, kind) != nil
        else { return nil }
        record.changedAt = index
        store(record)
        overrideCount -= 1
        return .overrideExpired(target, kind)
    }

    private static func event(
        _ target: OverrideTarget, from old: OverrideSetting?, to new: OverrideSetting?
    ) -> CatalogEvent.Kind {
        if old?.kind == .state || new?.kind == .state {
            return .stateChanged(target, to: new == nil ? .active : .draining)
        }
        return .weightChanged(target, from: old?.weight, to: new?.weight)
    }
}

extension OverrideSetting {
    /// Whether it can take traffic away from its target. Nothing else can break a safety rule, and checking the rules
    /// is costly.
    fileprivate var takesTrafficAway: Bool {
        switch self {
        case .weight(let weight): weight == 0
        case .draining: true
        }
    }

    /// The weight, if the setting is one.
    fileprivate var weight: Int? {
        if case .weight(let weight) = self { weight } else { nil }
    }
}

extension ServiceRegistration {
    /// Why no service can be registered like this; nil: it can. `Settings` checks the same and names the place, but a
    /// log may carry anything.
    var refusal: CatalogRefusal? {
        if datacenters.isEmpty { return .noDatacenters(name) }
        if name.text.utf8.count > Catalog.maximumNameLength {
            return .textTooLong(field: "name", limit: Catalog.maximumNameLength)
        }
        if datacenters.count > Catalog.maximumDatacenters {
            return .tableFull("datacenters", limit: Catalog.maximumDatacenters)
        }
        if let refusal = failover.refusal { return refusal }
        var names: Set<DatacenterName> = []
        for datacenter in datacenters {
            if datacenter.name.text.utf8.count > Catalog.maximumNameLength {
                return .textTooLong(field: "datacenter", limit: Catalog.maximumNameLength)
            }
            if !names.insert(datacenter.name).inserted { return .listedTwice(datacenter.name.text) }
            if !(0...256).contains(datacenter.weight) { return .weightOutOfRange(datacenter.weight) }
            var addresses: Set<Address> = []
            for endpoint in datacenter.endpoints {
                if !addresses.insert(endpoint.address).inserted { return .listedTwice(endpoint.address.description) }
                if endpoint.address.description.utf8.count > Catalog.maximumAddressLength {
                    return .textTooLong(field: "address", limit: Catalog.maximumAddressLength)
                }
                if !(0...256).contains(endpoint.weight) { return .weightOutOfRange(endpoint.weight) }
            }
        }
        return nil
    }
}
