// Owns the problems of the certificates and keys that a settings file names, reported at the line that names them.
internal import DataPlane
internal import Glibc
internal import HTTPWire
internal import Routing
internal import Settings
internal import TLS

/// Checks the content of the files in `cluster.tls` and `listeners[].tls`. Reads the disk.
enum CredentialCheck {
    /// Does nothing where there is no `tls`.
    ///
    /// - Returns: what each certificate of a listener is, a line each.
    /// - Throws: everything that is wrong, printed like problems of the settings file. Warnings are printed at once.
    @discardableResult
    static func check(_ valid: ValidSettings, _ path: String) throws(Failure) -> [String] {
        var listeners = ListenerCertificates(valid: valid, path: path)
        for (place, listener) in valid.settings.listeners.enumerated() { listeners.read(listener, at: place) }
        for warning in listeners.warnings { standardError(warning.description) }
        let problems = clusterProblems(valid, path) + listeners.problems
        guard problems.isEmpty else { throw Failure(problems.map(\.description).joined(separator: "\n")) }
        return listeners.lines
    }

    private static func clusterProblems(_ valid: ValidSettings, _ path: String) -> [Problem] {
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

/// What came of reading the certificates of all listeners.
private struct ListenerCertificates {
    let valid: ValidSettings
    let path: String
    var problems: [Problem] = []
    var warnings: [Problem] = []
    var lines: [String] = []

    mutating func read(_ listener: ListenerDefinition, at place: Int) {
        guard let tls = listener.tls else { return }
        let section = ["listeners", "\(place)", "tls"]
        let before = problems.count
        for (index, files) in tls.certificates.enumerated() {
            read(files, of: listener, at: section + ["certificates", "\(index)"])
        }
        guard problems.count == before else { return }
        // What is left: ciphers, groups, authorities of clients.
        do throws(ListenerSecurityFailure) {
            try listener.checkSecurity()
        } catch {
            problems.append(valid.problem(at: section, path: path, error.reason))
        }
    }

    private mutating func read(_ files: CertificateFiles, of listener: ListenerDefinition, at keys: [String]) {
        do throws(TLSFailure) {
            let report = try TLSIdentityReport.read(TLSIdentity(certificate: files.certificate, key: files.key))
            for warning in report.warnings + [report.invalidity(at: Int64(time(nil)))].compactMap({ $0 }) {
                warnings.append(valid.problem(.warning, at: keys, path: path, warning))
            }
            lines.append("\(listener.name): \(files.certificate) \(Self.describe(report))")
        } catch {
            let isKey = error.description.hasPrefix(files.key + ":")
            problems.append(valid.problem(at: keys + [isKey ? "key" : "certificate"], path: path, "\(error)"))
        }
    }

    /// Such as `is for shop.example.com, until 2027-03-01 (ECDSA 256)`.
    private static func describe(_ report: TLSIdentityReport) -> String {
        let end = CivilTime(report.notAfter)
        func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        let names = report.names.isEmpty ? "no name" : report.names.joined(separator: ", ")
        return "is for \(names), until \(end.year)-\(two(end.month))-\(two(end.day)) "
            + "(\(report.keyKind.rawValue) \(report.keyBits))"
    }
}
