// Owns the tests of what servers and clients agree on by their settings.
import Testing

@testable import TLS

@Suite("Settings decide what is agreed on")
struct ConfigurationTests {
    static let made = TLSSessionTests.made
    let certificates: Certificates
    let store: CertificateStore

    init() throws {
        certificates = try Self.made.get()
        store = try CertificateStore(certificates.identity("euw1-a"))
    }

    private func client(_ change: (inout TLSClientConfiguration) -> Void = { _ in }) throws -> TLSContext {
        var configuration = TLSClientConfiguration(trust: .authorities(file: certificates.authority))
        change(&configuration)
        return try TLSContext(configuration)
    }

    /// What comes of a handshake: the version and the cipher, or in whose words it failed.
    private func outcome(_ client: TLSContext, _ configuration: TLSServerConfiguration) throws -> String {
        var pair = try SessionPair(client: client, server: TLSContext(configuration, store), host: "euw1-a")
        pair.settle()
        guard pair.client.state == .open, pair.server.state == .open else {
            if case .failed(let failure) = pair.server.state { return failure.description }
            return "\(pair.client.state)"
        }
        return "\(pair.client.peer.version) \(pair.server.peer.cipher)"
    }

    @Test(
        "Versions and ciphers",
        arguments: [
            (TLSProfile.intermediate, TLSVersion.tls13, nil, "TLSv1.3 TLS_AES_128_GCM_SHA256"),
            (.intermediate, .tls12, nil, "TLSv1.2 TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"),
            (.modern, .tls13, nil, "TLSv1.3 TLS_AES_128_GCM_SHA256"),
            (.modern, .tls12, nil, "TLS handshake: unsupported protocol"),
            (.intermediate, .tls13, "TLS_CHACHA20_POLY1305_SHA256", "TLSv1.3 TLS_CHACHA20_POLY1305_SHA256"),
            (.intermediate, .tls12, "TLS_CHACHA20_POLY1305_SHA256", "TLS handshake: unsupported protocol"),
            (
                .intermediate, .tls13, "ECDHE-ECDSA-AES256-GCM-SHA384",
                "TLSv1.2 TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"
            ),
        ] as [(TLSProfile, TLSVersion, String?, String)])
    func versions(_ profile: TLSProfile, _ greatest: TLSVersion, _ cipher: String?, _ expected: String) throws {
        var configuration = TLSServerConfiguration(profile: profile)
        configuration.ciphers = cipher.map { [$0] }
        let client = try client { $0.versions = .tls12...greatest }
        #expect(try outcome(client, configuration) == expected)
    }

    @Test(
        "A setting that OpenSSL does not know is named",
        arguments: [
            ("ciphers", "the cipher RC6"), ("suites", "the ciphers of TLS 1.3"), ("groups", "the groups"),
            ("versions", "the ciphers are for no version that is allowed"), ("protocols", "``: the name of a protocol"),
        ])
    func wrong(_ what: String, _ words: String) throws {
        var configuration = TLSServerConfiguration()
        switch what {
        case "ciphers": configuration.ciphers = ["RC6"]
        case "suites": configuration.ciphers = ["TLS_NONE"]
        case "groups": configuration.groups = ["X25519", "P-255"]
        case "versions":
            configuration.ciphers = ["ECDHE-ECDSA-AES256-GCM-SHA384"]
            configuration.versions = .tls13 ... .tls13
        default: configuration.protocols = ["h2", ""]
        }
        do throws(TLSFailure) {
            _ = try TLSContext(configuration, store)
            Issue.record("it was taken")
        } catch {
            #expect(error.kind == .setting && error.description.hasPrefix(words), "\(error)")
        }
    }

    @Test(
        "Protocols: the server's order decides; nothing in common is a failure, none offered is not",
        arguments: [
            (["h2", "http/1.1"], ["http/1.1", "h2"], "h2"), (["h2", "http/1.1"], ["http/1.1"], "http/1.1"),
            (["h2"], [], nil), ([], ["h2"], nil), (["h2"], ["spdy/1"], "failed"),
        ] as [([String], [String], String?)])
    func protocols(_ offered: [String], _ known: [String], _ expected: String?) throws {
        var configuration = TLSServerConfiguration()
        configuration.protocols = offered
        var pair = try SessionPair(
            client: client { $0.protocols = known }, server: TLSContext(configuration, store), host: "euw1-a")
        pair.settle()
        guard expected != "failed" else {
            guard case .failed(let failure) = pair.client.state else {
                Issue.record("\(pair.client.state)")
                return
            }
            #expect(failure.description == "TLS handshake: tlsv1 alert no application protocol")
            return
        }
        #expect(pair.client.state == .open && pair.server.state == .open)
        #expect(pair.client.negotiatedProtocol == expected && pair.server.peer.negotiatedProtocol == expected)
    }

