// Owns the form of one service: where its traffic goes, and why.

/// The answer of GET /v1/services/{service}, and of changes of its weights and states.
package struct ServiceDocument: Codable, Sendable {
    package struct Datacenter: Codable, Sendable {
        package var name: String
        package var weight: Int
        package var state: String
        package var healthy: Double
        package var share: Double
        package var panic: Bool
        /// `up`, `down` or `abstains`, by voting datacenter: as the leader counts and reports them. A node that has
        /// heard from no leader for five seconds shows its own view, under its own datacenter.
        package var votes: [String: String]
        package var endpoints: [Endpoint]
    }

    package struct Endpoint: Codable, Sendable {
        package var address: String
        package var weight: Int
        package var state: String
        package var inFlight: Int
        package var requests: Int
        package var errors: Int
    }

    package var name: String
    package var `protocol`: String
    package var policy: String
    package var endpointPolicy: String
    package var consistency: String
    package var primary: String?
    package var epoch: UInt32?
    /// `stable`, or `switching` while no new traffic is sent anywhere.
    package var state: String
    /// The target of a switch in progress.
    package var target: String?
    /// For how much longer this node serves it without a lease because an operator said so; absent: it does not.
    package var withoutLeaseMs: Int64?
    /// For how long this node has had no lease for it, so that its requests are held and then refused; absent: it has
    /// one or needs none.
    package var noLeaseMs: Int64?
    package var configDrift: Bool
    package var requestsPerSecond: Double
    package var requests: Int
    package var datacenters: [Datacenter]
}
