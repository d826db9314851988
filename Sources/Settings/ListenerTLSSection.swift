// Owns the `tls` section of a listener: certificates, versions, and who clients have to be.
internal import Routing

extension ListenerTLS {
    static let section = Section<ListenerTLS>(
        "listener tls",
        "Clients speak TLS. The files are read again by a reload; of one that is broken then, what was read before is kept.",
        initial: { _ in ListenerTLS() },
        keys: [
            Key(
                "certificates", \.certificates, .list(of: .section(certificateSection), "certificates", minimum: 1),
                required: true,
                "Certificates with their keys. A client gets the one for the name that it asks for, by a wildcard if need "
                    + "be, else the first; of an RSA and an ECDSA certificate for one name the one that it can verify."),
            Key("profile", \.profile, .choice, "Mozilla's recommendation that holds for what is not set."),
            Key(
                "minimum_version", optional: \.oldestVersion, .choice, absent: "`1.2`, `modern`: `1.3`",
                "The oldest version of TLS."),
            Key(
                "ciphers", optional: \.ciphers, .list(of: .openSSLName, "ciphers", minimum: 1, limit: 64),
                absent: "by the profile", "Ciphers by OpenSSL's names, the best first."),
            Key(
                "groups", optional: \.groups, .list(of: .openSSLName, "groups", minimum: 1, limit: 16),
                absent: "X25519, P-256, P-384", "Groups of the key exchange, the best first."),
            Key(
                "unknown_name", \.unknownName, .choice,
                "What a client gets that asks for a name without a certificate: the first certificate, or a refusal."),
            Key(
                "client_certificate", \.clientCertificate, .choice,
                "Whether clients are asked for a certificate. One that is given has to be good, also where it is optional."
            ),
            Key(
                "client_ca", optional: \.clientAuthority, .file, absent: "none",
                "The authorities that sign the certificates of clients, PEM."),
            Key("crl", optional: \.revocations, .file, absent: "none", "What these authorities have revoked, PEM."),
            Key(
                "dynamic_records", \.hasDynamicRecords, .toggle,
                "Whether records are small after a second of idleness, so that a client can use each packet at once."),
        ],
        check: { tls, fields, reading in
            if tls.clientCertificate != .off, fields["client_ca"] == nil, let node = fields["client_certificate"] {
                reading.error(at: node, "client_certificate needs 'client_ca': whose certificates are good")
            }
            for name in ["client_ca", "crl"] where tls.clientCertificate == .off {
                guard let key = fields.key(name) else { continue }
                reading.error(at: key, "'\(name)' does nothing without client_certificate: optional or required")
            }
        })

    private static let certificateSection = Section<CertificateFiles>(
        "certificate", "A certificate and its key.",
        initial: { _ in CertificateFiles() },
        keys: [
            Key("certificate", \.certificate, .file, required: true, "The certificate chain, PEM."),
            Key("key", \.key, .file, required: true, "Its private key, without a password, PEM."),
        ])
}

extension ValueSchema where Value == String {
    /// What OpenSSL calls a cipher or a group; whether it knows it shows when the files are read.
    fileprivate static var openSSLName: ValueSchema {
        .scalar(
            "name",
            parse: { text throws(InvalidValue) in
                let isName =
                    !text.isEmpty
                    && text.utf8.allSatisfy { byte in
                        (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                            || byte == 0x2D || byte == 0x5F
                    }
                guard isName else { throw InvalidValue("expected a name of letters, digits, '-' and '_'") }
                return text
            }, write: { $0 })
    }
}
