// Owns the tests of what TLS adds to a stream: the handshake, two kinds of end, and failures with words.
import Proactor
import TLS
import Testing
import Topology

@testable import Transport

@Suite("A stream under TLS", .serialized)
struct TLSLayerTests {
    @Test("It is connected once the handshake is over, and not before", arguments: Way.secure)
    func handshake(_ way: Way) throws {
        let bench = try Bench(way)
        let client = try bench.connect()
        #expect(!client.stream.isConnected && client.stream.isSecure)
        client.stream.send(bench.buffer([1]))
        client.stream.receiveContinuously()
        var wasConnected = false
        client.record.onConnected = {
            wasConnected = client.stream.isConnected
            client.stream.send(bench.buffer([2]))
        }
        #expect(bench.turn { client.record.sent == [1] })
        #expect(wasConnected && client.record.connections == 1)
        let server = try #require(bench.accepted.first)
        #expect(bench.turn { server.stream.isConnected })
        #expect(server.record.connections == 1)
        // It came with the handshake's end, before anybody had asked.
        server.stream.receiveOnce()
        #expect(bench.turn { server.record.bytes == [2] })
        #expect(client.stream.peerNames == ["use1-a"] && server.stream.peerNames == [])
        #expect(client.stream.tlsVersion == "TLSv1.3")
        #expect(client.stream.negotiatedProtocol == nil && client.stream.tlsFailure == nil)
        bench.finish()
    }

    @Test("Who waits until nothing is unsent is told of the session's own words, too", arguments: Way.secure)
    func ownWords(_ way: Way) throws {
        let bench = try Bench(way)
        let client = try bench.connect()
        var unsent = 0
        client.record.onConnected = {
            // The end of its handshake.
            unsent = client.stream.unsent
            client.stream.awaitSent()
        }
        #expect(bench.turn { client.record.sent == [0] })
        #expect(unsent > 0 && client.stream.unsent == 0)
        bench.finish()
    }

    @Test("What came of a handshake while the stream was plain is a part of it", arguments: Way.secure)
    func early(_ way: Way) throws {
        let bench = try Bench(way)
        bench.securesLate = true
        let client = try bench.connect()
        #expect(bench.turn { client.stream.isConnected && bench.accepted.first?.stream.isConnected ?? false })
        let server = try #require(bench.accepted.first)
        #expect(server.record.connections == 1 && server.stream.isSecure)
        server.stream.receiveContinuously()
        client.stream.receiveContinuously()
        client.stream.send(bench.buffer([1, 2, 3]))
        server.stream.send(bench.buffer([4, 5]))
        #expect(bench.turn { server.record.bytes == [1, 2, 3] && client.record.bytes == [4, 5] })
        bench.finish()
    }

    @Test("Early bytes that are no handshake fail it", arguments: Way.secure)
    func earlyRubbish(_ way: Way) throws {
        let bench = try Bench(way)
        bench.securesLate = true
        let record = Recorder()
        let plain = ByteStream(try bench.loop.connect(to: bench.address, handler: record))
        #expect(bench.turn { record.connections == 1 })
        plain.send(bench.buffer(Array("GET / HTTP/1.1\r\n\r\n".utf8)))
        #expect(bench.turn { bench.accepted.first?.record.failures == [.insecure] })
        // As a handler does, and then nothing is left of what came.
        bench.accepted.first?.stream.close()
        bench.finish()
    }

    @Test("An end without that of TLS is a cut", arguments: Way.secure, [false, true])
    func truncation(_ way: Way, _ isPaused: Bool) throws {
        let bench = try Bench(way)
        let (client, server) = try bench.pair()
        if !isPaused { server.stream.receiveContinuously() }
        client.stream.send(bench.buffer([1, 2, 3]))
        #expect(bench.turn { client.stream.unsent == 0 })
        // The socket itself, past the layer.
        client.stream.stream.close()
        bench.turn(for: .milliseconds(5))
        if isPaused {
            #expect(server.record.calls == 1)
            server.stream.receiveContinuously()
        }
        #expect(bench.turn { !server.record.failures.isEmpty })
        #expect(server.record.bytes == [1, 2, 3])
        #expect(server.record.failures == [.truncated] && server.record.ends == 0)
        bench.finish()
    }

    @Test("A closed stream says that it ends", arguments: Way.secure, [0, 3, 50_000])
    func closing(_ way: Way, _ count: Int) throws {
        let bench = try Bench(way)
        let (client, server) = try bench.pair()
        server.stream.receiveContinuously()
        if count > 0 {
            client.stream.send(bench.buffer(pattern(count)))
            #expect(bench.turn { client.stream.unsent == 0 })
        }
        client.stream.close()
        #expect(bench.turn { server.record.ends == 1 })
        #expect(same(server.record.bytes, pattern(count)) && server.record.failures.isEmpty)
        bench.finish()
    }

    @Test("A stream that is closed with bytes unsent does not call them whole", arguments: Way.secure)
    func closingEarly(_ way: Way) throws {
        let bench = try Bench(way)
        let (client, server) = try bench.pair()
        let piece = pattern(65_536)
        for _ in 0..<160 { client.stream.send(bench.buffer(piece)) }
        bench.turn(for: .milliseconds(5))
        #expect(client.stream.unsent > 0)
        client.stream.close()
        server.stream.receiveContinuously()
        #expect(bench.turn { !server.record.failures.isEmpty })
        #expect(server.record.ends == 0)
        bench.finish()
    }

