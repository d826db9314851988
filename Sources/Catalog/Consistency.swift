// Owns the choice between never writing to two datacenters and never refusing.

/// Whether a switch of the primary may ever let two datacenters be written to.
public enum Consistency: String, CaseIterable, Sendable {
    /// Never. The guarantee begins when every node has applied that the service is strict.
    case strict
    /// One commit switches; each node follows when it learns of it.
    case available
}
