// Owns what is known of the other side of a session, for logs, headers and decisions.
internal import COpenSSL

/// What the handshake told of the peer.
public struct TLSPeer: Hashable, Sendable {
    /// A certificate that was verified.
    public struct Certificate: Hashable, Sendable {
        /// The subject as in RFC 2253, such as `CN=a.example,O=Example`: what is special in it is escaped, bytes beyond
        /// ASCII as `\XX`; empty where it is longer than 4 KiB.
        public let subject: String
        /// The alternative names with their kinds, such as `DNS:a.example`, `URI:spiffe://a/b`, `email:a@example.com`.
        public let alternatives: [String]
        /// The SHA-256 of it in hexadecimal digits.
        public let fingerprint: String
        /// The serial number in hexadecimal digits.
        public let serial: String
    }

    /// Such as `TLSv1.3`.
    public let version: String
    /// The IANA name of the cipher, such as `TLS_AES_128_GCM_SHA256`.
    public let cipher: String
    /// The host that the client named (RFC 6066 §3); nil: none.
    public let serverName: String?
    /// What both sides speak (RFC 7301); nil: nothing was agreed on.
    public let negotiatedProtocol: String?
    /// Whether the handshake went on with an earlier connection's secrets.
    public let isResumed: Bool
    /// The peer's certificate, if it has shown one and this side verifies them.
    public let certificate: Certificate?
}

extension TLSSession {
    /// What is known of the peer; complete once the handshake is over. Made at each call.
    public var peer: TLSPeer {
        let name = mt_session_server_name(handle)
        return TLSPeer(
            version: version, cipher: String(cString: mt_session_cipher(handle)),
            serverName: name.map { String(cString: $0) }, negotiatedProtocol: negotiatedProtocol,
            isResumed: mt_session_resumed(handle), certificate: context.verifies ? peerCertificate : nil)
    }

    private var peerCertificate: TLSPeer.Certificate? {
        var digest = [UInt8](repeating: 0, count: 32)
        guard isOpen, mt_session_peer_fingerprint(handle, &digest) else { return nil }
        return TLSPeer.Certificate(
            subject: CText.text(capacity: 4 << 10) { _ = mt_session_peer_subject(handle, $0, $1) },
            alternatives: CText.list(capacity: 8 << 10) { mt_session_peer_alternatives(handle, $0, $1) },
            fingerprint: TLSHex.text(digest),
            serial: CText.text(capacity: 128) { _ = mt_session_peer_serial(handle, $0, $1) })
    }

    /// The names in the peer's certificate: its DNS names, or else its common name. Empty without a certificate.
    /// At most 8 KiB of them.
    public var peerNames: [String] { CText.list(capacity: 8 << 10) { mt_session_peer_names(handle, $0, $1) } }

    /// The protocol that both sides agreed on (ALPN, RFC 7301); nil: none.
    public var negotiatedProtocol: String? {
        var name = [UInt8](repeating: 0, count: 255)
        let count = mt_session_protocol(handle, &name)
        return count > 0 ? String(decoding: name.prefix(count), as: UTF8.self) : nil
    }

    /// Such as `TLSv1.3`.
    public var version: String { String(cString: mt_session_version(handle)) }
}
