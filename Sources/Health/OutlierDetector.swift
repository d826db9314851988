// Owns the ejection of endpoints that answer errors to real requests.

public import Topology

/// One ejection.
public struct Ejection: Hashable, Sendable {
    /// The endpoint's index.
    public let index: Int
    /// When it ends.
    public let until: Tick
    /// How many times in a row, this one included; falls while the endpoint behaves.
    public let times: Int

    public init(index: Int, until: Tick, times: Int) {
        self.index = index
        self.until = until
        self.times = times
    }
}

/// Decides ejections for the endpoints of one service in one datacenter. There is one for the process, on the control
/// thread.
///
/// Legal transitions of an endpoint:
///
///     in -> ejected(until, times)    `consecutiveErrors` answers of 5xx in a row, and room under `maximumEjectedShare`
///     ejected -> in                  `until` has passed, or the endpoint left the list and came back
///
/// The n-th ejection lasts n × `baseEjection`, at most `maximumEjection`, and up to 10 % more at random so that
/// endpoints ejected together do not return together. n falls by one for every `baseEjection` without an ejection. The
/// endpoint's shared count of errors in a row must be set to 0 when it returns, else it is ejected again at once.
public struct OutlierDetector: Sendable {
    private struct Record: Sendable {
        var ejectedUntil: Tick?
        /// When the last ejection ends or ended.
        var returned = Tick.zero
        var times = 0
    }

    /// The policy from the settings. A new one applies from the next ejection on.
    public var policy: OutlierPolicy
    private var identities: [UInt64]
    private var records: [Record]
    /// How many are ejected now.
    public private(set) var ejectedCount = 0
    /// When the next ejection ends; nil when there is none.
    public private(set) var nextExpiry: Tick?

    /// - Parameter identities: stable hashes of the endpoints' addresses, in their order.
    public init(identities: [UInt64], policy: OutlierPolicy) {
        self.policy = policy
        self.identities = identities
        records = Array(repeating: Record(), count: identities.count)
    }

    /// Replaces the list of endpoints; those that stay keep their ejections.
    public mutating func update(identities new: [UInt64]) {
        var known: [UInt64: Record] = [:]
        for (identity, record) in zip(identities, records) { known[identity] = record }
        identities = new
        records = new.map { known[$0] ?? Record() }
        summarise()
    }

    /// Whether an endpoint is ejected; false for an index out of range.
    public func isEjected(_ index: Int) -> Bool {
        records.indices.contains(index) && records[index].ejectedUntil != nil
    }

    /// Judges an endpoint by its count of 5xx answers in a row.
    ///
    /// - Returns: the ejection, if it is to be ejected now; nil when it is already, when the count is too low, or when
    ///   one more would exceed the share that may be ejected (a datacenter's only endpoint is never ejected at the
    ///   default of 50 %).
    public mutating func evaluate(
        index: Int, consecutiveErrors: Int, now: Tick, random: inout RandomBits
    ) -> Ejection? {
        guard records.indices.contains(index), records[index].ejectedUntil == nil,
            consecutiveErrors >= max(policy.consecutiveErrors, 1), ejectedCount < ejectable
        else { return nil }
        let base = max(policy.baseEjection.wholeNanoseconds, 1)
        let longest = max(policy.maximumEjection.wholeNanoseconds, 1)
        let forgiven = max((now - records[index].returned).wholeNanoseconds, 0) / base
        // Counting beyond the longest ejection would only take longer to forgive.
        let greatest = max((longest - 1) / base + 1, 1)
        let times = min(max(Int64(records[index].times) - forgiven, 0) + 1, greatest)
        let (product, overflow) = base.multipliedReportingOverflow(by: times)
        let length = overflow ? longest : min(product, longest)
        let until = now + .nanoseconds(length) + .nanoseconds(Int64(Double(length / 10) * random.unit()))
        records[index] = Record(ejectedUntil: until, returned: until, times: Int(times))
        ejectedCount += 1
        nextExpiry = min(nextExpiry ?? .distantFuture, until)
        return Ejection(index: index, until: until, times: Int(times))
    }

    /// How many may be ejected at once, rounded down.
    private var ejectable: Int {
        // A share that is not a number fails the comparison and ejects none.
        let share = policy.maximumEjectedShare > 0 ? min(policy.maximumEjectedShare, 1) : 0
        // The addition makes 0.29 × 100 be 29 in spite of binary fractions.
        return Int(Double(records.count) * share + 1e-9)
    }

    /// Ends the ejections whose time is over. O(1) when none is.
    ///
    /// - Returns: the indices that take traffic again, in ascending order.
    public mutating func expire(now: Tick) -> [Int] {
        guard let nextExpiry, nextExpiry <= now else { return [] }
        var returned: [Int] = []
        for index in records.indices {
            guard let until = records[index].ejectedUntil, until <= now else { continue }
            records[index].ejectedUntil = nil
            returned.append(index)
        }
        summarise()
        return returned
    }

    /// Ends an ejection early, because active checks found the endpoint up again after they had found it down. The
    /// ejection counts as served, as with Envoy's `successful_active_health_check_uneject_host`.
    ///
    /// - Returns: whether the endpoint was ejected.
    public mutating func readmit(_ index: Int, now: Tick) -> Bool {
        guard isEjected(index) else { return false }
        records[index].ejectedUntil = nil
        records[index].returned = now
        summarise()
        return true
    }

    private mutating func summarise() {
        let ends = records.compactMap(\.ejectedUntil)
        ejectedCount = ends.count
        nextExpiry = ends.min()
    }
}
