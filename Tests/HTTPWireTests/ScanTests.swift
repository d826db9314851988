// Owns the tests of the scans that take eight bytes a step: every byte, at every offset, against the plain rule.
import HTTPWire
import Testing

@Suite("Scans")
struct ScanTests {
    static let tokens = Set("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ!#$%&'*+-.^_`|~".utf8)

    /// `prefix`, 24 letters of which one is replaced, `suffix`.
    static func message(_ prefix: String, _ byte: UInt8, at place: Int, _ suffix: String) -> [UInt8] {
        var filler = [UInt8](repeating: 0x78, count: 24)
        filler[place] = byte
        return Array(prefix.utf8) + filler + Array(suffix.utf8)
    }

    @Test("Any byte in a target (RFC 9112 3.2)", arguments: 0..<24)
    func target(_ place: Int) {
        for byte in UInt8.min...UInt8.max {
            // A space ends the target, and what follows is no version. A percent sign needs digits, a hash is a fragment.
            let isGood = byte > 0x20 && byte < 0x7F && byte != 0x25 && byte != 0x23
            let request = ParsedRequest(Self.message("GET /", byte, at: place, " HTTP/1.1\r\nHost: a\r\n\r\n"))
            #expect(isComplete(request.verdict) == isGood, "\(byte) at \(place): \(request.verdict)")
            guard isGood else { continue }
            #expect(request.head.path.count == (byte == 0x3F ? place + 1 : 25))
            #expect(request.head.query.count == (byte == 0x3F ? 24 - place : 0))
            #expect(request.head.mayNeedNormalizing == (place == 0 && (byte == 0x2E || byte == 0x2F)))
        }
    }

    @Test("Any byte in a name (RFC 9110 5.6.2)", arguments: 0..<24)
    func name(_ place: Int) {
        for byte in UInt8.min...UInt8.max {
            let request = ParsedRequest(
                Self.message("GET / HTTP/1.1\r\nHost: a\r\n", byte, at: place, ": value\r\n\r\n"))
            // A colon ends the name, if there is one.
            let isGood = Self.tokens.contains(byte) || (byte == 0x3A && place > 0)
            #expect(isComplete(request.verdict) == isGood, "\(byte) at \(place): \(request.verdict)")
            if isGood { #expect(request.head.fields[1].name.count == (byte == 0x3A ? place : 24)) }
        }
    }

    @Test("Any byte in a value (RFC 9110 5.5)", arguments: 0..<24)
    func value(_ place: Int) {
        for byte in UInt8.min...UInt8.max {
            let request = ParsedRequest(Self.message("GET / HTTP/1.1\r\nHost: a\r\nA: ", byte, at: place, "\r\n\r\n"))
            let isGood = byte == 0x09 || (byte >= 0x20 && byte != 0x7F)
            #expect(isComplete(request.verdict) == isGood, "\(byte) at \(place): \(request.verdict)")
            guard isGood else { continue }
            let isSpace = byte == 0x09 || byte == 0x20
            #expect(request.head.fields[1].value.count == (isSpace && (place == 0 || place == 23) ? 23 : 24))
        }
    }

    func isComplete(_ verdict: Verdict) -> Bool {
        if case .complete = verdict { return true }
        return false
    }
}
