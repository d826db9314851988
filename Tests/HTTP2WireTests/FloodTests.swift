// Owns the tests of peers that only cost: each kind of flood ends, and what it may cost until then is bounded.
import HTTP2Wire
import HTTPWire
import Testing

@Suite("Floods end the connection within the budget")
struct FloodTests {
    struct Flood: Sendable {
        var kind: GlitchKind
        /// What is sent before.
        var before: [UInt8] = []
        /// What one round of the flood sends; identifiers grow with it.
        var round: @Sendable (Int) -> [UInt8]
        /// How many rounds cost nothing.
        var free = 0
        var cost = 1
    }

    static func stream(_ round: Int) -> UInt32 { UInt32(2 * round + 3) }

    static let floods: [Flood] = [
        Flood(kind: .earlyReset, round: { request(stream($0)) + reset(stream($0)) }),
        // The ways to have the server reset.
        Flood(kind: .causedReset, round: { request(stream($0)) + windowUpdate(stream($0), 0) }),
        Flood(kind: .causedReset, round: { request(stream($0)) + windowUpdate(stream($0), 0x7FFF_FFFF) }),
        Flood(kind: .causedReset, round: { request(stream($0), [("X", "y")]) }),
        Flood(
            kind: .causedReset,
            round: { request(stream($0), [("content-length", "1")], endsStream: false) + data(stream($0), [1, 2]) }),
        Flood(kind: .causedReset, round: { request(stream($0)) + data(stream($0), [1]) }),
        Flood(
            kind: .refusedStream, before: (0..<100).flatMap { request(UInt32(2 * $0 + 1)) },
            round: { request(UInt32(2 * $0 + 201)) }),
        Flood(
            kind: .largeHead, round: { request(stream($0), [("x", String(repeating: "y", count: 40_000))]) }, cost: 5),
        Flood(
            kind: .continuation,
            before: bytes("000000 01 00 00000001"), round: { _ in bytes("000000 09 00 00000001") }),
        Flood(
            kind: .continuation,
            before: bytes("000000 01 00 00000001"), round: { _ in bytes("000001 09 00 00000001 82") }, free: 8),
        Flood(
            kind: .emptyData, before: request(1, endsStream: false), round: { _ in bytes("000000 00 00 00000001") }),
        Flood(
            kind: .emptyData, before: request(1, endsStream: false),
            round: { _ in bytes("000003 00 08 00000001 02 0000") }),
        Flood(kind: .ping, round: { ping(UInt64($0)) }),
        Flood(kind: .settings, round: { _ in bytes("000000 04 00 00000000") }),
        Flood(kind: .priority, round: { _ in bytes("000005 02 00 00000001 00000003 10") }, free: 50),
        Flood(
            kind: .priority, round: { _ in bytes("000007 10 00 00000000 00000001 753d31") }, free: 50),
        Flood(kind: .windowUpdate, round: { _ in windowUpdate(0, 1) }, free: 50),
        Flood(kind: .unknownFrame, round: { _ in bytes("000001 fa 00 00000000 00") }),
        Flood(
            kind: .closedStream, before: request(1) + reset(1), round: { _ in windowUpdate(1, 1) }, free: 54),
    ]

    @Test("A flood", arguments: floods.indices)
    func flood(_ index: Int) {
        let flood = Self.floods[index]
        let talk = CoreTalk.greeted()
        talk.receive(flood.before)
        var output: [String] = talk.frames()
        var rounds = 0
        var events: [String] = []
        while talk.connection.failure == nil, rounds < 1000 {
            events += talk.receive(flood.round(rounds))
            rounds += 1
            output += talk.frames()
            #expect(talk.connection.streamCount <= 100)
        }
        #expect(events.last == "failed ENHANCE_YOUR_CALM glitches")
        // Goodbye is said at three quarters, and the connection ends when all is used up.
        #expect(output.contains("goaway 2147483647 NO_ERROR"))
        #expect(output.last?.hasSuffix("ENHANCE_YOUR_CALM") == true)
        #expect(rounds <= flood.free + 201 / flood.cost + 2, "\(flood.kind) took \(rounds)")
        #expect(Int(talk.connection.glitches.count(flood.kind)) * flood.cost >= 190, "\(flood.kind)")
    }

    @Test("A fair peer's glitches are forgotten with time")
    func refill() {
        let talk = CoreTalk.greeted()
        for round in 0..<2000 {
            talk.now += 100_000_000
            #expect(talk.receive(ping(UInt64(round))) == [])
            _ = talk.frames()
        }
        #expect(talk.connection.failure == nil && !talk.connection.isShuttingDown)
        #expect(talk.connection.glitches.count(.ping) == 2000)
    }

