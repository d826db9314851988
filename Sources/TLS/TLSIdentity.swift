// Owns what a side names to prove itself and to judge others: files, by their paths.

/// The files that one side proves itself with.
public struct TLSIdentity: Hashable, Sendable {
    /// The certificate, and behind it those between it and the authority; PEM.
    public var certificate: String
    /// Its private key, without a password; PEM.
    public var key: String

    public init(certificate: String, key: String) {
        self.certificate = certificate
        self.key = key
    }
}

/// Whose certificates a side accepts.
public enum TLSTrust: Hashable, Sendable {
    /// Asks for none.
    case none
    /// Those that an authority in this file has signed; PEM.
    case authorities(file: String)
    /// Those that the system's authorities have signed.
    case system
}
