// Owns how the control thread reaches the probes' thread.
internal import Health
internal import Probing
internal import Routing

/// What the control thread asks of the probes' thread. Each call returns false when that thread is too busy.
struct ProbeLine: Sendable {
    var update: @Sendable ([ProbeTarget]) -> Bool
    var recordPassive: @Sendable (EndpointID, PassiveFailure, Int) -> Bool
    var sampleLag: @Sendable ([LagTarget]) -> Bool
}
