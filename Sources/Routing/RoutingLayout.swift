// Owns the part of a routing table that depends on the settings alone: compiled once at each reload, shared by all
// tables.
public import Catalog
public import Topology

/// Services and listeners of the settings, with references resolved, hashes worked out and routes compiled.
public struct RoutingLayout: Sendable {
    /// An endpoint and its names.
    struct Endpoint: Sendable {
        var id: EndpointID
        var identity: UInt64
        var weight: Int
    }

    struct Datacenter: Sendable {
        var name: DatacenterName
        var identity: UInt64
        var weight: Int
        var endpoints: [Endpoint]
    }

    struct Service: Sendable {
        var definition: ServiceDefinition
        var registration: ServiceRegistration
        var datacenters: [Datacenter]
    }

    let services: [Service]
    /// In the order of the settings.
    public let listeners: [ListenerRouting]
    /// Positions by name. Only looked up, never iterated.
    private let positions: [ServiceName: Int]

    /// Compiles the settings. `Settings` reports the same mistakes with their positions; this is for those it cannot
    /// see.
    public init(services: [ServiceDefinition], listeners: [ListenerDefinition]) throws(RoutingLayoutError) {
        var positions: [ServiceName: Int] = [:]
        for (position, service) in services.enumerated() {
            guard positions.updateValue(position, forKey: service.name) == nil else {
                throw .duplicateService(service.name)
            }
        }
        var compiled: [ListenerRouting] = []
        for listener in listeners { compiled.append(try ListenerRouting(listener, positions: positions)) }
        self.positions = positions
        self.listeners = compiled
        self.services = services.map(Self.compile)
    }

    /// What to register in the catalog, in the order of the settings.
    public var registrations: [ServiceRegistration] { services.map(\.registration) }

    /// The position of a service; nil when there is none. O(1).
    public func position(of service: ServiceName) -> Int? { positions[service] }

    private static func compile(_ definition: ServiceDefinition) -> Service {
        let datacenters = definition.datacenters.map { datacenter in
            let endpoints = datacenter.endpoints.map { endpoint in
                Endpoint(
                    id: EndpointID(service: definition.name, datacenter: datacenter.name, address: endpoint.address),
                    identity: StableHash.of(endpoint.address.description), weight: endpoint.weight)
            }
            return Datacenter(
                name: datacenter.name, identity: StableHash.of(datacenter.name.text), weight: datacenter.weight,
                endpoints: endpoints)
        }
        return Service(definition: definition, registration: definition.registration, datacenters: datacenters)
    }
}

/// Why settings cannot be used for routing.
public enum RoutingLayoutError: Error, Hashable {
    case duplicateService(ServiceName)
    case unknownService(ServiceName, listener: ListenerName)
    /// A `tcp` listener names no service.
    case noService(listener: ListenerName)
    /// The pattern of a route, counted from 0.
    case pattern(PathRegexError, listener: ListenerName, route: Int)
}

/// One listener: how a request or a connection that it accepts finds its service.
public struct ListenerRouting: Sendable {
    public let definition: ListenerDefinition
    /// The routes of an `http` listener.
    public let matcher: RouteMatcher
    /// For each route, where it leads.
    public let targets: [RouteTarget]
    /// For `tcp`, the position of the service.
    public let service: Int?

    public var name: ListenerName { definition.name }

    init(_ definition: ListenerDefinition, positions: [ServiceName: Int]) throws(RoutingLayoutError) {
        func position(_ name: ServiceName) throws(RoutingLayoutError) -> Int {
            guard let position = positions[name] else { throw .unknownService(name, listener: definition.name) }
            return position
        }
        self.definition = definition
        var targets: [RouteTarget] = []
        if definition.protocol == .http {
            for route in definition.routes {
                targets.append(RouteTarget(service: try position(route.service), actions: RouteActions(route)))
            }
            service = nil
        } else {
            guard let name = definition.service else { throw .noService(listener: definition.name) }
            service = try position(name)
        }
        self.targets = targets
        matcher = try Self.compile(definition)
    }

    private static func compile(_ definition: ListenerDefinition) throws(RoutingLayoutError) -> RouteMatcher {
        for (number, route) in definition.routes.enumerated() {
            guard case .regex(let pattern) = route.path else { continue }
            do {
                _ = try PathRegex(pattern)
            } catch {
                throw .pattern(error, listener: definition.name, route: number)
            }
        }
        do {
            return try RouteMatcher(definition.protocol == .http ? definition.routes : [])
        } catch {
            throw .pattern(error, listener: definition.name, route: 0)
        }
    }
}
