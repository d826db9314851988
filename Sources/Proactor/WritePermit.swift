// Owns the question whether a byte may be written now.

/// Says whether bytes may still be written to a peer, for example because this node's lease for a service still runs.
///
/// `Stream.writePermit` asks it each time before bytes go to the kernel.
public protocol WritePermit: AnyObject {
    /// Whether a byte may be written now. It must not call the stream.
    func mayWrite() -> Bool
}
