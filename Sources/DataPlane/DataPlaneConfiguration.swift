// Owns what the data plane is told by the settings, beside listeners and services.
internal import Routing
public import Topology

/// The settings of the data plane that hold for all listeners.
public struct DataPlaneConfiguration: Sendable {
    /// The node's name: the pseudonym in `Via`.
    public var node: NodeID
    /// Threads that carry traffic.
    public var workers = 1
    /// Connections from clients over all workers; more are refused. nil: as many as there are descriptors for.
    public var maximumConnections: Int?
    /// Connections to backends over all workers; requests wait for room as they do at an endpoint's limit. nil: no limit.
    public var maximumBackendConnections: Int?
    /// Pipes of each worker, in which long bodies pass uncopied.
    public var pipes = 64
    /// Bytes and fields of a head.
    public var maximumHead: ByteCount = 32768
    public var maximumFields = 128
    /// Interim answers (1xx) that are passed on for one request; with one more the answer is 502.
    public var maximumInterim = 16
    /// Time for a client's head from its first byte, and between two requests.
    public var clientHeadTimeout = Duration.seconds(10)
    public var clientIdleTimeout = Duration.seconds(60)
    /// Time in which a client takes none of the bytes that wait for it; then it is cut off.
    public var clientStallTimeout = Duration.seconds(30)
    /// Networks whose forwarded fields are believed.
    public var trustsPeer: @Sendable (IPAddress?) -> Bool = { _ in false }
    public var addsVia = false
    public var passesUnderscores = false
    /// Whether paths are compared and forwarded as they came, with dot segments and repeated slashes.
    public var keepsPaths = false
    public var accessLog: AccessLogConfiguration?
    /// Pages for Meridian's own errors, by status.
    public var errorPages: [Int: [UInt8]] = [:]

    public init(node: NodeID) { self.node = node }
}

extension ProxyProtocolPolicy {
    /// Whether the header of a connection from there is believed; otherwise the connection is to be refused.
    ///
    /// - Parameter peer: nil: a Unix socket's peer, which is of this machine.
    func believes(_ peer: IPAddress?) -> Bool { peer == nil || trusts(peer) }
}

/// Where and how requests are logged.
public struct AccessLogConfiguration: Hashable, Sendable {
    public enum Format: String, CaseIterable, Sendable { case combined, json }
    /// A file's path, or `-` for standard output.
    public var path: String
    public var format: Format
    public init(path: String, format: Format) {
        self.path = path
        self.format = format
    }
}
