// Owns the bytes of heads that are sent: nothing that a caller puts into a field can break out of it.
internal import Glibc

/// Writes one head.
struct MessageWriter {
    private(set) var bytes: [UInt8] = []

    /// Fields that say how a message is framed and how long the connection lives: the transport's own.
    private static let owned = ["content-length", "transfer-encoding", "connection", "date", "host", "keep-alive"]

    init(status: Int) {
        // A status is three digits (RFC 9112 section 4); a caller's other number is our failure, not the client's.
        let status = (200...999).contains(status) ? status : 500
        bytes = Array("HTTP/1.1 \(status) \(StatusPhrase.of(status))\r\n".utf8)
    }

    /// - Returns: nil when the method is not a token or the target has other characters than a target may have.
    init?(method: String, target: String) {
        guard !method.isEmpty, method.utf8.allSatisfy(Self.isToken), !target.isEmpty,
            target.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != 0x23 })
        else { return nil }
        bytes = Array("\(method) \(target) HTTP/1.1\r\n".utf8)
    }

    /// Adds a caller's fields, but for those that the transport itself writes.
    mutating func add(_ fields: [(name: String, value: String)]) {
        for field in fields where !Self.owned.contains(where: { Fields.isSame($0, field.name) }) {
            add(field.name, field.value)
        }
    }

    /// Adds a field. One whose name is not a token is left out; control characters in the value become spaces.
    mutating func add(_ name: String, _ value: String) {
        guard !name.isEmpty, name.utf8.allSatisfy(Self.isToken) else { return }
        bytes += name.utf8
        bytes += [0x3A, 0x20]
        for byte in value.utf8 { bytes.append((byte < 0x20 && byte != 0x09) || byte == 0x7F ? 0x20 : byte) }
        bytes += [0x0D, 0x0A]
    }

    /// Ends the head.
    mutating func end() { bytes += [0x0D, 0x0A] }

    /// `tchar` (RFC 9110 section 5.6.2).
    private static func isToken(_ byte: UInt8) -> Bool {
        byte &- 0x30 < 10 || (byte | 0x20) &- 0x61 < 26 || tokenMarks.contains(byte)
    }

    private static let tokenMarks = Array("!#$%&'*+-.^_`|~".utf8)

    /// The current time as an IMF-fixdate (RFC 9110 section 5.6.7).
    static func date() -> String { date(time(nil)) }

    /// A time as an IMF-fixdate; `seconds` since 1970.
    static func date(_ seconds: Int) -> String {
        var seconds = time_t(seconds)
        var parts = tm()
        gmtime_r(&seconds, &parts)
        func two(_ value: Int32) -> String { value < 10 ? "0\(value)" : "\(value)" }
        let days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        let clock = "\(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec))"
        let month = months[Int(parts.tm_mon) % 12]
        return "\(days[Int(parts.tm_wday) % 7]), \(two(parts.tm_mday)) \(month) \(parts.tm_year + 1900) \(clock) GMT"
    }
}

/// The current time as it was last written: it changes once a second, and takes longer than the rest of a head.
struct DateMemory {
    private var second = 0
    private var known = ""

    mutating func text() -> String { text(at: time(nil)) }

    /// - Parameter now: seconds since 1970.
    mutating func text(at now: Int) -> String {
        if now != second || known.isEmpty { (second, known) = (now, MessageWriter.date(now)) }
        return known
    }
}

/// The standard reason phrases (RFC 9110 section 15, RFC 6585).
enum StatusPhrase {
    static func of(_ status: Int) -> String { table[status] ?? "Status" }

    private static let table = [
        200: "OK", 201: "Created", 202: "Accepted", 204: "No Content", 206: "Partial Content",
        301: "Moved Permanently", 302: "Found", 303: "See Other", 304: "Not Modified", 307: "Temporary Redirect",
        308: "Permanent Redirect", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found",
        405: "Method Not Allowed", 406: "Not Acceptable", 408: "Request Timeout", 409: "Conflict", 410: "Gone",
        411: "Length Required", 412: "Precondition Failed", 413: "Content Too Large", 414: "URI Too Long",
        415: "Unsupported Media Type", 417: "Expectation Failed", 421: "Misdirected Request",
        422: "Unprocessable Content", 423: "Locked", 426: "Upgrade Required", 428: "Precondition Required",
        429: "Too Many Requests", 431: "Request Header Fields Too Large", 500: "Internal Server Error",
        501: "Not Implemented", 502: "Bad Gateway", 503: "Service Unavailable", 504: "Gateway Timeout",
        505: "HTTP Version Not Supported", 507: "Insufficient Storage",
    ]
}
