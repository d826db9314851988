// Owns the field names that mean something to a proxy, and how they are recognised.

/// The names that are treated specially; all others pass.
public enum FieldName: UInt8, Sendable {
    case other
    case host, connection, contentLength, transferEncoding, expect, upgrade, te, trailer, keepAlive, proxyConnection
    case via, forwarded, forwardedFor, forwardedHost, forwardedProto, requestID, cookie, server, date, authorization
    case maxForwards
    /// `X-Real-IP`, or begins with `X-Forwarded-` and is none of those above: what else proxies tell backends of a client.
    case forwardedOther
    /// Begins with `meridian-`.
    case meridian

    /// Recognises a name by its length and two overlapping words in lower case. Names hold token characters only, of
    /// which the fold `| 0x20` confuses none that matter here.
    @inlinable @inline(__always)
    static func recognise(_ bytes: Span<UInt8>, _ start: Int, _ count: Int) -> FieldName {
        if count >= 8 { return recogniseLong(bytes, start, count) }
        guard count >= 4 else { return recogniseShort(bytes, start, count) }
        let first = bytes.halfWord(start) | 0x2020_2020
        let last = bytes.halfWord(start + count - 4) | 0x2020_2020
        switch (count, first, last) {
        case (4, 0x7473_6F68, _): return .host
        case (4, 0x6574_6164, _): return .date
        case (6, 0x6570_7865, 0x7463_6570): return .expect
        case (6, 0x6B6F_6F63, 0x6569_6B6F): return .cookie
        case (6, 0x7672_6573, 0x7265_7672): return .server
        case (7, 0x7267_7075, 0x6564_6172): return .upgrade
        case (7, 0x6961_7274, 0x7265_6C69): return .trailer
        default: return .other
        }
    }

    @inlinable
    static func recogniseShort(_ bytes: Span<UInt8>, _ start: Int, _ count: Int) -> FieldName {
        if count == 2, bytes[start] | 0x20 == 0x74, bytes[start + 1] | 0x20 == 0x65 { return .te }
        if count == 3, bytes[start] | 0x20 == 0x76, bytes[start + 1] | 0x20 == 0x69, bytes[start + 2] | 0x20 == 0x61 {
            return .via
        }
        return .other
    }

    @inlinable
    static func recogniseLong(_ bytes: Span<UInt8>, _ start: Int, _ count: Int) -> FieldName {
        let first = bytes.word(start) | 0x2020_2020_2020_2020
        let last = bytes.word(start + count - 8) | 0x2020_2020_2020_2020
        switch (count, first, last) {
        case (9, 0x6564_7261_7772_6F66, 0x6465_6472_6177_726F): return .forwarded
        case (9, 0x692D_6C61_6572_2D78, 0x7069_2D6C_6165_722D): return .forwardedOther
        case (10, 0x6974_6365_6E6E_6F63, 0x6E6F_6974_6365_6E6E): return .connection
        case (10, 0x696C_612D_7065_656B, 0x6576_696C_612D_7065): return .keepAlive
        case (12, 0x7365_7571_6572_2D78, 0x6469_2D74_7365_7571): return .requestID
        case (12, 0x7772_6F66_2D78_616D, 0x7364_7261_7772_6F66): return .maxForwards
        case (13, 0x7A69_726F_6874_7561, 0x6E6F_6974_617A_6972): return .authorization
        case (14, 0x2D74_6E65_746E_6F63, 0x6874_676E_656C_2D74): return .contentLength
        case (15, 0x7261_7772_6F66_2D78, 0x726F_662D_6465_6472): return .forwardedFor
        case (16, 0x7261_7772_6F66_2D78, 0x7473_6F68_2D64_6564): return .forwardedHost
        case (16, 0x6F63_2D79_786F_7270, 0x6E6F_6974_6365_6E6E): return .proxyConnection
        // Seventeen bytes: the two words leave out the one in the middle.
        case (17, 0x7261_7772_6F66_2D78, 0x6F74_6F72_702D_6465):
            return bytes[start + 8] | 0x20 == 0x64 ? .forwardedProto : .other
        case (17, 0x7265_6673_6E61_7274, 0x676E_6964_6F63_6E65):
            return bytes[start + 8] == 0x2D ? .transferEncoding : .other
        default:
            if first == 0x7261_7772_6F66_2D78, count >= 12, bytes.halfWord(start + 8) | 0x2020_2020 == 0x2D64_6564 {
                return .forwardedOther
            }
            if count >= 9, first == 0x6E61_6964_6972_656D, bytes[start + 8] == 0x2D { return .meridian }
            return .other
        }
    }
}

/// One field line of a head.
public struct Field: Sendable {
    public var name: ByteRange
    /// Without the white space around it.
    public var value: ByteRange
    /// The first byte after the line's CRLF.
    public var end: UInt16
    public var known: FieldName
    /// Why the line may not be passed on.
    @usableFromInline var marks: Marks

    @inlinable
    init(name: ByteRange, value: ByteRange, end: Int, known: FieldName, marks: Marks) {
        self.name = name
        self.value = value
        self.end = UInt16(truncatingIfNeeded: end)
        self.known = known
        self.marks = marks
    }

    @usableFromInline
    static let empty = Field(name: .none, value: .none, end: 0, known: .other, marks: [])

    /// Whether the field ends at this hop: it is of the connection's own, or `Connection` names it (RFC 9110 section
    /// 7.6.1).
    public var isHopByHop: Bool { marks.contains(.hopByHop) }

    @usableFromInline
    struct Marks: OptionSet, Sendable {
        @usableFromInline let rawValue: UInt8
        @inlinable init(rawValue: UInt8) { self.rawValue = rawValue }
        /// See `isHopByHop`.
        @inlinable static var hopByHop: Marks { Marks(rawValue: 1) }
        /// A request's field with `_` in its name: to many backends the same as `-`, so that it could pass for another.
        @inlinable static var underscore: Marks { Marks(rawValue: 2) }
    }
}

extension Span<UInt8> {
    /// Whether a line reads `name: value`, with one space and nothing behind the value: then it can be copied without
    /// giving the next parser anything to interpret.
    @inline(__always)
    func isPlain(_ field: Field) -> Bool {
        field.value.lower == field.name.upper + 2 && self[field.name.upper + 1] == 0x20
            && Int(field.end) == field.value.upper + 2
    }

    /// Whether a `Content-Length` line is plain and its number has no needless zeros, which some read as octal.
    @inline(__always)
    func isPlainLength(_ field: Field) -> Bool {
        isPlain(field) && (field.value.count == 1 || self[field.value.lower] != 0x30)
    }
}
