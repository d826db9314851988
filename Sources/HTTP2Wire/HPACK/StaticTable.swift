// Owns the table of RFC 7541 appendix A, the names that an encoder treats by themselves, and how names are found in it.
import HTTPWire

/// What an encoder does with the fields of a name.
enum IndexingPolicy: UInt8, Sendable {
    /// Into the dynamic table: values of such names come again.
    case indexed
    /// As they are: their values differ from message to message and would drive out what comes again.
    case plain
    /// As they are, and so at every hop that follows (RFC 7541 section 7.1): guessing them must bring nothing.
    case secret
    /// `Cookie`: a short one could be guessed, a long one comes again.
    case cookie
}

/// The static table and the Huffman tables, made once for the process.
struct HPACKTables: Sendable {
    static let shared = HPACKTables()
    /// Entries of the static table.
    static let staticCount = 61

    /// Eight bytes, since one is looked up for every field.
    struct Entry: Sendable {
        private let place: UInt16
        private let nameBytes: UInt8
        private let valueBytes: UInt8
        private let firstNumber: UInt8
        private let alikeCount: UInt8
        let policy: IndexingPolicy

        init(start: Int, nameCount: Int, valueCount: Int, first: Int, alike: Int, policy: IndexingPolicy) {
            place = UInt16(start)
            nameBytes = UInt8(nameCount)
            valueBytes = UInt8(valueCount)
            firstNumber = UInt8(first)
            alikeCount = UInt8(alike)
            self.policy = policy
        }

        var start: Int { Int(place) }
        var nameCount: Int { Int(nameBytes) }
        var valueCount: Int { Int(valueBytes) }
        /// The first entry of the static table with this name; 0 where it has none.
        var first: Int { Int(firstNumber) }
        /// How many entries share the name.
        var alike: Int { Int(alikeCount) }
    }

    let huffman = HuffmanTables()
    /// Each entry as `name: value`, one behind the other.
    let text: [UInt8]
    /// The static table from 1 on, then names without an index.
    let entries: [Entry]
    /// By hash of the name: where its first entry is; 0 where there is none. A taken place leads to the next one.
    private let places: [UInt8]

    private init() {
        var text: [UInt8] = []
        var entries = [Entry(start: 0, nameCount: 0, valueCount: 0, first: 0, alike: 0, policy: .plain)]
        var places = [UInt8](repeating: 0, count: 256)
        let lines = Self.lines + Self.others.map { ($0.0, "", $0.1) }
        for (index, line) in lines.enumerated() {
            let (name, value, policy) = line
            let isNew = index == 0 || lines[index - 1].0 != name
            let number = index < Self.staticCount ? index + 1 : 0
            entries.append(
                Entry(
                    start: text.count, nameCount: name.utf8.count, valueCount: value.utf8.count,
                    first: isNew ? number : entries[index].first, alike: lines.count { $0.0 == name }, policy: policy))
            text += Array("\(name): \(value)".utf8)
            guard isNew else { continue }
            let bytes = Array(name.utf8)
            var place = Int(bytes.span.fieldHash(0..<bytes.count) >> 56)
            while places[place] != 0 { place = (place + 1) & 255 }
            places[place] = UInt8(index + 1)
        }
        self.text = text
        self.entries = entries
        self.places = places
    }

    /// The first entry of a name, in any case; 0 when there is none.
    func find(_ bytes: Span<UInt8>, _ name: Range<Int>, hash: UInt64) -> Int {
        let places = places.span
        var place = Int(hash >> 56)
        while places[place] != 0 {
            let number = Int(places[place])
            let entry = entries[number]
            if entry.nameCount == name.count, bytes.equals(name, text.span, entry.start, lowercases: true) {
                return number
            }
            place = (place + 1) & 255
        }
        return 0
    }