    @Test("What is known of the peer")
    func peer() throws {
        let folder = try Certificates([
            .init(
                name: "caller", names: ["caller.example"],
                alternatives: ["URI:spiffe://example/caller", "email:a@b.c"],
                subject: "/O=Example, Inc./CN=caller"), .init(name: "server.example"),
        ])
        var configuration = TLSServerConfiguration()
        configuration.clientAuthentication = .required(TLSAuthorities(file: folder.authority))
        let server = try TLSContext(configuration, try CertificateStore(folder.identity("server.example")))
        let client = try TLSContext(
            TLSClientConfiguration(
                trust: .authorities(file: folder.authority), identity: folder.identity("caller")))
        var pair = try SessionPair(client: client, server: server, host: "server.example")
        #expect(pair.server.peer.certificate == nil)
        pair.settle()
        let report = try TLSIdentityReport.read(folder.identity("caller"))
        let peer = pair.server.peer
        let certificate = try #require(peer.certificate)
        #expect(certificate.subject == "CN=caller,O=Example\\, Inc.")
        #expect(
            certificate.alternatives == ["DNS:caller.example", "URI:spiffe://example/caller", "email:a@b.c"])
        #expect(certificate.fingerprint == report.fingerprint && report.fingerprint.count == 64)
        #expect(certificate.serial == (try folder.serial("caller")))
        #expect(
            peer
                == TLSPeer(
                    version: "TLSv1.3", cipher: "TLS_AES_128_GCM_SHA256", serverName: "server.example",
                    negotiatedProtocol: nil, isResumed: false, certificate: certificate))
        #expect(pair.client.peer.certificate?.subject == "CN=server.example")
    }

    @Test("Clients' certificates: asked for, required, revoked")
    func clients() throws {
        let folder = try Certificates([.init(name: "good"), .init(name: "bad"), .init(name: "server")])
        let list = try folder.revoke(["bad"], list: "revoked.pem")
        let store = try CertificateStore(folder.identity("server"))
        let required = TLSClientAuthentication.required(TLSAuthorities(file: folder.authority, revocations: list))
        let optional = TLSClientAuthentication.optional(TLSAuthorities(file: folder.authority, revocations: list))
        let open = TLSClientAuthentication.required(TLSAuthorities(file: folder.authority))
        let expected: [(TLSClientAuthentication, String?, String)] = [
            (.none, "good", "nobody"), (.none, nil, "nobody"), (optional, nil, "nobody"), (optional, "good", "good"),
            (required, "good", "good"), (open, "bad", "bad"),
            (required, "bad", "the peer's certificate is not accepted: certificate revoked"),
            (optional, "bad", "the peer's certificate is not accepted: certificate revoked"),
            (required, nil, "TLS handshake: peer did not return a certificate"),
        ]
        for (authentication, name, outcome) in expected {
            var configuration = TLSServerConfiguration()
            configuration.clientAuthentication = authentication
            let client = try TLSContext(
                TLSClientConfiguration(
                    trust: .authorities(file: folder.authority), identity: name.map(folder.identity)))
            var pair = try SessionPair(client: client, server: TLSContext(configuration, store), host: "server")
            pair.settle()
            let found =
                if case .failed(let failure) = pair.server.state {
                    failure.description
                } else {
                    pair.server.peer.certificate.map { String($0.subject.dropFirst(3)) } ?? "nobody"
                }
            #expect(found == outcome, "\(authentication) \(name ?? "-")")
        }
        var configuration = TLSServerConfiguration()
        configuration.clientAuthentication = .required(
            TLSAuthorities(file: folder.authority, revocations: folder.authority))
        #expect(throws: TLSFailure.self) { try TLSContext(configuration, store) }
    }
}
