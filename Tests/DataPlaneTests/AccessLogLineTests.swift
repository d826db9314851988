// Owns the tests of log lines: every field in both formats, escapes, what is missing, what is too long.
import HTTPWire
import Routing
import Testing
import Topology

@testable import DataPlane

@Suite("Access log lines")
struct AccessLogLineTests {
    static let time = "TIME"

    /// The note of a request.
    static func note(_ head: String, client: String = "192.0.2.7") throws -> AccessLogNote {
        let bytes = Array(head.utf8)
        let parsed = RequestHead()
        guard
            case .complete = RequestHeadParser(maximumHead: 32 << 10, maximumFields: 128).parse(
                bytes.span, into: parsed)
        else {
            throw Unparsed(head: head)
        }
        var note = AccessLogNote()
        let id = RequestID(high: 0x0123_4567_89AB_CDEF, low: 0xFEDC_BA98_7654_3210)
        note.take(
            client: Array(client.utf8).span, listener: ListenerName("web"), requestID: id.span(in: bytes.span), parsed,
            bytes.span)
        return note
    }

    struct Unparsed: Error { var head: String }

    static func line(_ fields: AccessLogFields, _ format: AccessLogConfiguration.Format, room: Int = 64 << 10)
        -> String?
    {
        var memory = [UInt8](repeating: 0, count: room)
        let time = Array(Self.time.utf8)
        var writer = OutputWriter(memory.mutableSpan)
        AccessLogLine.write(fields, format, time: time.span, into: &writer)
        let count = writer.count
        if writer.overflowed { return nil }
        return String(decoding: memory.prefix(count), as: UTF8.self)
    }

    static func answered(_ note: AccessLogNote) -> AccessLogFields {
        var fields = AccessLogFields(note: note)
        fields.route = 3
        fields.service = "shop"
        fields.datacenter = "us-east"
        fields.endpoint = "10.0.1.1:80"
        fields.attempts = 2
        fields.epoch = 7
        fields.status = 200
        fields.bytesIn = 12
        fields.bytesOut = 12_345_678_901
        fields.queue = 1
        fields.connect = 20
        fields.firstByte = 300
        fields.total = 4000
        return fields
    }

    static let head =
        "GET /a?b=c HTTP/1.1\r\nHost: shop\r\nReferer: http://ref/\r\nUser-Agent: curl/8\r\nAccept: */*\r\n\r\n"

