// Owns the form of overrides by operators: weights and states, of datacenters and endpoints.

/// A weight.
package struct WeightBody: Codable, Sendable {
    /// 0-256; 0 takes no new requests.
    package var weight: Int
    /// Such as `1h`; absent: until it is reset.
    package var expiresIn: String?
    package var reason: String?
    /// Whether to set it even against the safety rules: the primary or, without one, some datacenter must still take
    /// traffic, and so must at least half of the datacenters.
    package var force: Bool?

    package init(weight: Int, expiresIn: String? = nil, reason: String? = nil, force: Bool? = nil) {
        self.weight = weight
        self.expiresIn = expiresIn
        self.reason = reason
        self.force = force
    }
}

/// A state.
package struct StateBody: Codable, Sendable {
    /// `active` or `draining`.
    package var state: String
    /// Such as `1h`; only with `draining`.
    package var expiresIn: String?
    package var reason: String?
    /// Whether to set it even against the safety rules: the primary or, without one, some datacenter must still take
    /// traffic, and so must at least half of the datacenters.
    package var force: Bool?

    package init(state: String, expiresIn: String? = nil, reason: String? = nil, force: Bool? = nil) {
        self.state = state
        self.expiresIn = expiresIn
        self.reason = reason
        self.force = force
    }
}
