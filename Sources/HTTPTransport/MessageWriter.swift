// Owns the bytes of heads that are sent: nothing that a caller puts into a field can break out of it.
internal import Glibc
internal import HTTPWire

/// Writes one head.
struct MessageWriter {
    private(set) var bytes: [UInt8] = []

    /// Fields that say how a message is framed and how long the connection lives: the transport's own.
    private static let owned = ["content-length", "transfer-encoding", "connection", "date", "host", "keep-alive"]

    init(status: Int) {
        // A status is three digits (RFC 9112 section 4); a caller's other number is our failure, not the client's.
        let status = (200...999).contains(status) ? status : 500
        bytes = Array("HTTP/1.1 \(status) \(ReasonPhrase.of(status))\r\n".utf8)
    }

    /// - Returns: nil when the method is not a token or the target has other characters than a target may have.
    init?(method: String, target: String) {
        guard !method.isEmpty, method.utf8.allSatisfy(CharacterSets.isToken), !target.isEmpty,
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
        guard !name.isEmpty, name.utf8.allSatisfy(CharacterSets.isToken) else { return }
        bytes += name.utf8
        bytes += [0x3A, 0x20]
        for byte in value.utf8 { bytes.append((byte < 0x20 && byte != 0x09) || byte == 0x7F ? 0x20 : byte) }
        bytes += [0x0D, 0x0A]
    }

    /// Ends the head.
    mutating func end() { bytes += [0x0D, 0x0A] }

    /// The current time as an IMF-fixdate (RFC 9110 section 5.6.7).
    static func date() -> String { date(time(nil)) }

    /// A time as an IMF-fixdate; `seconds` since 1970.
    static func date(_ seconds: Int) -> String {
        var date = HTTPDate()
        return String(decoding: date.text(at: Int64(seconds)), as: UTF8.self)
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
