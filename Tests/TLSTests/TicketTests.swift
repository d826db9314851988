// Owns the tests of tickets: their keys as values, and who takes whose.
import Testing

@testable import TLS

@Suite("Tickets and their keys")
struct TicketTests {
    static let made = Result { try Certificates([.init(name: "server"), .init(name: "client")]) }
    static let others = Result { try Certificates(authority: "Another authority", [.init(name: "client")]) }
    let certificates: Certificates
    let store: CertificateStore

    init() throws {
        certificates = try Self.made.get()
        store = try CertificateStore(certificates.identity("server"))
    }

    private func key(_ byte: UInt8) throws -> TicketKey {
        try #require(TicketKey(bytes: [UInt8](repeating: byte, count: TicketKey.size)))
    }

    private func keys(_ bytes: UInt8...) throws -> TicketKeys {
        TicketKeys(previous: try key(bytes[0]), current: try key(bytes[1]), next: try key(bytes[2]))
    }

    @Test("The written form is read again, and nothing else is")
    func written() throws {
        let keys = try keys(1, 2, 3)
        #expect(keys.bytes.count == 241 && TicketKeys(bytes: keys.bytes) == keys)
        #expect(Array(keys.bytes.prefix(2)) == [1, 1] && keys.bytes[81] == 2 && keys.bytes.last == 3)
        let wrong = [[], Array(keys.bytes.dropLast()), keys.bytes + [0], [2] + keys.bytes.dropFirst()]
        for bytes in wrong { #expect(TicketKeys(bytes: bytes) == nil) }
        #expect(TicketKey(bytes: [1, 2, 3]) == nil)
        #expect(try TicketKey.random() != TicketKey.random())
        #expect("\(try key(0xab))" == "ticket key abababab")
        #expect(!String(reflecting: try TicketKeys.random()).contains("["), "no log has a secret")
    }

    @Test("In a rotation each takes the place of the one before it")
    func rotation() throws {
        let rotated = try keys(1, 2, 3).rotated(key(4))
        #expect(rotated == (try keys(2, 3, 4)))
        func found(_ byte: UInt8) throws -> Bool? { rotated.key(named: try key(byte).name)?.isStale }
        #expect(try [1, 2, 3, 4].map { try found($0) } == [nil, true, false, false])
    }

    private func server(_ ring: TicketKeyRing?, _ authentication: TLSClientAuthentication = .none) throws -> TLSContext
    {
        var configuration = TLSServerConfiguration()
        configuration.clientAuthentication = authentication
        return try TLSContext(configuration, store, tickets: ring)
    }

    private func client(_ version: TLSVersion = .tls13) throws -> TLSContext {
        var configuration = TLSClientConfiguration(
            trust: .authorities(file: certificates.authority), identity: certificates.identity("client"))
        configuration.versions = version...version
        return try TLSContext(configuration)
    }

    /// Connects once; whether that was resumed, as both sides say.
    private func connects(
        _ client: TLSContext, _ server: TLSContext, _ cache: TLSSessionCache, endpoint: String = "a:443",
        host: String? = "server"
    ) throws -> Bool {
        var pair = try SessionPair(client: client, server: server, host: host, resumption: (cache, endpoint))
        pair.settle()
        #expect(pair.client.state == .open && pair.server.state == .open)
        #expect(pair.client.peer.isResumed == pair.server.peer.isResumed)
        #expect(pair.server.write([1].span) == 1)
        #expect(pair.settle().client.0 == [1])
        return pair.server.peer.isResumed
    }

    @Test("A second connection is resumed, by any context with these keys", arguments: TLSVersion.allCases)
    func resumption(_ version: TLSVersion) throws {
        let ring = TicketKeyRing(try .random())
        let (client, cache) = (try client(version), TLSSessionCache())
        #expect(try !connects(client, server(ring), cache) && cache.count == 1)
        #expect(try connects(client, server(ring), cache))
        #expect(try connects(client, server(TicketKeyRing(ring.keys)), cache), "another process with the same keys")
        #expect(try !connects(client, server(TicketKeyRing(.random())), cache))
        #expect(try !connects(client, server(ring), TLSSessionCache()))
        #expect(try !connects(self.client(version), server(ring), cache), "what other settings have verified")
        #expect(try !connects(client, server(ring), cache, endpoint: "b:443"))
        #expect(try !connects(client, server(ring), cache, host: nil))
        #expect(try !connects(client, server(nil), cache))
    }

    @Test("A ticket outlives the rotation after the one that it was made before", arguments: TLSVersion.allCases)
    func rotations(_ version: TLSVersion) throws {
        let ring = TicketKeyRing(try .random())
        let server = try server(ring)
        for (rotations, isResumed) in [(0, true), (1, true), (2, false), (3, false)] {
            let (client, cache) = (try client(version), TLSSessionCache())
            #expect(try !connects(client, server, cache))
            for _ in 0..<rotations { ring.keys = ring.keys.rotated(try .random()) }
            #expect(try connects(client, server, cache) == isResumed, "\(rotations) rotations")
            // Whoever was resumed by an old key has a ticket of the new one.
            ring.keys = ring.keys.rotated(try .random())
            #expect(try connects(client, server, cache))
        }
    }

    @Test("A server that hears of a rotation first is understood by the others")
    func early() throws {
        let late = TicketKeyRing(try .random())
        let early = TicketKeyRing(late.keys.rotated(try .random()))
        let (client, cache) = (try client(), TLSSessionCache())
        #expect(try !connects(client, server(early), cache))
        #expect(try connects(client, server(late), cache))
        #expect(try connects(client, server(early), cache))
    }

    @Test("What was asked of the client is asked again where another thing is asked", arguments: TLSVersion.allCases)
    func zones(_ version: TLSVersion) throws {
        let ring = TicketKeyRing(try .random())
        let own = TLSAuthorities(file: certificates.authority)
        let list = try certificates.revoke([], list: "list-\(version).pem")
        let zones: [TLSClientAuthentication] = [
            .none, .optional(own), .required(own),
            .required(TLSAuthorities(file: certificates.authority, revocations: list)),
        ]
        for given in zones {
            for shown in zones {
                let (client, cache) = (try client(version), TLSSessionCache())
                #expect(try !connects(client, server(ring, given), cache))
                #expect(try connects(client, server(ring, shown), cache) == (given == shown), "\(given) \(shown)")
            }
        }
    }

    @Test("Whoever is resumed is still who it was")
    func peers() throws {
        let ring = TicketKeyRing(try .random())
        let server = try server(ring, .required(TLSAuthorities(file: certificates.authority)))
        let (client, cache) = (try client(), TLSSessionCache())
        var peers: [TLSPeer] = []
        for _ in 0..<2 {
            var pair = try SessionPair(client: client, server: server, host: "server", resumption: (cache, "a"))
            pair.settle()
            peers.append(pair.server.peer)
        }
        #expect(peers.map(\.isResumed) == [false, true])
        #expect(peers[0].certificate?.subject == "CN=client" && peers[0].certificate == peers[1].certificate)
        #expect(peers[1].serverName == "server")
    }

    @Test("A cache keeps so many, the newest")
    func bounds() throws {
        let server = try server(TicketKeyRing(.random()))
        let (client, cache) = (try client(), TLSSessionCache(limit: 3))
        for name in ["a", "b", "c", "a", "d"] { _ = try connects(client, server, cache, endpoint: name) }
        #expect(cache.count == 3)
        let found = try ["d", "c", "a", "b"].map { try connects(client, server, cache, endpoint: $0) }
        #expect(found == [true, true, true, false])
        for _ in 0..<50 { _ = try connects(client, server, cache, endpoint: "a") }
        #expect(cache.count == 3)
    }
}