    @Test("Nothing is read while too much is owed")
    func owed() {
        var limits = H2Limits()
        limits.glitches = 1_000_000
        let talk = CoreTalk.greeted(limits: limits)
        var events: [String] = []
        for round in 0..<1000 where events.isEmpty { events += talk.receive(ping(UInt64(round))) }
        #expect(events == ["blocked"])
        #expect(talk.connection.owedCount <= limits.owedBytes + 17)
        #expect(talk.frames().count > 100)
        #expect(talk.receive([]) == [])
    }

    @Test("A block over many frames is bounded")
    func block() {
        let talk = CoreTalk.greeted()
        let piece = literals([("x", String(repeating: "y", count: 16_000))])
        var events = talk.receive(headers(1, literals(plainGet), endsStream: true, maximumFrame: 100).dropLast(0) + [])
        events = []
        let frame = written(room: 20_000) {
            $0.append(FrameHeader(length: piece.count, kind: .headers, flags: .endStream, stream: 3))
            $0.append(all: piece.span)
        }
        talk.receive(frame ?? [])
        for _ in 0..<10 where events.isEmpty {
            let more = written(room: 20_000) {
                $0.append(FrameHeader(length: piece.count, kind: .continuation, stream: 3))
                $0.append(all: piece.span)
            }
            events += talk.receive(more ?? [])
        }
        #expect(events == ["failed ENHANCE_YOUR_CALM block_too_large"])
    }

    @Test("A stream whose window drips is reset, one that flows is not")
    func drip() {
        let talk = CoreTalk.greeted(settings: "0004 00000000")
        talk.receive(request(1) + request(3))
        for stream in [UInt32(1), 3] {
            _ = talk.sendHead(stream, "HTTP/1.1 200 OK\r\n\r\n", endsStream: false)
            #expect(talk.sendData(stream, [UInt8](repeating: 1, count: 100_000), endsStream: true).1.count == 0)
        }
        #expect(talk.connection.deadline == 30_000_000_000)
        // A byte a second for one, 600 for the other.
        for second in 1..<30 {
            talk.now = Int64(second) * 1_000_000_000
            talk.receive(windowUpdate(1, 1) + windowUpdate(3, 600))
            #expect(talk.sendData(1, [UInt8](repeating: 1, count: 100), endsStream: true).1.count == 1)
            #expect(talk.sendData(3, [UInt8](repeating: 1, count: 1000), endsStream: true).1.count == 600)
            #expect(talk.connection.tick(now: talk.now) == nil)
        }
        talk.now = 30_000_000_000
        let event = talk.connection.tick(now: talk.now)
        #expect(event == talk.handles[1].map { .reset($0, .cancel, byPeer: false) })
        #expect(talk.connection.tick(now: talk.now) == nil)
        #expect(talk.frames() == ["reset 1 CANCEL"])
        #expect(talk.connection.glitches.count(.stalledStream) == 1)
        #expect(talk.connection.deadline == 60_000_000_000)
    }

    @Test("A connection whose window drips ends")
    func connectionDrip() {
        let talk = CoreTalk.greeted(settings: "0004 7fffffff")
        talk.receive(request(1))
        _ = talk.sendHead(1, "HTTP/1.1 200 OK\r\n\r\n", endsStream: false)
        #expect(
            talk.sendData(1, [UInt8](repeating: 1, count: 65_536), endsStream: true, room: 70_000).1.count == 65_535)
        #expect(talk.connection.tick(now: 29_999_999_999) == nil)
        #expect(
            talk.connection.tick(now: 30_000_000_000)
                == .failed(.enhanceYourCalm, StaticText("stalled_connection")))
    }

    @Test("A connection whose waiting stream is gone is not stalled, nor one whose window opened")
    func notStalled() {
        for opens in [false, true] {
            let talk = CoreTalk.greeted(settings: "0004 7fffffff")
            talk.receive(request(1))
            _ = talk.sendHead(1, "HTTP/1.1 200 OK\r\n\r\n", endsStream: false)
            _ = talk.sendData(1, [UInt8](repeating: 1, count: 65_536), endsStream: true, room: 70_000)
            talk.receive(opens ? windowUpdate(0, 10) : reset(1))
            let event = talk.connection.tick(now: 30_000_000_000)
            #expect(event == nil)
        }
    }

    @Test("A block that was begun has to be whole in time")
    func slowBlock() {
        let talk = CoreTalk.greeted()
        let input = request(1)
        talk.receive(Array(input.dropLast(3)))
        #expect(talk.connection.deadline == 10_000_000_000)
        talk.now = 9_000_000_000
        #expect(talk.receive(Array(input.suffix(3))).count == 1)
        #expect(talk.connection.deadline == nil)
        talk.receive(Array(request(3).dropLast(3)))
        #expect(talk.connection.tick(now: 18_999_999_999) == nil)
        #expect(talk.connection.tick(now: 19_000_000_000) == .failed(.enhanceYourCalm, StaticText("head_timeout")))
    }
}
