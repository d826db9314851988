// Owns the tests of a server's streams: which frames each state takes (RFC 9113 section 5.1), windows, settings, goodbyes.
import HTTP2Wire
import HTTPWire
import Testing

@Suite("A server's streams and windows")
struct StreamStateTests {
    static let get = "GET / HTTP/1.1|host: a.example||"
    static let post = "GET / HTTP/1.1|host: a.example|transfer-encoding: chunked||"
    static let sized = "GET / HTTP/1.1|host: a.example|content-length: 4||"

    struct Exchange: Sendable {
        var name: String
        var input: [[UInt8]]
        var events: [String]
        var frames: [String] = []
    }

    static let length = [("content-length", "4")]

    static let exchanges: [Exchange] = [
        // Idle.
        Exchange(
            name: "DATA on idle", input: [data(1, [1])], events: ["failed PROTOCOL_ERROR data_of_idle"],
            frames: ["goaway 0 PROTOCOL_ERROR"]),
        Exchange(
            name: "RST_STREAM on idle", input: [reset(1)], events: ["failed PROTOCOL_ERROR reset_of_idle"],
            frames: ["goaway 0 PROTOCOL_ERROR"]),
        Exchange(
            name: "WINDOW_UPDATE on idle", input: [windowUpdate(1, 1)],
            events: ["failed PROTOCOL_ERROR window_of_idle"], frames: ["goaway 0 PROTOCOL_ERROR"]),
        Exchange(name: "PRIORITY on idle", input: [bytes("000005 02 00 00000007 00000000 10")], events: []),
        // Identifiers.
        Exchange(
            name: "even", input: [request(2)], events: ["failed PROTOCOL_ERROR headers"],
            frames: ["goaway 0 PROTOCOL_ERROR"]),
        Exchange(
            name: "going back", input: [request(5), request(3)],
            events: ["request 5 end \(get)", "failed PROTOCOL_ERROR headers"], frames: ["goaway 5 PROTOCOL_ERROR"]),
        // Half closed by the peer.
        Exchange(
            name: "DATA after the end", input: [request(1), data(1, [1])],
            events: ["request 1 end \(get)", "reset 1 STREAM_CLOSED"], frames: ["reset 1 STREAM_CLOSED"]),
        Exchange(
            name: "HEADERS after the end", input: [request(1), request(1)],
            events: ["request 1 end \(get)", "reset 1 STREAM_CLOSED"], frames: ["reset 1 STREAM_CLOSED"]),
        Exchange(
            name: "what may come after the end",
            input: [request(1), windowUpdate(1, 5), bytes("000005 02 00 00000001 00000000 10"), reset(1)],
            events: ["request 1 end \(get)", "reset 1 CANCEL by peer"]),
        // Closed by the peer's reset.
        Exchange(
            name: "DATA after its reset", input: [request(1, endsStream: false), reset(1), data(1, [1]), data(1, [1])],
            events: ["request 1 \(post)", "reset 1 CANCEL by peer"], frames: ["reset 1 STREAM_CLOSED"]),
        Exchange(
            name: "HEADERS after its reset", input: [request(1), reset(1), request(1)],
            events: ["request 1 end \(get)", "reset 1 CANCEL by peer"], frames: ["reset 1 STREAM_CLOSED"]),
        Exchange(
            name: "updates after its reset", input: [request(1), reset(1), windowUpdate(1, 1), reset(1)],
            events: ["request 1 end \(get)", "reset 1 CANCEL by peer"]),
        // Trailers.
        Exchange(
            name: "trailers that end nothing",
            input: [request(1, endsStream: false), headers(1, literals([("x", "y")]), endsStream: false)],
            events: ["request 1 \(post)", "reset 1 PROTOCOL_ERROR"], frames: ["reset 1 PROTOCOL_ERROR"]),
        Exchange(
            name: "data and trailers",
            input: [
                request(1, endsStream: false), data(1, [0x61, 0x62]),
                headers(1, literals([("x", "y")]), endsStream: true),
            ], events: ["request 1 \(post)", "data 1 6162", "trailers 1 x: y|"]),
        // Lengths.
        Exchange(
            name: "as long as said",
            input: [request(1, length, endsStream: false), data(1, [1, 2]), data(1, [3, 4], endsStream: true)],
            events: ["request 1 \(sized)", "data 1 01020304 end"]),
        Exchange(
            name: "longer than said",
            input: [request(1, length, endsStream: false), data(1, [1, 2, 3, 4]), data(1, [5])],
            events: ["request 1 \(sized)", "data 1 01020304", "reset 1 PROTOCOL_ERROR"],
            frames: ["reset 1 PROTOCOL_ERROR"]),
        Exchange(
            name: "shorter than said", input: [request(1, length, endsStream: false), data(1, [1], endsStream: true)],
            events: ["request 1 \(sized)", "reset 1 PROTOCOL_ERROR"], frames: ["reset 1 PROTOCOL_ERROR"]),
        Exchange(
            name: "shorter with trailers",
            input: [
                request(1, length, endsStream: false), data(1, [1]),
                headers(1, literals([("x", "y")]), endsStream: true),
            ], events: ["request 1 \(sized)", "data 1 01", "reset 1 PROTOCOL_ERROR"],
            frames: ["reset 1 PROTOCOL_ERROR"]),
        // Windows.
        Exchange(
            name: "an increment of zero on a stream", input: [request(1), windowUpdate(1, 0)],
            events: ["request 1 end \(get)", "reset 1 PROTOCOL_ERROR"], frames: ["reset 1 PROTOCOL_ERROR"]),
        Exchange(
            name: "an increment of zero", input: [windowUpdate(0, 0)],
            events: ["failed PROTOCOL_ERROR window_update_of_zero"], frames: ["goaway 0 PROTOCOL_ERROR"]),
        Exchange(
            name: "a stream's window too large", input: [request(1), windowUpdate(1, 0x7FFF_FFFF)],
            events: ["request 1 end \(get)", "reset 1 FLOW_CONTROL_ERROR"], frames: ["reset 1 FLOW_CONTROL_ERROR"]),
        Exchange(
            name: "the window too large", input: [windowUpdate(0, 0x7FFF_FFFF)],
            events: ["failed FLOW_CONTROL_ERROR window_overflow"], frames: ["goaway 0 FLOW_CONTROL_ERROR"]),
        Exchange(
            name: "a setting that makes a window too large",
            input: [
                request(1), windowUpdate(1, 0x7FFF_FFFF - 65_535), bytes("000006 04 00 00000000 0004 00010000"),
            ],
            events: ["request 1 end \(get)", "failed FLOW_CONTROL_ERROR settings_window"],
            frames: ["goaway 1 FLOW_CONTROL_ERROR"]),
        // The rest.
        Exchange(
            name: "PING", input: [ping(7)], events: [], frames: ["ping acknowledged 7"]),
        Exchange(
            name: "a compression that is none",
            input: [headers(1, [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF], endsStream: true)],
            events: ["failed COMPRESSION_ERROR hpack"], frames: ["goaway 1 COMPRESSION_ERROR"]),
        Exchange(
            name: "a frame that is too long", input: [bytes("004001 00 00 00000001")],
            events: ["failed FRAME_SIZE_ERROR frame"], frames: ["goaway 0 FRAME_SIZE_ERROR"]),
        Exchange(
            name: "a goodbye", input: [bytes("000008 07 00 00000000 00000000 00000000")], events: ["goaway 0 NO_ERROR"]),
        Exchange(
            name: "what nobody knows", input: [bytes("000003 fa 00 00000001 616263"), request(1)],
            events: ["request 1 end \(get)"]),
    ]

