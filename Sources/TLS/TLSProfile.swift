// Owns the versions, ciphers and groups that are advised for servers.

/// A version of TLS that is still safe.
public enum TLSVersion: Int, Hashable, Sendable, CaseIterable, Comparable {
    /// RFC 5246.
    case tls12 = 3
    /// RFC 8446.
    case tls13 = 4

    public static func < (left: TLSVersion, right: TLSVersion) -> Bool { left.rawValue < right.rawValue }
}

/// Mozilla's advice for servers (Server Side TLS, version 5.7), without the ciphers on finite-field Diffie-Hellman: a
/// handshake with them costs the server many times one with elliptic curves, and no client of today needs them.
public enum TLSProfile: String, Hashable, Sendable, CaseIterable {
    /// For clients of the last ten years: TLS 1.2 and 1.3.
    case intermediate
    /// For clients of the last few years: TLS 1.3 alone.
    case modern

    /// The versions, least and greatest.
    public var versions: ClosedRange<TLSVersion> { self == .modern ? .tls13 ... .tls13 : .tls12 ... .tls13 }

    /// The ciphers by OpenSSL's names, the cheapest first; those of TLS 1.3 are the ones that begin with `TLS_`.
    public var ciphers: [String] { self == .modern ? Self.suites : Self.suites + Self.older }

    /// The groups for the key exchange; X25519 first, which costs least.
    public var groups: [String] { ["X25519", "P-256", "P-384"] }

    private static let suites = ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"]
    private static let older = [
        "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384",
        "ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-RSA-CHACHA20-POLY1305",
    ]
}
