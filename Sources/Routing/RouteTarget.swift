// Owns where a route leads, and what it does to requests and answers on the way.

/// What became of a route at a reload.
public struct RouteTarget: Sendable {
    /// The position of the service in the table.
    public let service: Int
    public let actions: RouteActions
}

/// What a route does to what passes by it, compiled from the settings once and not for each request. No setting of a
/// route does anything yet.
public struct RouteActions: Sendable {
    init(_ definition: RouteDefinition) {}
}
