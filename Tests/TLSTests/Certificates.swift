// Owns certificates for tests, made by the openssl command in a folder that goes with them.
import Foundation
import Testing
import TLS

/// A folder with an authority and the certificates that it has signed.
final class Certificates: Sendable {
    let folder: String

    /// Where an authority's certificate is.
    var authority: String { folder + "/ca.pem" }

    /// A certificate that is asked for.
    struct Order: Sendable {
        /// Of the files, and the only DNS name unless `names` says otherwise.
        var name: String
        var names: [String]?
        var addresses: [String] = []
        /// From when to when, in days from now.
        var days: ClosedRange<Int> = -1...30
        var kind = Kind.ecdsa
        /// Other alternative names, with their kinds.
        var alternatives: [String] = []
        /// The names of the subject, as in `/O=Example/CN=a`.
        var subject: String?
    }

    enum Kind: Sendable {
        case ecdsa, rsa, shortRSA, ed25519

        var arguments: [String] {
            switch self {
            case .ecdsa: ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
            case .rsa: ["-newkey", "rsa:2048"]
            case .shortRSA: ["-newkey", "rsa:1024"]
            case .ed25519: ["-newkey", "ed25519"]
            }
        }
    }

    init(authority name: String = "Test authority", _ orders: [Order]) throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "meridian-tls-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try run([
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
            "-subj", "/CN=\(name)", "-addext", "basicConstraints=critical,CA:true", "-keyout", "ca.key", "-out",
            "ca.pem",
        ])
        for order in orders { try make(order) }
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    func identity(_ name: String) -> TLSIdentity {
        TLSIdentity(certificate: path(name + ".pem"), key: path(name + ".key"))
    }

    func path(_ file: String) -> String { folder + "/" + file }

    private func make(_ order: Order) throws {
        let names =
            (order.names ?? [order.name]).map { "DNS:\($0)" } + order.addresses.map { "IP:\($0)" }
            + order.alternatives
        try run(
            ["req"] + order.kind.arguments + [
                "-nodes", "-subj", order.subject ?? "/CN=\(order.name)", "-keyout", order.name + ".key", "-out",
                order.name + ".csr",
            ])
        let extensions = names.isEmpty ? "" : "subjectAltName=" + names.joined(separator: ",") + "\n"
        try (extensions + "basicConstraints=CA:false\n").write(
            toFile: path(order.name + ".ext"), atomically: true, encoding: .utf8)
        // `ca` is the one command of OpenSSL 3.0 that sets both ends of the time.
        if !FileManager.default.fileExists(atPath: path("index.txt")) {
            try "".write(toFile: path("index.txt"), atomically: true, encoding: .utf8)
        }
        let policy = """
            [ca]
            default_ca = main
            [main]
            database = index.txt
            new_certs_dir = .
            rand_serial = yes
            default_md = sha256
            policy = any
            unique_subject = no
            default_crl_days = 5
            [any]
            organizationName = optional
            commonName = supplied
            """
        try policy.write(toFile: path("ca.cnf"), atomically: true, encoding: .utf8)
        try run([
            "ca", "-batch", "-notext", "-config", "ca.cnf", "-cert", "ca.pem", "-keyfile", "ca.key",
            "-startdate", Self.stamp(order.days.lowerBound), "-enddate", Self.stamp(order.days.upperBound),
            "-extfile", order.name + ".ext", "-in", order.name + ".csr", "-out", order.name + ".pem",
        ])
    }

    /// Has the authority revoke certificates.
    ///
    /// - Returns: the file with its list.
    func revoke(_ names: [String], list: String) throws -> String {
        let authority = ["-config", "ca.cnf", "-cert", "ca.pem", "-keyfile", "ca.key"]
        for name in names { try run(["ca", "-revoke", name + ".pem"] + authority) }
        try run(["ca", "-gencrl", "-out", list] + authority)
        return path(list)
    }

    /// The serial number of a certificate as openssl says it.
    func serial(_ name: String) throws -> String {
        String(try run(["x509", "-noout", "-serial", "-in", name + ".pem"]).dropFirst("serial=".count).dropLast())
    }

    private static func stamp(_ days: Int) -> String {
        let format = DateFormatter()
        format.locale = Locale(identifier: "en_US_POSIX")
        format.timeZone = TimeZone(identifier: "UTC")
        format.dateFormat = "yyyyMMddHHmmss'Z'"
        return format.string(from: Date(timeIntervalSinceNow: Double(days) * 86_400))
    }

    @discardableResult
    private func run(_ arguments: [String]) throws -> String {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["openssl"] + arguments
        process.currentDirectoryURL = URL(filePath: folder)
        let errors = Pipe()
        process.standardError = errors
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let words = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        let text = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        try #require(process.terminationStatus == 0, "openssl \(arguments.joined(separator: " ")): \(text)")
        return words
    }
}
