// Owns a certificate for tests, made by the openssl command in a folder that goes with it.
import Foundation
import TLS
import Testing

/// A certificate for `use1-a` that is its own authority.
final class Certificate: Sendable {
    static let shared = Result { try Certificate() }
    private let folder: String
    var authority: String { folder + "/own.pem" }
    var identity: TLSIdentity { TLSIdentity(certificate: authority, key: folder + "/own.key") }

    private init() throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "meridian-transport-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = [
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
            "-subj", "/CN=use1-a", "-addext", "subjectAltName=DNS:use1-a", "-keyout", "own.key", "-out", "own.pem",
        ]
        process.currentDirectoryURL = URL(filePath: folder)
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0, "openssl req")
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }
}