    @Test("A certificate for another name is refused, on both sides", arguments: Way.secure)
    func otherName(_ way: Way) throws {
        let bench = try Bench(way)
        let client = try bench.connect(host: "euw1-a")
        // Most handlers close at once; the peer is to hear why all the same.
        client.record.onFailed = { client.stream.close() }
        #expect(bench.turn { !client.record.failures.isEmpty })
        #expect(client.record.failures == [.insecure])
        #expect(client.stream.tlsFailure?.kind == .certificate)
        let server = try #require(bench.accepted.first)
        #expect(bench.turn { !server.record.failures.isEmpty })
        #expect(server.record.failures == [.insecure])
        #expect(server.stream.tlsFailure?.description.contains("certificate") == true)
        #expect(client.record.connections == 0 && server.record.connections == 0)
        bench.finish()
    }

    @Test("Who speaks broken TLS is told so by an alert", arguments: Way.secure)
    func garbage(_ way: Way) throws {
        let bench = try Bench(way)
        let record = Recorder()
        let plain = try ByteStream.connect(to: bench.address, on: bench.loop, handler: record)
        record.onConnected = {
            plain.receiveContinuously()
            // The beginning of a handshake with a message that is none.
            plain.send(bench.buffer([22, 3, 1, 0, 5, 1, 0, 0, 1, 0]))
        }
        #expect(bench.turn { !record.bytes.isEmpty })
        let server = try #require(bench.accepted.first)
        #expect(server.record.failures == [.insecure])
        #expect(server.stream.tlsFailure?.kind == .peer)
        // RFC 8446 §6: a record of type 21.
        #expect(record.bytes.first == 21)
        // What still comes is dropped, and only the end is told.
        server.stream.receiveContinuously()
        plain.send(bench.buffer(pattern(100_000)))
        #expect(bench.turn { record.sent.count == 2 })
        plain.shutdownWrite()
        #expect(bench.turn { server.record.ends == 1 })
        #expect(server.record.bytes.isEmpty && server.record.failures.count == 1)
        bench.finish()
    }

    @Test("Bytes that were changed on the way end it", arguments: Way.secure)
    func forged(_ way: Way) throws {
        let bench = try Bench(way)
        let (client, server) = try bench.pair()
        server.stream.receiveContinuously()
        // As a record of application data, past the layer.
        client.stream.stream.sendBelow(bench.buffer([23, 3, 3, 0, 20] + pattern(20)))
        #expect(bench.turn { !server.record.failures.isEmpty })
        #expect(server.record.failures == [.insecure] && server.record.bytes.isEmpty)
        bench.finish()
    }

    @Test("A session that idles is parked after a second, and goes on", arguments: Way.secure)
    func parking(_ way: Way) throws {
        let bench = try Bench(way)
        let (client, server) = try bench.pair()
        server.stream.receiveContinuously()
        for round in 1...2 {
            client.stream.send(bench.buffer(pattern(100)))
            #expect(bench.turn { server.record.bytes.count == round * 100 })
            #expect(!client.stream.isParked && !server.stream.isParked)
            #expect(bench.turn { client.stream.isParked && server.stream.isParked })
        }
        client.stream.close()
        #expect(bench.turn { server.record.ends == 1 })
        bench.finish()
    }

    @Test("What is known of the peer comes with the handshake's end", arguments: Way.secure)
    func peer(_ way: Way) throws {
        let bench = try Bench(way)
        let client = try bench.connect()
        #expect(client.stream.tlsPeer == nil)
        #expect(bench.turn { client.stream.isConnected && bench.accepted.first?.stream.isConnected == true })
        let peers = [client.stream.tlsPeer, bench.accepted[0].stream.tlsPeer]
        #expect(peers.map { $0?.serverName } == ["use1-a", "use1-a"])
        #expect(peers.map { $0?.version } == ["TLSv1.3", "TLSv1.3"])
        #expect(peers.map { $0?.certificate?.subject } == ["CN=use1-a", nil])
        bench.finish()
    }

    @Test("Nothing goes past the layer")
    func past() async {
        // A mistake of the program: noticed where assertions are, and nothing goes out where they are not.
        await #expect(processExitsWith: .failure) {
            let bench = try Bench(Way(io: .epoll, isSecure: true))
            let (client, server) = try bench.pair()
            server.stream.receiveContinuously()
            client.stream.stream.send(bench.buffer([1, 2, 3]))
            bench.turn(for: .milliseconds(20))
            if server.record.calls == 1, client.stream.unsent == 0 { throw Dropped() }
        }
    }

    private struct Dropped: Error {}
}

@Suite("Which ciphertext carries which buffer")
struct SendMarksTests {
    @Test("A buffer is told with the last of its parts")
    func parts() {
        var marks = SendMarks()
        #expect(marks.noteSent() == nil)
        marks.append(plaintext: 0, buffers: 1)
        marks.append(plaintext: 70_000, buffers: 2)
        marks.append(plaintext: 5, buffers: 1)
        #expect((0..<5).map { _ in marks.noteSent() } == [nil, nil, 70_000, 5, nil])
    }

    @Test("Many of them keep their order")
    func many() {
        var marks = SendMarks()
        var told: [Int] = []
        for round in 1...500 {
            marks.append(plaintext: 2 * round - 1, buffers: 1)
            marks.append(plaintext: 2 * round, buffers: 1)
            if let count = marks.noteSent() { told.append(count) }
        }
        while let count = marks.noteSent() { told.append(count) }
        #expect(told == Array(1...1_000))
    }
}
