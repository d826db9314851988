// Owns the numbers that metrics and status pages show of the connections between members.
public import Topology

/// One member, over all connections with it since it became known.
public struct PeerStatistics: Hashable, Sendable {
    public var id: NodeID
    /// Whether urgent messages would go out at once.
    public var isConnected: Bool
    /// How often this node has connected to it, both lanes together.
    public var connects: UInt64
    public var messagesSent: UInt64
    public var messagesReceived: UInt64
    /// Messages of Raft that were not sent: the queue was full, or they were too old when a connection came.
    public var messagesDropped: UInt64
    /// Bytes of frames; TLS adds its own when receiving is counted.
    public var bytesSent: UInt64
    public var bytesReceived: UInt64
    /// The last measured; nil: none yet.
    public var roundTrip: Duration?
    /// Why there is no connection; nil while there is one, or before the first attempt ended.
    public var lastFailure: String?
}

/// All members, and what belongs to none.
public struct PeerTransportStatistics: Hashable, Sendable {
    /// By id.
    public var peers: [PeerStatistics]
    /// Connections of others that were refused.
    public var refusedConnections: UInt64
    /// Messages to nodes that are neither known nor connected.
    public var undeliverable: UInt64
}

extension PeerTransport {
    /// A copy of all numbers.
    public var statistics: PeerTransportStatistics {
        let peers = counters.keys.sorted().compactMap { id -> PeerStatistics? in
            guard let numbers = counters[id] else { return nil }
            return PeerStatistics(
                id: id, isConnected: isConnected(id), connects: numbers.connects, messagesSent: numbers.messagesSent,
                messagesReceived: numbers.messagesReceived, messagesDropped: numbers.messagesDropped,
                bytesSent: numbers.bytesSent, bytesReceived: numbers.bytesReceived, roundTrip: numbers.roundTrip,
                lastFailure: numbers.lastFailure)
        }
        return PeerTransportStatistics(
            peers: peers, refusedConnections: refusedConnections, undeliverable: undeliverable)
    }
}
