// Owns running a simulation: a seed in, the verdict out.
internal import Topology

/// What a run did, in numbers.
public struct SimulationCounts: Hashable, Sendable {
    /// Things that happened: messages, timers, disk writes, requests.
    public var events = 0
    /// Events that a core took.
    public var steps = 0
    public var messages = 0
    public var leaderships = 0
    public var crashes = 0
    public var faults = 0
    /// Clients' operations.
    public var operations = 0
    /// Leases that proxies received.
    public var grants = 0
    /// Requests that proxies forwarded.
    public var exchanges = 0
    /// Moves of the primary that were completed.
    public var switches = 0
    /// Moves of the primary that a leader decided on automatically.
    public var promotions = 0
    /// Histories that were too hard to check.
    public var undecided = 0
    /// How long the group took to settle after the last fault.
    public var settling = Duration.zero
    /// The virtual time of the run.
    public var virtual = Duration.zero
    public init() {}

    /// Adds another run's numbers; keeps the longer `settling`.
    public mutating func add(_ other: SimulationCounts) {
        events += other.events
        steps += other.steps
        messages += other.messages
        leaderships += other.leaderships
        crashes += other.crashes
        faults += other.faults
        operations += other.operations
        grants += other.grants
        exchanges += other.exchanges
        switches += other.switches
        promotions += other.promotions
        undecided += other.undecided
        settling = max(settling, other.settling)
        virtual += other.virtual
    }
}

/// How a run ended.
public struct SimulationOutcome: Hashable, Sendable {
    public var seed: UInt64
    /// What went wrong and when; nil if everything held.
    public var failure: String?
    public var counts: SimulationCounts
    /// The last lines of the trace, if one was requested.
    public var trace: [String]
}

/// Runs groups of simulated nodes.
public enum Simulation {
    /// Runs one seed to its end. Equal arguments give equal outcomes, everywhere.
    ///
    /// - Parameter traceLines: how many of the last lines of the trace to keep; 0 keeps none, which is faster.
    public static func run(seed: UInt64, scenario: Scenario? = nil, traceLines: Int = 0) -> SimulationOutcome {
        var cluster = SimulatedCluster(
            seed: seed, scenario: scenario ?? .drawn(seed: seed),
            trace: traceLines > 0 ? TraceLog(capacity: traceLines) : nil)
        cluster.run()
        let at = "\(cluster.now.nanoseconds / 1_000_000) ms"
        return SimulationOutcome(
            seed: seed, failure: cluster.invariants.failure.map { "at \(at): \($0)" }, counts: cluster.counts,
            trace: cluster.trace?.lines ?? [])
    }
}
