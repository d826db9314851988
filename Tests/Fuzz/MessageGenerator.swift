// Owns the making of messages for the fuzz tests: mostly right, often a little wrong, in ways that have broken proxies.

/// Makes messages out of pieces and damages them.
enum MessageGenerator {
    static let methods = ["GET", "POST", "HEAD", "PUT", "OPTIONS", "DELETE", "CONNECT", "PATCH", "M-SEARCH", "get"]
    static let targets = [
        "/", "/a", "/a/b?c=d", "/a/../b", "/%2e%2e/a", "/a%2fb", "/%zz", "/%00", "//a//b", "/./", "/a#b", "*",
        "http://a/", "http://a", "http://a/x/./y?z", "https://A:443/", "http://b/", "http://a?q", "a:80", "/\\..\\",
        "/\u{E9}", "/a?b/../c", "/..;/x", "/%c3%a9/%7e",
    ]
    static let versions = [
        "HTTP/1.1", "HTTP/1.1", "HTTP/1.1", "HTTP/1.1", "HTTP/1.0", "HTTP/1.2", "HTTP/2.0", "HTTP/1",
    ]
    static let hosts = ["a", "a:80", "A", "[::1]:8080", "", "a b", "a,b", "a:b", "x.example.", "a_b"]
    static let lines = [
        "Content-Length: 5", "Content-Length: 0", "Content-Length:07", "Content-Length: 5 ", "Content-Length: +5",
        "Content-Length: 5, 5", "content-length: 6", "Transfer-Encoding: chunked", "Transfer-Encoding:\tchunked",
        "Transfer-Encoding: chunked ", "Transfer-Encoding: gzip", "Transfer-Encoding: chunked, gzip",
        "TransferxEncoding: chunked", "Transfer_Encoding: chunked", "Transfer-Encoding : chunked", "Content_Length: 9",
        "Connection: close", "Connection: keep-alive, x", "Connection: TE", "Connection: Upgrade",
        "Connection: Content-Length", "Connection: x-forwarded-for, host", "Connection: a_b, cookie",
        "Upgrade: websocket", "Upgrade: h2c", "Upgrade: h2c, websocket",
        "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", "Sec-WebSocket-Version: 8", "TE: trailers",
        "TE: gzip, trailers;q=0.5", "Keep-Alive: timeout=5",
        "Proxy-Connection: keep-alive", "Trailer: x", "Expect: 100-continue", "Expect: x", "Via: 1.1 node",
        "Via: 1.0 other, 1.1 more", "Forwarded: for=1.2.3.4", "X-Forwarded-For: 1.1.1.1", "X-Forwarded-For: 2.2.2.2",
        "X-Forwarded-Proto: https", "X-Forwarded-Host: evil", "X_Forwarded_For: 3.3.3.3", "X-Real-IP: 4.4.4.4",
        "X-Forwarded-Port: 5",
        "X_Real-IP: 6.6.6.6", "Meridian-Epoch: 1",
        "meridian_epoch: 2", "X-Request-Id: abc", "X-Request-Id: a b", "X-Request-Id:", "Cookie: a=b; c=d", "x: y",
        "a_b: c", "Accept: */*", "User-Agent: x/1 (y; z)", "X: a\tb", "X: \u{E9}", " folded", "\tfolded", "x", ": y",
        "x : y", "Host: a", "Host: b", "Authorization: Basic eDp5",
    ]
    static let bodies = [
        "", "", "hello", "5\r\nhello\r\n0\r\n\r\n", "0\r\n\r\n", "GET /x HTTP/1.1\r\nHost: a\r\n\r\n",
        "0\r\nX: y\r\n\r\n",
    ]
    static let statuses = [
        "200 OK", "204 No Content", "304 Not Modified", "404 Not Found", "100 Continue", "101 Switching Protocols",
        "500 ",
        "200", "2000 x", "099 x", "200 \u{E9}",
    ]
    /// Pieces that are put in at random places.
    static let poison: [[UInt8]] = [
        [0x0D], [0x0A], [0x0D, 0x0A], [0x0D, 0x0A, 0x0D, 0x0A], [0x0A, 0x0A], [0], [0x20], [0x09], [0x0B], [0x0C],
        [0x7F],
        [0x85], [0xA0], [0xFF], [0x3A], [0x2C], [0x3B], [0x5F], [0x25], [0x2F], [0x2E, 0x2E], [0x22], [0x5C], [0x23],
        Array("chunked".utf8), Array("Content-Length: 3\r\n".utf8), Array("Transfer-Encoding: chunked\r\n".utf8),
        Array("\r\n ".utf8), Array("%2e".utf8), Array("Host: c\r\n".utf8), Array(" HTTP/1.1\r\n".utf8),
    ]

