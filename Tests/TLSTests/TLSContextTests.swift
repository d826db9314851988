// Owns the tests of contexts: what is wrong with which file.
import Foundation
import TLS
import Testing

@Suite("Contexts name the file that is wrong")
struct TLSContextTests {
    static let made = Result {
        try Certificates([.init(name: "a"), .init(name: "b"), .init(name: "old", days: -30 ... -2)])
    }
    let certificates: Certificates

    init() throws { certificates = try Self.made.get() }

    private func failure(_ identity: TLSIdentity?, _ trust: TLSTrust) -> String? {
        do throws(TLSFailure) {
            _ = try TLSContext(.server, identity: identity, trust: trust)
            return nil
        } catch {
            #expect(error.kind == .file)
            return error.description.replacingOccurrences(of: certificates.folder + "/", with: "")
        }
    }

    @Test("All that is wrong with files is found at once")
    func problems() throws {
        func found(
            _ certificate: String, _ key: String, _ authority: String
        ) -> [(file: TLSContext.File, failure: TLSFailure)] {
            let identity = TLSIdentity(certificate: certificates.path(certificate), key: certificates.path(key))
            return TLSContext.problems(of: identity, authorities: certificates.path(authority))
        }
        #expect(found("a.pem", "a.key", "ca.pem").isEmpty)
        #expect(found("none.pem", "none.key", "none.ca").map(\.file) == [.certificate, .key, .authorities])
        #expect(found("none.pem", "a.key", "ca.pem").map(\.file) == [.certificate])
        #expect(found("a.pem", "a.pem", "ca.pem").map(\.file) == [.key])
        let mismatch = found("a.pem", "b.key", "ca.pem")
        #expect(mismatch.map(\.file) == [.key])
        #expect(mismatch.first?.failure.description.contains("does not belong") == true)
    }

    @Test("A missing file is named with the system's words")
    func missing() {
        let a = certificates.identity("a")
        #expect(
            failure(TLSIdentity(certificate: certificates.path("none.pem"), key: a.key), .none)
                == "none.pem: No such file or directory")
        #expect(
            failure(TLSIdentity(certificate: a.certificate, key: certificates.path("none.key")), .none)
                == "none.key: No such file or directory")
        #expect(
            failure(a, .authorities(file: certificates.path("none.ca"))) == "none.ca: No such file or directory")
    }

    @Test("A file of another kind is named with what it should hold")
    func wrongKind() throws {
        let a = certificates.identity("a")
        let text = certificates.path("notes.txt")
        try "no certificate\n".write(toFile: text, atomically: true, encoding: .utf8)
        let certificate = try #require(failure(TLSIdentity(certificate: text, key: a.key), .none))
        #expect(certificate.hasPrefix("notes.txt: holds no certificate in PEM form"))
        let key = try #require(failure(TLSIdentity(certificate: a.certificate, key: text), .none))
        #expect(key.hasPrefix("notes.txt: holds no private key without a password in PEM form"))
        let authority = try #require(failure(nil, .authorities(file: text)))
        #expect(authority.hasPrefix("notes.txt: holds no certificate of an authority in PEM form"))
    }

    @Test("A key of another certificate is said to be one")
    func mismatch() {
        let mixed = TLSIdentity(certificate: certificates.path("a.pem"), key: certificates.path("b.key"))
        #expect(failure(mixed, .none) == "b.key: the key does not belong to the certificate in a.pem")
    }

    @Test("A key with a password is refused, and nobody is asked for it")
    func password() throws {
        let locked = certificates.path("locked.key")
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = [
            "openssl", "ec", "-aes256", "-passout", "pass:secret", "-in", certificates.path("a.key"), "-out", locked,
        ]
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0)
        let text = try #require(
            failure(TLSIdentity(certificate: certificates.path("a.pem"), key: locked), .none))
        #expect(text.hasPrefix("locked.key: holds no private key without a password in PEM form"))
    }

    @Test("A certificate that is not valid today is warned of, not refused: the clock may be wrong")
    func expired() throws {
        let old = try TLSContext(.server, identity: certificates.identity("old"), trust: .none)
        #expect(old.certificateWarning == "the certificate expired 2 days ago")
        let good = try TLSContext(.server, identity: certificates.identity("a"), trust: .none)
        #expect(good.certificateWarning == nil)
    }
}
