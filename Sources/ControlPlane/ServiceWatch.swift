// Owns which services and datacenters have no usable endpoint left, as this node sees it, and the lines about it.
internal import Catalog
internal import Logging
internal import Routing
internal import Topology

/// Remembers what is wrong, so that each change is logged once.
struct ServiceWatch {
    /// One service in the table that was just published.
    struct View {
        var name: ServiceName
        /// The datacenter that alone takes traffic; nil: all of them do.
        var primary: DatacenterName?
        var places: [Place]

        struct Place {
            var name: DatacenterName
            /// Whether it has a usable endpoint.
            var isUsable: Bool
            /// Whether operators let it take requests.
            var isActive: Bool
        }

        /// Whether its requests find an endpoint.
        var isServed: Bool {
            if let primary { return places.first { $0.name == primary }?.isUsable ?? true }
            return places.contains { $0.isUsable && $0.isActive }
        }
    }

    private struct Trouble: Equatable {
        var isServed = true
        var empty: Set<DatacenterName> = []
    }

    /// Holds only what is wrong. Only looked up, never iterated.
    private var troubles: [ServiceName: Trouble] = [:]

    /// Looks at one service and returns a line for each change.
    mutating func look(_ view: View) -> [LogLine] {
        let isServed = view.isServed
        let before = troubles[view.name]
        if before == nil, isServed, view.places.allSatisfy(\.isUsable) { return [] }
        let old = before ?? Trouble()
        var new = Trouble(isServed: isServed)
        var lines: [LogLine] = []
        for place in view.places {
            if !place.isUsable { new.empty.insert(place.name) }
            guard place.isUsable == old.empty.contains(place.name) else { continue }
            let about = ["service": view.name.text, "datacenter": place.name.text]
            lines.append(
                place.isUsable
                    ? LogLine(.notice, "a datacenter of a service has a usable endpoint again", about)
                    : LogLine(.warning, "a datacenter of a service has no usable endpoint left", about))
        }
        if isServed != old.isServed {
            let about = ["service": view.name.text, "primary": view.primary?.text]
            lines.append(
                isServed
                    ? LogLine(.notice, "a service has a usable endpoint again", about)
                    : LogLine(.error, "a service has no usable endpoint left", about))
        }
        troubles[view.name] = new == Trouble() ? nil : new
        return lines
    }

    /// Forgets services that the settings no longer have.
    mutating func keep(only names: Set<ServiceName>) { troubles = troubles.filter { names.contains($0.key) } }
}

extension ServiceWatch.View {
    init(_ service: ServiceRouting, primary: DatacenterName?) {
        name = service.name
        self.primary = service.followsPrimary ? primary : nil
        places = service.datacenters.map {
            Place(
                name: $0.name, isUsable: $0.healthyWeight > 0,
                isActive: $0.state == .active && $0.weight > 0)
        }
    }
}
