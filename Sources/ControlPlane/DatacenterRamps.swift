// Owns the ramps of all datacenters of active/active services: which are coming back from being down, and how far they
// are.
internal import Balancing
internal import Catalog
internal import Failover
internal import Routing
internal import Topology

/// One ramp for each datacenter of each service that shares its traffic between several.
struct DatacenterRamps {
    private var ramps: [OverrideTarget: ReturnRamp] = [:]
    /// When a share grows next; nil: none does.
    private(set) var nextStep: Tick?

    /// Looks at the health of all datacenters.
    ///
    /// - Returns: the part of its share that each datacenter gets, in percent; datacenters that are not listed get all
    ///   of it.
    mutating func percents(
        _ services: [ServiceDefinition], now: Tick, share: (ServiceDefinition, DatacenterDefinition) -> HealthShare
    ) -> [OverrideTarget: Int] {
        var kept: [OverrideTarget: ReturnRamp] = [:]
        var percents: [OverrideTarget: Int] = [:]
        nextStep = nil
        for service in services where service.datacenterPolicy != .primary && service.datacenters.count > 1 {
            for datacenter in service.datacenters {
                let target = OverrideTarget(service: service.name, datacenter: datacenter.name)
                var ramp = ramps[target] ?? ReturnRamp()
                let share = share(service, datacenter)
                ramp.observe(isDown: share.total > 0 && share.healthy == 0, now: now)
                kept[target] = ramp
                // A datacenter that is down gets nothing anyway; if all are down, they are used as if all were up.
                let percent = ramp.percent(now: now)
                if (1..<100).contains(percent) { percents[target] = percent }
                if let step = ramp.nextStep(now: now) { nextStep = min(nextStep ?? step, step) }
            }
        }
        ramps = kept
        return percents
    }
}