    @Test("An exchange, in any portions", arguments: exchanges.indices)
    func exchange(_ index: Int) {
        let example = Self.exchanges[index]
        for size in [1, 7, 65_536] {
            let talk = CoreTalk.greeted()
            let events = talk.receive(example.input.flatMap { $0 }, portions: size)
            #expect(joined(events) == example.events, "\(example.name) in portions of \(size)")
            #expect(talk.frames() == example.frames, "\(example.name) in portions of \(size)")
        }
    }

    /// Pieces of one body put together: how they are cut depends on the portions.
    private func joined(_ events: [String]) -> [String] {
        var output: [String] = []
        for event in events {
            if event.hasPrefix("data "), let last = output.last, last.hasPrefix("data "), !last.hasSuffix("end"),
                event.split(separator: " ")[1] == last.split(separator: " ")[1]
            {
                output[output.count - 1] =
                    last + event.split(separator: " ", maxSplits: 2, omittingEmptySubsequences: false)[2]
            } else {
                output.append(event)
            }
        }
        return output.map { $0.hasSuffix(" ") && $0.hasPrefix("data") ? String($0.dropLast()) : $0 }
    }

    @Test("The preface and SETTINGS come first")
    func preface() {
        let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)
        let wrong = CoreTalk()
        #expect(
            wrong.frames() == [
                "setting 3=100", "setting 8=1", "setting 6=32768", "setting 9=1", "settings", "window 0 983041",
            ])
        #expect(wrong.receive(Array("GET / HTTP/1.1\r\n\r\n".utf8)) == ["failed PROTOCOL_ERROR preface"])
        let early = CoreTalk()
        #expect(early.receive(preface + ping(1)) == ["failed PROTOCOL_ERROR no_settings"])
        let acknowledged = CoreTalk()
        #expect(acknowledged.receive(preface + bytes("000000 0401 00000000")) == ["failed PROTOCOL_ERROR no_settings"])
        let right = CoreTalk()
        #expect(right.receive(preface + bytes("000000 0400 00000000"), portions: 1) == [])
        #expect(right.frames().last == "settings acknowledged")
    }

    @Test("SETTINGS have to be acknowledged in time")
    func settingsTimeout() {
        let talk = CoreTalk()
        #expect(talk.connection.deadline == 10_000_000_000)
        #expect(talk.connection.tick(now: 9_999_999_999) == nil)
        #expect(
            talk.connection.tick(now: 10_000_000_000)
                == .failed(.settingsTimeout, StaticText("settings_timeout")))
        #expect(CoreTalk.greeted().connection.deadline == nil)
    }

    @Test("A response is sent within the windows, and goes on as they open")
    func sending() {
        let talk = CoreTalk.greeted(settings: "0004 00000005")
        talk.receive(request(1))
        let (head, outcome) = talk.sendHead(
            1, "HTTP/1.1 200 OK\r\nContent-Length: 8\r\nConnection: close\r\nX-A: b\r\n\r\n", endsStream: false)
        #expect(outcome == .sent)
        #expect(readFrames(head, portions: 100).first == "headers 1 whole")
        let body = Array("abcdefgh".utf8)
        let (first, sent) = talk.sendData(1, body, endsStream: true)
        #expect(sent == SentData(count: 5, isEnded: false))
        #expect(readFrames(first, portions: 100) == ["data 1 5", "bytes 6162636465"])
        #expect(talk.sendData(1, [1], endsStream: false).1 == SentData(count: 0, isEnded: false))
        #expect(talk.receive(windowUpdate(1, 2)) == ["writable 1"])
        #expect(talk.receive(windowUpdate(1, 2)) == [])
        let (second, rest) = talk.sendData(1, Array(body[5...]), endsStream: true)
        #expect(rest == SentData(count: 3, isEnded: true))
        #expect(readFrames(second, portions: 100) == ["data 1 3 end", "bytes 666768"])
        #expect(talk.connection.streamCount == 0)
        #expect(talk.sendData(1, [1], endsStream: true).1 == SentData(count: 0, isEnded: false))
        #expect(talk.sendHead(1, "HTTP/1.1 200 OK\r\n\r\n", endsStream: true).1 == .closed)
    }

    @Test("A change of the initial window acts on open streams, below zero too")
    func initialWindow() {
        let talk = CoreTalk.greeted(settings: "0004 0000000a")
        talk.receive(request(1))
        _ = talk.sendHead(1, "HTTP/1.1 200 OK\r\n\r\n", endsStream: false)
        #expect(talk.sendData(1, [UInt8](repeating: 1, count: 20), endsStream: true).1.count == 10)
        // 10 were sent of a window that is 4 now: it owes 6.
        #expect(talk.receive(bytes("000006 0400 00000000 0004 00000004")) == [])
        #expect(talk.receive(windowUpdate(1, 6)) == [])
        #expect(talk.sendData(1, [1, 2], endsStream: false).1.count == 0)
        #expect(talk.receive(bytes("000006 0400 00000000 0004 00000005")) == ["writable all"])
        #expect(talk.sendData(1, [1, 2], endsStream: false).1.count == 1)
    }

    @Test("A writer that is too small gets nothing, and loses nothing")
    func room() {
        let talk = CoreTalk.greeted()
        talk.receive(request(1) + ping(9))
        guard let handle = talk.handles[1] else { return }
        let text = Array("HTTP/1.1 200 OK\r\nX-A: b\r\n\r\n".utf8)
        var needed = 0
        let none = written(room: 20) {
            let outcome = talk.connection.sendHead(handle, text.span, endsStream: true, &talk.scratch, into: &$0)
            if case .needsRoom(let count) = outcome { needed = count }
        }
        #expect(none == [] && needed > 20)
        let all = written(room: needed) {
            let outcome = talk.connection.sendHead(handle, text.span, endsStream: true, &talk.scratch, into: &$0)
            #expect(outcome == .sent)
        }
        // What was owed goes first.
        #expect(readFrames(all ?? [], portions: 100).prefix(2) == ["ping acknowledged 9", "headers 1 end whole"])
    }

    @Test("Data is cut to the room, with its header")
    func dataRoom() {
        let talk = CoreTalk.greeted()
        talk.receive(request(1))
        _ = talk.sendHead(1, "HTTP/1.1 200 OK\r\n\r\n", endsStream: false)
        let (frames, sent) = talk.sendData(1, [1, 2, 3], endsStream: true, room: 11)
        #expect(sent == SentData(count: 2, isEnded: false))
        #expect(readFrames(frames, portions: 100) == ["data 1 2", "bytes 0102"])
        #expect(talk.sendData(1, [3], endsStream: true, room: 9).1 == SentData(count: 0, isEnded: false))
        #expect(talk.sendData(1, [], endsStream: true, room: 8).1 == SentData(count: 0, isEnded: false))
        #expect(talk.sendData(1, [], endsStream: true, room: 9).1 == SentData(count: 0, isEnded: true))
    }

    @Test("Credit comes back for the connection as bytes are read, for a stream as they are consumed")
    func credit() {
        var limits = H2Limits()
        limits.streamWindow = 1000
        limits.connectionWindow = 65_535
        let talk = CoreTalk.greeted(limits: limits)
        talk.receive(request(1, endsStream: false))
        let piece = [UInt8](repeating: 7, count: 500)
        talk.receive(data(1, piece) + data(1, piece))
        #expect(talk.frames() == [])
        // One byte more than the window.
        #expect(talk.receive(data(1, [1])) == ["reset 1 FLOW_CONTROL_ERROR"])
        #expect(talk.frames() == ["reset 1 FLOW_CONTROL_ERROR"])
        talk.receive(request(3, endsStream: false) + data(3, piece))
        guard let handle = talk.handles[3] else { return }
        talk.connection.consumed(handle, 499)
        #expect(talk.frames() == [])
        talk.connection.consumed(handle, 1)
        #expect(talk.frames() == ["window 3 500"])
        #expect(talk.receive(data(3, piece + piece)).count == 1)
        // 99 streams that nobody reads do not stop the hundredth.
        for stream in stride(from: UInt32(5), to: 5 + 198, by: 2) {
            let found = talk.receive(request(stream, endsStream: false) + data(stream, piece + piece))
            #expect(found.count == 2)
        }
        #expect(talk.connection.streamCount == 100)
        #expect(talk.frames().filter { $0.hasPrefix("window 0") }.count >= 2)
    }

    @Test("Padding gives its credit back by itself")
    func padding() {
        var limits = H2Limits()
        limits.streamWindow = 600
        let talk = CoreTalk.greeted(limits: limits)
        talk.receive(request(1, endsStream: false))
        let padded = bytes("000100 00 08 00000001 fe 61") + [UInt8](repeating: 0, count: 254)
        #expect(talk.receive(padded) == ["data 1 61"])
        #expect(talk.receive(padded) == ["data 1 61"])
        #expect(talk.frames() == ["window 1 510"])
    }

    @Test("A graceful stop says goodbye twice")
    func shutdown() {
        let talk = CoreTalk.greeted()
        talk.receive(request(1))
        talk.connection.beginShutdown(now: 0)
        talk.connection.beginShutdown(now: 5)
        #expect(talk.frames() == ["goaway 2147483647 NO_ERROR", "ping 7882832519763681646"])
        #expect(talk.receive(request(3)).count == 1)
        let answer = written { $0.appendPing(7_882_832_519_763_681_646, isAcknowledgement: true) } ?? []
        #expect(talk.receive(answer) == [])
        #expect(talk.frames() == ["goaway 3 NO_ERROR"])
        // What comes later is passed over, but for its table.
        let late = headers(5, literals(plainGet) + bytes("4003 616263 03 646566"), endsStream: true)
        #expect(talk.receive(late) == [])
        #expect(talk.frames() == [])
        let isEarly = talk.connection.isDrained
        #expect(!isEarly)
        for stream in [UInt32(1), 3] {
            #expect(talk.sendHead(stream, "HTTP/1.1 204 No Content\r\n\r\n", endsStream: true).1 == .sent)
        }
        let isDrained = talk.connection.isDrained
        #expect(isDrained)
        // Without an answer the second one follows by itself.
        let silent = CoreTalk.greeted()
        silent.connection.beginShutdown(now: 0)
        _ = silent.frames()
        #expect(silent.connection.deadline == 1_000_000_000)
        #expect(silent.connection.tick(now: 1_000_000_000) == nil)
        #expect(silent.frames() == ["goaway 0 NO_ERROR"])
    }

    @Test("Streams beyond the limit are refused, and the table goes on")
    func concurrent() {
        var limits = H2Limits()
        limits.concurrentStreams = 2
        let talk = CoreTalk.greeted(limits: limits)
        talk.receive(request(1) + request(3))
        let third = headers(5, literals(plainGet) + bytes("4003 616263 03 646566"), endsStream: true)
        #expect(talk.receive(third) == [])
        #expect(talk.frames() == ["reset 5 REFUSED_STREAM"])
        talk.receive(reset(1))
        let next = headers(7, literals(plainGet) + bytes("be"), endsStream: true)
        #expect(talk.receive(next) == ["request 7 end GET / HTTP/1.1|host: a.example|abc: def||"])
        // What was under way for the refused one is passed over.
        #expect(talk.receive(data(5, [1])) == [])
        #expect(talk.frames() == [])
    }
}
