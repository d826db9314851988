// Owns an authority of a test's own and the certificates that it signs, made by openssl.
import Foundation

/// A folder with `ca.pem` and certificates; keys are ECDSA P-256 unless said otherwise.
final class Certificates {
    private let scratch: Scratch
    private var serial = 1
    var folder: String { scratch.path }
    var authority: String { scratch.path + "/ca.pem" }

    init() throws {
        scratch = try Scratch()
        try openssl(
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
            "-subj", "/CN=authority", "-keyout", "ca.key", "-out", "ca.pem")
    }

    @discardableResult
    func openssl(_ words: String...) throws -> String {
        let paths = words.map { word in
            [".pem", ".key", ".csr", ".txt", ".cnf"].contains(where: word.hasSuffix) ? folder + "/" + word : word
        }
        let (exit, output) = try ChildProcess.run(["openssl"] + paths)
        guard exit == .code(0) else { throw Failure("openssl \(words): \(output)") }
        return output
    }

    /// Signs a certificate for some names: `NAME.pem` and `NAME.key`.
    func sign(_ file: String, for names: [String], rsa: Bool = false) throws {
        let key = rsa ? ["-newkey", "rsa:2048"] : ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
        let request = ["req", "-nodes"] + key
        try run(request + ["-subj", "/CN=\(file)", "-keyout", path("\(file).key"), "-out", path("\(file).csr")])
        try scratch.write("\(file).txt", "subjectAltName=" + names.map { "DNS:\($0)" }.joined(separator: ","))
        serial += 1
        try run([
            "x509", "-req", "-days", "2", "-in", path("\(file).csr"), "-CA", authority, "-CAkey", path("ca.key"),
            "-set_serial", "\(serial)", "-extfile", path("\(file).txt"), "-out", path("\(file).pem"),
        ])
    }

    /// Puts a file's bytes in another's place at once.
    func replace(_ file: String, with other: String) throws {
        let bytes = try Data(contentsOf: URL(filePath: path(other)))
        try bytes.write(to: URL(filePath: path(file)), options: .atomic)
    }

    func write(_ file: String, _ text: String) throws { try scratch.write(file, text) }

    /// Lists certificates as revoked, in `crl.pem`.
    func revoke(_ files: String...) throws {
        try scratch.write("index.txt", "")
        try scratch.write(
            "ca.cnf",
            "[ca]\ndefault_ca=a\n[a]\ndatabase=\(path("index.txt"))\ndefault_md=sha256\ndefault_crl_days=2\n")
        let authority = ["-config", path("ca.cnf"), "-cert", self.authority, "-keyfile", path("ca.key")]
        for file in files { try run(["ca"] + authority + ["-revoke", path("\(file).pem")]) }
        try run(["ca"] + authority + ["-gencrl", "-out", path("crl.pem")])
    }

    func path(_ file: String) -> String { scratch.path + "/" + file }

    private func run(_ words: [String]) throws {
        let (exit, output) = try ChildProcess.run(["openssl"] + words)
        guard exit == .code(0) else { throw Failure("openssl \(words): \(output)") }
    }
}
