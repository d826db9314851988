// Owns what is told of the certificate and the key that a settings file names, at the place where it names them.
internal import Settings
internal import TLS

/// Judges what only shows in the files of `cluster.tls`.
enum CredentialCheck {
    /// Does nothing without a `cluster.tls`. Reads the disk.
    ///
    /// - Throws: all that is wrong, as problems of the settings file are printed.
    static func check(_ valid: ValidSettings, _ path: String) throws(Failure) {
        let problems = problems(valid, path)
        guard problems.isEmpty else { throw Failure(problems.map(\.description).joined(separator: "\n")) }
    }

    private static func problems(_ valid: ValidSettings, _ path: String) -> [Problem] {
        guard let files = valid.settings.cluster?.credentials else { return [] }
        let identity = TLSIdentity(certificate: files.certificate, key: files.key)
        return TLSContext.problems(of: identity, authorities: files.authority).map { file, failure in
            valid.problem(at: ["cluster", "tls", key(of: file)], path: path, "\(failure)")
        }
    }

    private static func key(of file: TLSContext.File) -> String {
        switch file {
        case .certificate: "certificate"
        case .key: "key"
        case .authorities: "ca"
        }
    }
}
