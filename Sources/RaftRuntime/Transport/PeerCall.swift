// Owns the words of the control plane's small requests between members.
internal import Topology

/// A request to one peer. What kind and bytes mean is the control plane's affair.
public struct PeerCall: Hashable, Sendable {
    public var kind: UInt32
    /// At most `PeerLimits.callBytes`.
    public var bytes: [UInt8]

    public init(kind: UInt32, bytes: [UInt8]) {
        self.kind = kind
        self.bytes = bytes
    }
}

/// How a call ended.
public enum PeerCallOutcome: Hashable, Sendable {
    case reply([UInt8])
    /// The peer did not carry it out, and says why.
    case refused(String)
    /// The peer certainly never saw it: no connection, too many calls, too many bytes.
    case notSent(String)
    /// It was sent and no reply came: nobody knows whether it was carried out.
    case unknown(String)
}

/// A request that a peer makes, to be answered once, now or later.
public final class PeerRequest {
    /// Who asks; proved by the certificate where TLS is on.
    public let peer: PeerIdentity
    public let call: PeerCall
    /// How long the caller still waited when the request came.
    public let timeout: Duration
    private var send: ((PeerReplyContent) -> Void)?

    init(peer: PeerIdentity, call: PeerCall, timeout: Duration, send: @escaping (PeerReplyContent) -> Void) {
        self.peer = peer
        self.call = call
        self.timeout = timeout
        self.send = send
    }

    /// A request that nobody answers is refused, so that the caller need not wait for its deadline.
    deinit { send?(.refusal("no answer")) }

    /// Sends the reply. A second answer, or one after the connection has ended, goes nowhere.
    public func answer(_ bytes: [UInt8]) { finish(.bytes(bytes)) }

    /// Tells the caller that the request was not carried out, and why.
    public func refuse(_ reason: String) { finish(.refusal(reason)) }

    private func finish(_ content: PeerReplyContent) {
        let send = send
        self.send = nil
        send?(content)
    }
}

/// The content of a reply on the wire.
enum PeerReplyContent: Hashable, Sendable {
    case bytes([UInt8])
    case refusal(String)
}