    static func request(_ bits: inout SeededBits) -> [UInt8] {
        var text = bits.once(in: 10) ? "\r\n" : ""
        text += bits.once(in: 3) ? bits.pick(methods) : "GET"
        text += " \(bits.once(in: 2) ? bits.pick(targets) : "/a") "
        text += (bits.once(in: 4) ? bits.pick(versions) : "HTTP/1.1") + "\r\n"
        var fields = (0..<bits.below(7)).map { _ in bits.pick(lines) }
        if !bits.once(in: 12) { fields.append("Host: \(bits.once(in: 4) ? bits.pick(hosts) : "a")") }
        fields.shuffle(using: &bits)
        for line in fields { text += line + "\r\n" }
        return Array((text + "\r\n" + bits.pick(bodies)).utf8)
    }

    static func response(_ bits: inout SeededBits) -> [UInt8] {
        let end = bits.once(in: 5) ? "\n" : "\r\n"
        var text = bits.once(in: 8) ? "HTTP/1.0 " : "HTTP/1.1 "
        text += (bits.once(in: 2) ? bits.pick(statuses) : "200 OK") + end
        for _ in 0..<bits.below(7) { text += bits.pick(lines) + (bits.once(in: 10) ? "\n" : end) }
        return Array((text + end + bits.pick(bodies)).utf8)
    }

    static func chunks(_ bits: inout SeededBits) -> [UInt8] {
        var text: [UInt8] = []
        for _ in 0..<bits.below(5) {
            let size = bits.once(in: 20) ? bits.below(3000) + 1 : bits.below(20) + 1
            text += Array((bits.once(in: 8) ? "00" : "").utf8)
            text += Array(String(size, radix: 16, uppercase: bits.once(in: 2)).utf8)
            if bits.once(in: 8) { text += Array(bits.pick([" ", "\t", " \t "]).utf8) }
            if bits.once(in: 5) { text += Array(";e=\"f\"".utf8) }
            text += [0x0D, 0x0A]
            for _ in 0..<size {
                text.append(bits.once(in: 3) ? bits.pick([0x0D, 0x0A, 0x30]) : UInt8(bits.below(256)))
            }
            text += [0x0D, 0x0A]
        }
        text += Array("0\r\n".utf8)
        for _ in 0..<bits.below(3) { text += Array("\(bits.pick(lines))\r\n".utf8) }
        return text + Array("\r\n".utf8) + Array(bits.pick(bodies).utf8)
    }

    /// Damages a message in up to three places; leaves every third whole.
    static func mutate(_ message: [UInt8], _ bits: inout SeededBits) -> [UInt8] {
        var bytes = message
        if bits.once(in: 3) { return bytes }
        for _ in 0...bits.below(3) where !bytes.isEmpty {
            let place = bits.below(bytes.count)
            switch bits.below(6) {
            case 0: bytes[place] = UInt8(bits.below(256))
            case 1: bytes[place] ^= 1 << UInt8(bits.below(8))
            case 2: bytes.insert(contentsOf: bits.pick(poison), at: place)
            case 3: bytes.replaceSubrange(place..<(place + 1), with: bits.pick(poison))
            case 4: bytes.removeSubrange(place..<min(bytes.count, place + 1 + bits.below(4)))
            default:
                let piece = Array(bytes[place..<min(bytes.count, place + 1 + bits.below(30))])
                bytes.insert(contentsOf: piece, at: bits.below(bytes.count))
            }
        }
        return bytes
    }
}
