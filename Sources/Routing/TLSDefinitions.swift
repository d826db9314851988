// Owns what the settings say of TLS: which files, and which rules.

/// A certificate and its key, by the names of their files.
public struct CertificateFiles: Hashable, Sendable {
    /// The certificate, and behind it those between it and the authority; PEM.
    public var certificate = ""
    /// Its private key; PEM.
    public var key = ""

    public init() {}
}

/// How a listener ends TLS.
public struct ListenerTLS: Hashable, Sendable {
    /// Mozilla's recommendations, by which versions, ciphers and groups are chosen that are not set.
    public enum Profile: String, Hashable, Sendable, CaseIterable { case intermediate, modern }

    public enum Version: String, Hashable, Sendable, CaseIterable {
        case tls12 = "1.2"
        case tls13 = "1.3"
    }

    /// What becomes of a client that asks for a name of which no certificate is.
    public enum UnknownName: String, Hashable, Sendable, CaseIterable {
        /// It is shown the first certificate.
        case `default`
        case refuse
    }

    /// Whether clients have to prove who they are.
    public enum ClientCertificate: String, Hashable, Sendable, CaseIterable { case off, optional, required }

    /// Never empty. For a name the first that fits, exactly before by a wildcard; else the first of all.
    public var certificates: [CertificateFiles] = []
    public var profile = Profile.intermediate
    /// The oldest version that is spoken; nil: by the profile.
    public var oldestVersion: Version?
    /// By OpenSSL's names, the best first; nil: by the profile.
    public var ciphers: [String]?
    /// Groups of the key exchange, the best first; nil: by the profile.
    public var groups: [String]?
    public var unknownName = UnknownName.default
    /// Authorities for the certificates of clients; PEM.
    public var clientAuthority: String?
    public var clientCertificate = ClientCertificate.off
    /// What those authorities have revoked; PEM.
    public var revocations: String?
    /// Whether the first records after idleness are small.
    public var hasDynamicRecords = true

    public init() {}
}
