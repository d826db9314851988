// Owns what there is to know of a certificate: for whom it is, until when, with what kind of key and what chain.
internal import COpenSSL

/// What a certificate and its key are, for those who check settings, watch expiry or choose between several.
public struct TLSIdentityReport: Hashable, Sendable {
    /// The kind of a key.
    public enum KeyKind: String, Hashable, Sendable {
        case rsa = "RSA"
        case ecdsa = "ECDSA"
        case ed25519 = "Ed25519"
        case ed448 = "Ed448"
        case other
    }

    public let identity: TLSIdentity
    /// The DNS names and IP addresses that it is for, in lower case and its own order; the common name where it has no
    /// DNS name.
    public let names: [String]
    /// Seconds since 1970 from which on and until which it is valid.
    public let notBefore: Int64
    public let notAfter: Int64
    public let keyKind: KeyKind
    /// The size of the key; of RSA its modulus, of ECDSA its curve.
    public let keyBits: Int
    /// The SHA-256 of the certificate in hexadecimal digits.
    public let fingerprint: String
    /// Certificates behind the own one in its file.
    public let chainCount: Int
    /// What clients may stumble over, in words: a chain that does not fit, or is missing; a key that others may read.
    public let warnings: [String]

    /// Reads both files. The disk, so not on a loop that serves.
    ///
    /// - Throws: what is wrong, with the name of the file.
    public static func read(_ identity: TLSIdentity) throws(TLSFailure) -> TLSIdentityReport {
        TLSIdentityReport(try CertificatePair(identity))
    }

    init(_ pair: CertificatePair) {
        let handle = pair.handle
        identity = pair.identity
        names = CText.list(capacity: 16 << 10) { mt_pair_names(handle, $0, $1) }.map { $0.lowercased() }
        notBefore = mt_pair_not_before(handle)
        notAfter = mt_pair_not_after(handle)
        keyKind =
            switch Int(mt_pair_kind(handle)) {
            case MT_KEY_RSA: .rsa
            case MT_KEY_ECDSA: .ecdsa
            case MT_KEY_ED25519: .ed25519
            case MT_KEY_ED448: .ed448
            default: .other
            }
        keyBits = Int(mt_pair_bits(handle))
        var digest = [UInt8](repeating: 0, count: 32)
        fingerprint = mt_pair_fingerprint(handle, &digest) ? TLSHex.text(digest) : ""
        chainCount = Int(mt_pair_chain_count(handle))
        var warnings: [String] = []
        let gap = mt_pair_chain_break(handle)
        if gap > 0 {
            warnings.append(
                "\(pair.identity.certificate): certificate \(gap + 1) of it has not issued the one before it")
        } else if chainCount == 0, !mt_pair_self_signed(handle) {
            warnings.append(
                "\(pair.identity.certificate): no certificate of its issuer follows, which most clients need")
        }
        if let warning = FileBytes.warning(ofKey: pair.identity.key) { warnings.append(warning) }
        self.warnings = warnings
    }

    /// Why it is of no use at that time; nil: it is valid. For a warning: the clock may be what is wrong.
    ///
    /// - Parameter time: seconds since 1970.
    public func invalidity(at time: Int64) -> String? {
        if time < notBefore { return "the certificate is valid only in \(Self.amount(notBefore - time))" }
        if time > notAfter { return "the certificate expired \(Self.amount(time - notAfter)) ago" }
        return nil
    }

    private static func amount(_ seconds: Int64) -> String {
        switch seconds {
        case ..<120: "\(seconds) s"
        case ..<7_200: "\(seconds / 60) minutes"
        case ..<172_800: "\(seconds / 3_600) hours"
        default: "\(seconds / 86_400) days"
        }
    }
}
