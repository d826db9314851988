// Owns the tests of certificates: what is said of each, which is chosen, and how they are read again.
import Foundation
import Testing

@testable import TLS

@Suite("Certificates by name")
struct CertificateStoreTests {
    static let made = Result {
        try Certificates([
            .init(name: "first", names: ["first.example"]),
            .init(name: "first-rsa", names: ["first.example"], kind: .rsa),
            .init(name: "wild", names: ["*.example", "Deep.Wild.Example"], addresses: ["127.0.0.1", "::1"]),
            .init(name: "exact", names: ["a.example"]), .init(name: "plain", names: []),
            .init(name: "short", kind: .shortRSA), .init(name: "modern", kind: .ed25519),
        ])
    }
    let certificates: Certificates

    init() throws { certificates = try Self.made.get() }

    @Test("Exact before wildcard, of each kind of key the first")
    func names() {
        func candidate(_ names: [String], _ kind: TLSIdentityReport.KeyKind) -> ServerNames.Candidate {
            ServerNames.Candidate(names: names, kind: kind)
        }
        let names = ServerNames([
            candidate(["a.example", "*.b.example"], .ecdsa), candidate(["a.example"], .rsa),
            candidate(["*.example", "a.b.example"], .rsa), candidate(["a.example"], .rsa),
        ])
        let expected: [(String, [Int]?)] = [
            ("a.example", [0, 1]), ("A.Example.", [0, 1]), ("x.example", [2]), ("a.b.example", [2]),
            ("b.b.example", [0]), ("x.y.example", nil), ("example", nil), (".example", nil), ("", nil), (".", nil),
            ("*.example", [2]), ("127.0.0.1", nil),
        ]
        for (name, places) in expected { #expect(names.places(for: name) == places, "\(name)") }
        #expect(names.first == [0, 1])
        #expect(ServerNames([candidate([], .rsa), candidate(["a"], .rsa)]).first == [0])
        #expect(ServerNames([candidate(["a"], .rsa), candidate(["a"], .rsa)]).first == [0])
    }

    @Test("What is said of a certificate")
    func report() throws {
        let wild = try TLSIdentityReport.read(certificates.identity("wild"))
        #expect(wild.names == ["*.example", "deep.wild.example", "127.0.0.1", "0:0:0:0:0:0:0:1"])
        #expect(wild.keyKind == .ecdsa && wild.keyBits == 256 && wild.chainCount == 0)
        #expect(
            wild.warnings.map { $0.hasSuffix("no certificate of its issuer follows, which most clients need") } == [
                true
            ])
        let now = Int64(Date().timeIntervalSince1970)
        #expect(abs(wild.notAfter - now - 30 * 86_400) < 600 && abs(now - wild.notBefore - 86_400) < 600)
        #expect(wild.invalidity(at: now) == nil)
        #expect(wild.invalidity(at: wild.notAfter + 60) == "the certificate expired 60 s ago")
        #expect(wild.invalidity(at: wild.notBefore - 7_200) == "the certificate is valid only in 2 hours")
        let kinds = try ["first-rsa", "modern", "plain"].map { try TLSIdentityReport.read(certificates.identity($0)) }
        #expect(kinds.map(\.keyKind) == [.rsa, .ed25519, .ecdsa] && kinds[0].keyBits == 2_048)
        #expect(kinds[2].names == ["plain"])
    }

