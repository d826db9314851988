// Owns which endpoints traffic has ejected, over all services: finds the detector that an endpoint belongs to.
internal import Health
internal import Routing
internal import Topology

/// The detectors of all services' datacenters.
struct OutlierWatch {
    /// One service in one datacenter.
    private struct Place: Hashable {
        var service: ServiceName
        var datacenter: DatacenterName
    }

    private struct Group {
        var place: Place
        var endpoints: [EndpointID]
        var detector: OutlierDetector
    }

    private var groups: [Group] = []
    /// Where an endpoint is. Only looked up, never iterated.
    private var positions: [EndpointID: (group: Int, index: Int)] = [:]

    /// Watches the endpoints of these services, and no others; those that stay keep their ejections.
    mutating func adopt(_ services: [ServiceDefinition]) {
        var known: [Place: OutlierDetector] = [:]
        for group in groups { known[group.place] = group.detector }
        groups = []
        positions = [:]
        for service in services {
            for datacenter in service.datacenters {
                let place = Place(service: service.name, datacenter: datacenter.name)
                let endpoints = service.endpoints(in: datacenter)
                let identities = endpoints.map { StableHash.of($0.address.description) }
                var detector = known[place] ?? OutlierDetector(identities: identities, policy: service.outlier)
                detector.update(identities: identities)
                detector.policy = service.outlier
                for (index, id) in endpoints.enumerated() { positions[id] = (groups.count, index) }
                groups.append(Group(place: place, endpoints: endpoints, detector: detector))
            }
        }
    }

    /// Whether an endpoint is ejected; false for one that is not watched.
    func isEjected(_ id: EndpointID) -> Bool {
        positions[id].map { groups[$0.group].detector.isEjected($0.index) } ?? false
    }

    /// Ends ejections whose time is over. O(groups) when there are none.
    mutating func expire(now: Tick) -> [EndpointID] {
        var returned: [EndpointID] = []
        for position in groups.indices {
            returned += groups[position].detector.expire(now: now).map { groups[position].endpoints[$0] }
        }
        return returned
    }

    /// Ends an ejection early.
    ///
    /// - Returns: whether the endpoint was ejected.
    mutating func readmit(_ id: EndpointID, now: Tick) -> Bool {
        guard let place = positions[id] else { return false }
        return groups[place.group].detector.readmit(place.index, now: now)
    }

    /// Judges an endpoint by its errors in a row. O(1).
    ///
    /// - Returns: its ejection, if it is to be ejected now.
    mutating func ejection(of traffic: EndpointTraffic, now: Tick, random: inout RandomBits) -> Ejection? {
        guard traffic.consecutiveErrors > 0, let place = positions[traffic.id] else { return nil }
        return groups[place.group].detector.evaluate(
            index: place.index, consecutiveErrors: traffic.consecutiveErrors, now: now, random: &random)
    }
}

extension ServiceDefinition {
    /// The identities of its endpoints in one of its datacenters, in the order of the settings.
    func endpoints(in datacenter: DatacenterDefinition) -> [EndpointID] {
        datacenter.endpoints.map { EndpointID(service: name, datacenter: datacenter.name, address: $0.address) }
    }
}
