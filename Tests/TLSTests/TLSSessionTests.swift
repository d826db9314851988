// Owns the tests of sessions: two of them through memory.
import TLS
import Testing

@Suite("Sessions over memory buffers")
struct TLSSessionTests {
    static let made = Result {
        try Certificates([
            .init(name: "use1-a"), .init(name: "euw1-a"), .init(name: "old", days: -30 ... -2),
            .init(name: "early", days: 5...30), .init(name: "plain", names: []),
            .init(name: "two", names: ["one.example", "two.example"], addresses: ["127.0.0.1"]),
        ])
    }
    static let others = Result { try Certificates(authority: "Another authority", [.init(name: "euw1-a")]) }
    let certificates: Certificates
    let strangers: Certificates

    init() throws {
        certificates = try Self.made.get()
        strangers = try Self.others.get()
    }

    private func context(_ role: TLSContext.Role, _ name: String?, trusts: Bool = true) throws -> TLSContext {
        try TLSContext(
            role, identity: name.map(certificates.identity),
            trust: trusts ? .authorities(file: certificates.authority) : .none)
    }

    private func pair(_ client: String?, _ server: String, host: String? = nil) throws -> SessionPair {
        try SessionPair(client: context(.client, client), server: context(.server, server), host: host)
    }

    @Test("Both sides prove themselves, and bytes go both ways", arguments: [1, 7, 1_000, .max])
    func mutual(piece: Int) throws {
        var pair = try pair("use1-a", "euw1-a")
        _ = pair.settle(piece: piece)
        #expect(pair.client.state == .open && pair.server.state == .open)
        #expect(pair.client.peerNames == ["euw1-a"] && pair.server.peerNames == ["use1-a"])
        #expect(pair.client.version == "TLSv1.3")
        let text = [UInt8]((0..<(piece == 1 ? 300 : 100_000)).map { UInt8(truncatingIfNeeded: $0 &* 31) })
        #expect(pair.client.write(text.span) == text.count)
        #expect(pair.server.write([1, 2, 3].span) == 3)
        let read = pair.settle(piece: piece)
        #expect(read.server == (text, .nothing))
        #expect(read.client == ([1, 2, 3], .nothing))
    }

    @Test("Nothing is written before the handshake is over")
    func early() throws {
        let pair = try pair("use1-a", "euw1-a")
        #expect(pair.client.write([1].span) == 0)
        #expect(pair.client.outputCount == 0)
        #expect(pair.client.advance() == .handshaking)
        #expect(pair.client.outputCount > 0)
    }

    @Test("A side that ends says so; what it sent before is read first")
    func ending() throws {
        var pair = try pair("use1-a", "euw1-a")
        _ = pair.settle()
        #expect(pair.client.write([9].span) == 1)
        pair.client.shutdown()
        let read = pair.settle()
        #expect(read.server == ([9], .ended))
        #expect(pair.server.state == .ended)
        #expect(pair.server.write([8].span) == 1)
    }

    @Test(
        "Names: DNS names, and the common name only where there are none",
        arguments: [("two", ["one.example", "two.example"]), ("plain", ["plain"])])
    func names(_ name: String, _ expected: [String]) throws {
        var pair = try pair("use1-a", name)
        _ = pair.settle()
        #expect(pair.client.peerNames == expected)
    }

    @Test(
        "A host is verified by the client that names one",
        arguments: [
            ("two", "one.example", true), ("two", "127.0.0.1", true), ("two", "three.example", false),
            ("two", "127.0.0.2", false), ("two", "two", false), ("euw1-a", "euw1-a", true),
        ])
    func host(_ name: String, _ host: String, _ isRight: Bool) throws {
        var pair = try pair("use1-a", name, host: host)
        _ = pair.settle()
        if isRight {
            #expect(pair.client.state == .open)
        } else {
            guard case .failed(let failure) = pair.client.state else {

                Issue.record("\(pair.client.state)")
                return

            }
            #expect(failure.kind == .certificate)
            #expect(failure.description.contains("mismatch"))
        }
    }

    @Test(
        "A server's certificate that is not good today is refused, and both sides know why",
        arguments: [
            ("old", "certificate has expired", "expired"), ("early", "certificate is not yet valid", "bad certificate"),
        ])
    func time(_ name: String, _ reason: String, _ alert: String) throws {
        var pair = try pair("use1-a", name)
        _ = pair.settle()
        #expect(
            pair.client.state
                == .failed(TLSFailure(.certificate, "the peer's certificate is not accepted: \(reason)")))
        guard case .failed(let failure) = pair.server.state else {
            Issue.record("\(pair.server.state)")
            return
        }
        #expect(failure.kind == .peer)
        #expect(failure.description.contains(alert), "\(failure)")
    }

    @Test("A certificate of another authority is refused by either side")
    func authority() throws {
        let server = try TLSContext(
            .server, identity: strangers.identity("euw1-a"), trust: .authorities(file: certificates.authority))
        var first = try SessionPair(client: context(.client, "use1-a"), server: server)
        _ = first.settle()
        guard case .failed(let refusal) = first.client.state else {
            Issue.record("no failure")
            return
        }
        #expect(refusal.kind == .certificate)

        let client = try TLSContext(
            .client, identity: strangers.identity("euw1-a"), trust: .authorities(file: certificates.authority))
        var second = try SessionPair(client: client, server: context(.server, "use1-a"))
        let read = second.settle()
        guard case .failed(let other) = second.server.state else {
            Issue.record("no failure")
            return
        }
        #expect(other.kind == .certificate)
        // In TLS 1.3 the client is done before the server has looked at its certificate; it hears of it when it reads.
        guard case .failed(let alert) = read.client.1 else {
            Issue.record("\(read.client.1)")
            return
        }
        #expect(alert.kind == .peer && alert.description.contains("unknown ca"), "\(alert)")
    }

    @Test("A client without a certificate is refused where one is asked for, and accepted where none is")
    func anonymous() throws {
        var refused = try pair(nil, "euw1-a")
        _ = refused.settle()
        guard case .failed = refused.server.state else {
            Issue.record("\(refused.server.state)")
            return
        }
        var accepted = try SessionPair(client: context(.client, nil), server: context(.server, "euw1-a", trusts: false))
        _ = accepted.settle()
        #expect(accepted.server.state == .open && accepted.server.peerNames == [])
    }

    @Test("Rubbish is a failure of the peer, at the beginning and later", arguments: [false, true])
    func rubbish(later: Bool) throws {
        var pair = try pair("use1-a", "euw1-a")
        if later { _ = pair.settle() }
        pair.feed([UInt8](repeating: 0x47, count: 400), to: pair.server)
        let read = SessionPair.read(from: pair.server)
        guard case .failed(let failure) = read.last else {
            Issue.record("\(read.last)")
            return
        }
        #expect(failure.kind == .peer)
        #expect(pair.server.state == .failed(failure))
        #expect(SessionPair.read(from: pair.server).last == .failed(failure), "it stays failed")
        #expect(pair.server.write([1].span) == 0)
    }

    @Test("A changed byte of ciphertext is found")
    func tampering() throws {
        var pair = try pair("use1-a", "euw1-a")
        _ = pair.settle()
        _ = pair.client.write([UInt8](repeating: 5, count: 100).span)
        var bytes = SessionPair.take(from: pair.client)
        bytes[bytes.count - 3] ^= 1
        pair.feed(bytes, to: pair.server)
        guard case .failed(let failure) = SessionPair.read(from: pair.server).last else {
            Issue.record("no failure")
            return
        }
        #expect(failure.kind == .peer)
    }
}
