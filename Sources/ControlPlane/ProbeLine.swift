// Owns how the control thread speaks to the probes' thread.
internal import Health
internal import Probing
internal import Routing

/// What the control thread asks of the probes' thread. Each returns false when it is too busy to be told.
struct ProbeLine: Sendable {
    var update: @Sendable ([ProbeTarget]) -> Bool
    var recordPassive: @Sendable (EndpointID, PassiveFailure, Int) -> Bool
    var sampleLag: @Sendable ([LagTarget]) -> Bool
}