    @Test("Every field, combined")
    func combined() throws {
        #expect(
            Self.line(Self.answered(try Self.note(Self.head)), .combined) == """
                192.0.2.7 - - [TIME] "GET /a?b=c HTTP/1.1" 200 12345678901 "http://ref/" "curl/8" \
                rid=0123456789abcdeffedcba9876543210 listener=web route=3 service=shop dc=us-east \
                endpoint=10.0.1.1:80 attempts=2 epoch=7 queue=1 connect=20 first_byte=300 total=4000 reason=-

                """)
    }

    @Test("Every field, JSON")
    func json() throws {
        #expect(
            Self.line(Self.answered(try Self.note(Self.head)), .json) == """
                {"time":"TIME","client":"192.0.2.7","request_id":"0123456789abcdeffedcba9876543210","listener":"web",\
                "route":"3","service":"shop","datacenter":"us-east","endpoint":"10.0.1.1:80","attempts":2,"epoch":"7",\
                "request":"GET /a?b=c HTTP/1.1","status":200,"bytes_in":12,"bytes_out":12345678901,"queue_us":1,\
                "connect_us":20,"first_byte_us":300,"total_us":4000,"referer":"http://ref/","user_agent":"curl/8",\
                "reason":""}

                """)
    }

    @Test("A request that was refused before it was read")
    func refused() {
        var note = AccessLogNote()
        note.take(client: Array("::1".utf8).span, listener: ListenerName("web"), requestID: Span())
        let fields = AccessLogFields(note: note, status: 400, reason: "bad_request_line")
        #expect(
            Self.line(fields, .combined) == """
                ::1 - - [TIME] "-" 400 0 "-" "-" rid=- listener=web route=- service=- dc=- endpoint=- attempts=0 epoch=- \
                queue=0 connect=0 first_byte=0 total=0 reason=bad_request_line

                """)
        #expect(
            Self.line(fields, .json) == """
                {"time":"TIME","client":"::1","request_id":"","listener":"web","route":"-","service":"-",\
                "datacenter":"-","endpoint":"-","attempts":0,"epoch":"-","request":"-","status":400,"bytes_in":0,\
                "bytes_out":0,"queue_us":0,"connect_us":0,"first_byte_us":0,"total_us":0,"referer":"",\
                "user_agent":"","reason":"bad_request_line"}

                """)
    }

    @Test("Reason codes stand at the end", arguments: AccessLogConfiguration.Format.allCases)
    func reason(_ format: AccessLogConfiguration.Format) throws {
        for reason: StaticString in ["client_closed", "connect_failed", "no_endpoint"] {
            var fields = Self.answered(try Self.note(Self.head))
            fields.reason = reason
            let end = format == .json ? "\"reason\":\"\(reason)\"}\n" : " reason=\(reason)\n"
            #expect(try #require(Self.line(fields, format)).hasSuffix(end))
        }
    }

    @Test("What a client may not write into a log is escaped", arguments: AccessLogConfiguration.Format.allCases)
    func escapes(_ format: AccessLogConfiguration.Format) throws {
        let note = try Self.note(
            "GET /\"\\ HTTP/1.0\r\nHost: a\r\nUser-Agent: x\ty\"z\\\u{E9}\u{7F}".dropLast().description
                + "\r\nReferer: \"},{\"\r\n\r\n")
        let line = try #require(Self.line(AccessLogFields(note: note), format))
        #expect(line.contains("\"GET /\\u0022\\u005c HTTP/1.0\""))
        #expect(line.contains("\"x\\u0009y\\u0022z\\u005c\\u00c3\\u00a9\""))
        #expect(line.contains("\"\\u0022},{\\u0022\""))
        #expect(line.utf8.dropLast().allSatisfy { $0 >= 0x20 && $0 < 0x7F })
    }

    @Test("Long texts are cut, and the worst line fits its room", arguments: AccessLogConfiguration.Format.allCases)
    func long(_ format: AccessLogConfiguration.Format) throws {
        let target = String(repeating: "\"", count: 5000)
        let agent = String(repeating: "\u{FF}", count: 2500)
        let note = try Self.note(
            "GET /\(target) HTTP/1.1\r\nHost: a\r\nUser-Agent: \(agent)\r\nReferer: \(agent)\r\n\r\n")
        #expect(note.line.count == AccessLogNote.longest + " HTTP/1.1".utf8.count)
        #expect(note.agent.count == AccessLogNote.longest && note.referrer.count == AccessLogNote.longest)
        let room = AccessLogLine.room(forNote: note.count)
        #expect(room <= AccessLogBlock.size)
        #expect(Self.line(Self.answered(note), format, room: room) != nil)
        #expect(Self.line(Self.answered(note), format, room: 1000) == nil)
    }

    @Test("A note is used again for a shorter request")
    func reuse() throws {
        var note = try Self.note(Self.head)
        #expect(note.isTaken)
        note.forget()
        #expect(!note.isTaken)
        let bytes = Array("GET / HTTP/1.1\r\nHost: a\r\n\r\n".utf8)
        let head = RequestHead()
        _ = RequestHeadParser(maximumHead: 32 << 10, maximumFields: 128).parse(bytes.span, into: head)
        note.take(client: Array("::1".utf8).span, listener: ListenerName("other"), requestID: Span(), head, bytes.span)
        let line = try #require(Self.line(AccessLogFields(note: note), .combined))
        #expect(line.hasPrefix("::1 - - [TIME] \"GET / HTTP/1.1\" 0 0 \"-\" \"-\" rid=- listener=other "))
    }
}