    @Test("Chains, and who may read a key")
    func warnings() throws {
        func write(_ files: [String], to name: String) throws -> TLSIdentity {
            let text = try files.map { try String(contentsOfFile: certificates.path($0), encoding: .utf8) }.joined()
            try text.write(toFile: certificates.path(name), atomically: true, encoding: .utf8)
            return TLSIdentity(certificate: certificates.path(name), key: certificates.path("wild.key"))
        }
        let whole = try write(["wild.pem", "ca.pem"], to: "whole.pem")
        #expect(try TLSIdentityReport.read(whole).warnings == [] && TLSIdentityReport.read(whole).chainCount == 1)
        let wrong = try write(["wild.pem", "exact.pem"], to: "wrong.pem")
        #expect(
            try TLSIdentityReport.read(wrong).warnings
                == ["\(wrong.certificate): certificate 2 of it has not issued the one before it"])
        let copy = certificates.path("readable.key")
        try? FileManager.default.removeItem(atPath: copy)
        try FileManager.default.copyItem(atPath: certificates.path("wild.key"), toPath: copy)
        let open = TLSIdentity(certificate: whole.certificate, key: copy)
        let expected: [(Int, [String])] = [
            (0o600, []), (0o400, []), (0o640, ["\(copy): its group may read this key (mode 640)"]),
            (0o644, ["\(copy): everybody may read this key (mode 644)"]),
        ]
        for (mode, warnings) in expected {
            try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: copy)
            #expect(try TLSIdentityReport.read(open).warnings == warnings)
        }
    }

    @Test("A broken pair keeps the old one, and all that is wrong is told")
    func loading() throws {
        let folder = try Certificates([.init(name: "a"), .init(name: "b"), .init(name: "c")])
        let identities = ["a", "b"].map(folder.identity)
        let first = CertificateStore.load(identities)
        let store = try #require(first.store)
        #expect(first.failures == [] && store.reports.map(\.names) == [["a"], ["b"]])
        // As in the middle of a renewal: the certificate is new and the key is not.
        try FileManager.default.removeItem(atPath: folder.path("b.pem"))
        try FileManager.default.copyItem(atPath: folder.path("c.pem"), toPath: folder.path("b.pem"))
        let missing = folder.identity("none")
        let second = CertificateStore.load(identities + [missing, folder.identity("c")], keeping: store)
        #expect(second.store?.reports.map(\.names) == [["a"], ["b"], ["c"]])
        #expect(
            second.failures == [
                .init(
                    identity: identities[1],
                    failure: TLSFailure(
                        .file,
                        "\(identities[1].key): the key does not belong to the certificate in "
                            + identities[1].certificate), isKept: true),
                .init(
                    identity: missing,
                    failure: TLSFailure(.file, "\(missing.certificate): No such file or directory"), isKept: false),
            ])
        #expect(second.store?.reports[1] == store.reports[1])
        let third = CertificateStore.load([missing])
        #expect(third.store == nil && third.failures.count == 1)
        let weak = CertificateStore.load([certificates.identity("short")])
        #expect(
            weak.store == nil
                && weak.failures.map(\.failure.description) == [
                    "\(certificates.path("short.pem")): ee key too small"
                ])
    }

    /// Names that clients ask for, and the first name of the certificate that they are shown; nil: they are refused.
    static let asked: [(String?, TLSUnknownName, [String]?)] = [
        ("first.example", .default, ["first.example"]), ("A.EXAMPLE", .default, ["a.example"]),
        ("b.example", .refuse, ["*.example", "Deep.Wild.Example"]), ("a.b.example", .default, ["first.example"]),
        ("deep.wild.example", .refuse, ["*.example", "Deep.Wild.Example"]), ("a.b.example", .refuse, nil),
        (nil, .default, ["first.example"]), (nil, .refuse, nil),
    ]

    @Test("Clients are shown the certificate for the name that they ask for", arguments: asked.indices)
    func chosen(_ index: Int) throws {
        let (name, unknown, expected) = Self.asked[index]
        let identities = ["first", "first-rsa", "wild", "exact"].map(certificates.identity)
        let store = try #require(CertificateStore.load(identities).store)
        var configuration = TLSServerConfiguration()
        configuration.unknownName = unknown
        // It believes anybody, so that the server alone decides.
        let client = try TLSContext(TLSClientConfiguration(trust: .none))
        for _ in 0..<2 {
            var pair = try SessionPair(
                client: client, server: TLSContext(configuration, store, tickets: nil), host: name)
            pair.settle()
            if let expected {
                #expect(pair.client.state == .open && pair.client.peerNames == expected)
                #expect(pair.server.peer.serverName == name)
            } else {
                #expect(
                    pair.server.state
                        == .failed(TLSFailure(.unknownName, "TLS handshake: a name that no certificate is for")))
                #expect(
                    pair.client.state == .failed(TLSFailure(.peer, "TLS handshake: tlsv1 unrecognized name")))
            }
        }
    }
}