    private static let lines: [(String, String, IndexingPolicy)] = [
        (":authority", "", .indexed), (":method", "GET", .indexed), (":method", "POST", .indexed),
        (":path", "/", .plain), (":path", "/index.html", .plain), (":scheme", "http", .indexed),
        (":scheme", "https", .indexed), (":status", "200", .indexed), (":status", "204", .indexed),
        (":status", "206", .indexed), (":status", "304", .indexed), (":status", "400", .indexed),
        (":status", "404", .indexed), (":status", "500", .indexed), ("accept-charset", "", .indexed),
        ("accept-encoding", "gzip, deflate", .indexed), ("accept-language", "", .indexed),
        ("accept-ranges", "", .indexed), ("accept", "", .indexed), ("access-control-allow-origin", "", .indexed),
        ("age", "", .plain), ("allow", "", .indexed), ("authorization", "", .secret), ("cache-control", "", .indexed),
        ("content-disposition", "", .plain), ("content-encoding", "", .indexed), ("content-language", "", .indexed),
        ("content-length", "", .plain), ("content-location", "", .plain), ("content-range", "", .plain),
        ("content-type", "", .indexed), ("cookie", "", .cookie), ("date", "", .indexed), ("etag", "", .plain),
        ("expect", "", .indexed), ("expires", "", .plain), ("from", "", .indexed), ("host", "", .indexed),
        ("if-match", "", .plain), ("if-modified-since", "", .plain), ("if-none-match", "", .plain),
        ("if-range", "", .plain), ("if-unmodified-since", "", .plain), ("last-modified", "", .plain),
        ("link", "", .indexed), ("location", "", .plain), ("max-forwards", "", .indexed),
        ("proxy-authenticate", "", .indexed), ("proxy-authorization", "", .secret), ("range", "", .plain),
        ("referer", "", .indexed), ("refresh", "", .indexed), ("retry-after", "", .plain), ("server", "", .indexed),
        ("set-cookie", "", .secret), ("strict-transport-security", "", .indexed), ("transfer-encoding", "", .indexed),
        ("user-agent", "", .indexed), ("vary", "", .indexed), ("via", "", .indexed), ("www-authenticate", "", .indexed),
    ]

    /// Names that have no index, in the order of their numbers in `KnownField`, and others whose values differ from message
    /// to message.
    private static let others: [(String, IndexingPolicy)] = [
        ("connection", .plain), ("keep-alive", .plain), ("proxy-connection", .plain), ("upgrade", .plain),
        ("http2-settings", .plain), ("te", .indexed), ("priority", .indexed), (":protocol", .indexed),
        ("sec-websocket-key", .plain), ("sec-websocket-accept", .plain), ("x-request-id", .plain),
        ("traceparent", .plain), ("tracestate", .plain), ("x-forwarded-for", .plain), ("x-csrf-token", .secret),
        ("content-md5", .plain), ("digest", .plain),
    ]
}

/// The numbers of the names that mean something to the translation of heads: entries of `HPACKTables`.
enum KnownField {
    static let authority = 1
    static let method = 2
    static let path = 4
    static let scheme = 6
    static let status = 8
    static let contentLength = 28
    static let cookie = 32
    static let host = 38
    static let transferEncoding = 57
    static let connection = 62
    static let keepAlive = 63
    static let proxyConnection = 64
    static let upgrade = 65
    static let http2Settings = 66
    static let te = 67
    static let priority = 68
    static let `protocol` = 69
    static let webSocketKey = 70
    static let webSocketAccept = 71
}

extension Span<UInt8> {
    /// A hash of some bytes with letters in lower case. Good enough to find what repeats; finding nothing costs only bytes.
    @inline(__always)
    func fieldHash(_ range: Range<Int>, lowercases: Bool = true) -> UInt64 {
        var hash = UInt64(truncatingIfNeeded: range.count)
        var index = range.lowerBound
        let end = range.upperBound
        while index &+ 8 <= end {
            let chunk = word(index)
            hash = (hash ^ (lowercases ? chunk.lowercasedBytes : chunk)) &* 0x9E37_79B9_7F4A_7C15
            hash ^= hash >> 32
            index &+= 8
        }
        if index < end {
            let chunk = word(index, count: end &- index)
            hash = (hash ^ (lowercases ? chunk.lowercasedBytes : chunk)) &* 0x9E37_79B9_7F4A_7C15
            hash ^= hash >> 32
        }
        return hash &* 0xD6E8_FEB8_6659_FD93
    }

    /// Whether a stretch, its letters in lower case unless that is not wanted, reads as the bytes of `other` from `start` on.
    @inline(__always)
    func equals(_ range: Range<Int>, _ other: Span<UInt8>, _ start: Int, lowercases: Bool) -> Bool {
        var index = range.lowerBound
        var place = start
        let end = range.upperBound
        while index &+ 8 <= end {
            let chunk = word(index)
            if (lowercases ? chunk.lowercasedBytes : chunk) != other.word(place) { return false }
            index &+= 8
            place &+= 8
        }
        guard index < end else { return true }
        let chunk = word(index, count: end &- index)
        return (lowercases ? chunk.lowercasedBytes : chunk) == other.word(place, count: end &- index)
    }
}
