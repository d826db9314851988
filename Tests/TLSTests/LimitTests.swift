// Owns the tests of what a peer may make a session do, and of what an idle session holds.
import Proactor
import Testing

@testable import TLS

@Suite("Limits of a session")
struct LimitTests {
    let certificates: Certificates

    init() throws { certificates = try TLSSessionTests.made.get() }

    private func pair() throws -> SessionPair {
        let server = try TLSContext(TLSServerConfiguration(), try CertificateStore(certificates.identity("euw1-a")))
        let client = try TLSContext(TLSClientConfiguration(trust: .authorities(file: certificates.authority)))
        return try SessionPair(client: client, server: server, host: "euw1-a")
    }

    @Test("A hello without end is given up")
    func hello() throws {
        let pair = try pair()
        // RFC 8446 §4: a ClientHello of 131,300 bytes, as large as OpenSSL takes it, in records of 16 KiB.
        var message: [UInt8] = [1, 2, 0, 0xe4] + [UInt8](repeating: 0, count: 131_300)
        while !message.isEmpty {
            let part = message.prefix(16_384)
            message.removeFirst(part.count)
            pair.feed([22, 3, 1, UInt8(part.count >> 8), UInt8(part.count & 255)] + part, to: pair.server)
            pair.server.advance()
        }
        #expect(
            pair.server.state == .failed(TLSFailure(.peer, "TLS handshake: a handshake of too many bytes")))
    }

    @Test("A session that idles can be parked, and goes on")
    func parking() throws {
        var pair = try pair()
        #expect(!pair.server.park(), "in the middle of a handshake")
        pair.settle()
        let text = [UInt8](repeating: 3, count: 20_000)
        for _ in 0..<3 {
            #expect(pair.server.park() && pair.client.park())
            #expect(pair.client.write(text.span) == text.count)
            #expect(pair.settle().server == (text, .nothing))
        }
        _ = pair.client.write([1, 2, 3].span)
        var bytes = SessionPair.take(from: pair.client)
        let rest = bytes.removeLast()
        pair.feed(bytes, to: pair.server)
        #expect(!pair.server.park(), "not read")
        #expect(SessionPair.read(from: pair.server) == ([], .nothing))
        #expect(!pair.server.park(), "a part of a record")
        pair.feed([rest], to: pair.server)
        #expect(SessionPair.read(from: pair.server) == ([1, 2, 3], .nothing))
        #expect(pair.server.park())
    }

    @Test("Every buffer goes back")
    func buffers() throws {
        var pair = try pair()
        pair.settle()
        #expect(pair.loop.slabsLent == 0)
        let text = [UInt8](repeating: 3, count: 65_536)
        #expect(pair.client.write(text.span) == text.count)
        #expect(pair.loop.slabsLent == 1, "four whole records are in one buffer")
        let bytes = SessionPair.take(from: pair.client)
        #expect(pair.loop.slabsLent == 0 && bytes.count == 65_536 + 4 * 22)
        pair.feed(Array(bytes.prefix(40_000)), to: pair.server)
        var room = [UInt8](repeating: 0, count: 100)
        var span = room.mutableSpan
        #expect(pair.server.read(into: &span) == .bytes(100))
        #expect(!pair.server.isDrained && pair.loop.slabsLent == 1)
        _ = pair.server.write([1].span)
        pair.server.discard()
        #expect(pair.loop.slabsLent == 0)
    }
}
