// Owns the fields of one head, in place, and what their meaning for framing and the connection comes to.

/// How a message's body ends (RFC 9112 section 6.3).
public enum BodyFraming: Hashable, Sendable {
    case none
    case length(UInt64)
    case chunked
    /// A response without any framing: it ends with the connection.
    case untilClose
}

/// The fields of a head. A class, since it is large: one lives as long as its parser's owner, reused for every message.
public final class FieldTable {
    /// The most fields of a head.
    public static let capacity = 128
    /// The most options of all `Connection` lines: each is compared with every field.
    static let maximumOptions = 64

    @usableFromInline var storage: InlineArray<128, Field>
    public internal(set) var count = 0

    // What the lines said, gathered while they were parsed.
    @usableFromInline var contentLength: UInt64 = 0
    @usableFromInline var hasContentLength = false
    @usableFromInline var hasTransferEncoding = false
    @usableFromInline var saysClose = false
    @usableFromInline var saysKeepAlive = false
    @usableFromInline var saysUpgrade = false
    /// `Connection` has options that are names of fields.
    @usableFromInline var namesFields = false
    @usableFromInline var connectionOptions = 0
    /// A line ended with a bare LF (`responses: lenient`).
    @usableFromInline var hasBareLineFeed = false

    /// Whether framing fields are dropped unread, because the status alone says that there is no body (RFC 9112 section 6.3).
    /// Set before each response is parsed.
    var ignoresFraming = false

    init() { storage = InlineArray(repeating: .empty) }

    /// The field at a position below `count`.
    @inlinable @inline(__always)
    public subscript(index: Int) -> Field { storage[index] }

    @inline(__always)
    func reset() {
        count = 0
        contentLength = 0
        hasContentLength = false
        hasTransferEncoding = false
        saysClose = false
        saysKeepAlive = false
        saysUpgrade = false
        namesFields = false
        connectionOptions = 0
        hasBareLineFeed = false
    }

    @inline(__always)
    func append(_ field: Field) {
        storage[count] = field
        count += 1
    }

    /// What `Content-Length` says; nil without it.
    public var declaredLength: UInt64? { hasContentLength ? contentLength : nil }

    /// The value of the first field of that name.
    public func value(of name: FieldName) -> ByteRange? {
        for index in 0..<count where storage[index].known == name { return storage[index].value }
        return nil
    }

    func markHopByHop(_ index: Int) { storage[index].marks.insert(.hopByHop) }
}

extension OutputWriter {
    /// Appends the framing line that a message's fields came to, in its plainest form.
    @_lifetime(self: copy self)
    mutating func appendFraming(_ fields: FieldTable) {
        if fields.hasTransferEncoding {
            append("Transfer-Encoding: chunked\r\n")
        } else if fields.hasContentLength {
            append("Content-Length: ")
            append(decimal: Int(clamping: fields.contentLength))
            append("\r\n")
        }
    }
}
