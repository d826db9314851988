// Owns the problems of the certificate and key that a settings file names, reported at the line that names them.
internal import Settings
internal import TLS

/// Checks the content of the files in `cluster.tls`.
enum CredentialCheck {
    /// Does nothing without a `cluster.tls`. Reads the disk.
    ///
    /// - Throws: everything that is wrong, printed like problems of the settings file.
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
