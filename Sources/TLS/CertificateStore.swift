// Owns the certificates of a server: read together, immutable, replaced as a whole.
internal import COpenSSL

/// Several certificates with their keys. Contexts of many listeners may share one.
public final class CertificateStore: Sendable {
    let pairs: [CertificatePair]
    let names: ServerNames
    /// What each certificate is, in the order of the settings.
    public let reports: [TLSIdentityReport]

    /// What came of reading files.
    public struct Loading: Sendable {
        /// What is wrong with one pair.
        public struct Failure: Hashable, Sendable {
            public let identity: TLSIdentity
            public let failure: TLSFailure
            /// Whether the certificate that was read from these files earlier goes on being used.
            public let isKept: Bool
        }

        /// All that can be used; nil: nothing can.
        public let store: CertificateStore?
        public let failures: [Failure]
    }

    private init(_ pairs: [CertificatePair]) {
        self.pairs = pairs
        reports = pairs.map { TLSIdentityReport($0) }
        names = ServerNames(reports.map { ServerNames.Candidate(names: $0.names, kind: $0.keyKind) })
    }

    /// Reads pairs of files. A pair that cannot be used is left out, or what `previous` has of these files is kept. Reads
    /// the disk, so not on a loop that serves.
    ///
    /// - Returns: the store, and everything that is wrong, in the order of the pairs.
    public static func load(_ identities: [TLSIdentity], keeping previous: CertificateStore? = nil) -> Loading {
        var pairs: [CertificatePair] = []
        var failures: [Loading.Failure] = []
        for identity in identities {
            do throws(TLSFailure) {
                let pair = try CertificatePair(identity)
                try TLSContext.check(pair)
                pairs.append(pair)
            } catch {
                let kept = previous?.pairs.first { $0.identity == identity }
                if let kept { pairs.append(kept) }
                failures.append(Loading.Failure(identity: identity, failure: error, isKept: kept != nil))
            }
        }
        return Loading(store: pairs.isEmpty ? nil : CertificateStore(pairs), failures: failures)
    }

    /// A store of one pair.
    ///
    /// - Throws: what is wrong, with the name of the file.
    public convenience init(_ identity: TLSIdentity) throws(TLSFailure) { self.init([try CertificatePair(identity)]) }

    /// The certificates for a name: an exact one, else a wildcard for its first label.
    ///
    /// - Returns: places in `reports`; nil: none is for it.
    public func places(for name: String) -> [Int]? { names.places(for: name) }
}
