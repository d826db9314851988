// Owns the form of requests and answers about serving without a lease.

/// Asks a node to serve without a lease for a while.
package struct WithoutLeaseBody: Codable, Sendable {
    /// Such as `10m`; at most a day.
    package var `for`: String
    /// The operator's statement that the old primary is fenced; refused without it.
    package var oldPrimaryIsFenced: Bool?
    /// The datacenter that takes the requests; absent: the primary that was agreed last.
    package var datacenter: String?
    package var reason: String?

    package init(
        for time: String, oldPrimaryIsFenced: Bool? = nil, datacenter: String? = nil, reason: String? = nil
    ) {
        self.for = time
        self.datacenter = datacenter
        self.oldPrimaryIsFenced = oldPrimaryIsFenced
        self.reason = reason
    }
}

/// For how long it will.
package struct WithoutLeaseAnswer: Codable, Sendable {
    package var service: String
    /// 0: it needs its lease again.
    package var forMs: Int64
}
