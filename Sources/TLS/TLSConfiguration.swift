// Owns the settings of a side as values: what a server offers and asks for, and what a client trusts.

/// What a server wants of its clients' certificates.
public enum TLSClientAuthentication: Hashable, Sendable {
    /// None is asked for.
    case none
    /// One is asked for; a client without one is served, one with a bad one is not.
    case optional(TLSAuthorities)
    /// A client without a good one is refused.
    case required(TLSAuthorities)

    /// Whose certificates are good; nil: none is asked for.
    public var authorities: TLSAuthorities? {
        switch self {
        case .none: nil
        case .optional(let authorities), .required(let authorities): authorities
        }
    }
}

/// The authorities for clients' certificates.
public struct TLSAuthorities: Hashable, Sendable {
    /// Their certificates; PEM.
    public var file: String
    /// What they have revoked: lists of theirs; PEM. nil: nothing is.
    public var revocations: String?

    public init(file: String, revocations: String? = nil) {
        self.file = file
        self.revocations = revocations
    }
}

/// What becomes of a client that names a host of which no certificate is, or none at all.
public enum TLSUnknownName: String, Hashable, Sendable, CaseIterable {
    /// It is shown the first certificate.
    case `default`
    /// It is refused with the alert unrecognized_name (RFC 6066 §3).
    case refuse
}

/// The settings of a server. Never: renegotiation, compression, early data (0-RTT).
public struct TLSServerConfiguration: Hashable, Sendable {
    /// Where versions, ciphers and groups come from that are not set.
    public var profile: TLSProfile
    public var versions: ClosedRange<TLSVersion>?
    /// By OpenSSL's names, the best first; those of TLS 1.3 begin with `TLS_`.
    public var ciphers: [String]?
    /// Groups for the key exchange, the best first.
    public var groups: [String]?
    /// Protocols (ALPN, RFC 7301), the best first; a client that offers others only is refused. Empty: none is agreed on.
    public var protocols: [String] = []
    public var clientAuthentication: TLSClientAuthentication = .none
    public var unknownName: TLSUnknownName = .default
    /// Whether the first records after idleness are small, so that the client can use each packet at once.
    public var hasDynamicRecords = true

    public init(profile: TLSProfile = .intermediate) { self.profile = profile }
}

/// The settings of a client.
public struct TLSClientConfiguration: Hashable, Sendable {
    /// Whom it believes; with `.none` anybody.
    public var trust: TLSTrust
    /// What it proves itself with where a server asks.
    public var identity: TLSIdentity?
    public var versions: ClosedRange<TLSVersion> = .tls12 ... .tls13
    /// Protocols (ALPN, RFC 7301) that it offers, the best first.
    public var protocols: [String] = []
    /// Whether sessions that are given a cache are resumed.
    public var resumes = true

    public init(trust: TLSTrust, identity: TLSIdentity? = nil) {
        self.trust = trust
        self.identity = identity
    }
}
