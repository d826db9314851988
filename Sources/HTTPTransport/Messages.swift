// Owns plain HTTP messages for those who are not on the path of traffic: admin, probes, CLI, the built-in backend.
public import Proactor

/// A whole request.
public struct HTTPRequest: Sendable {
    public var method: String
    /// The path, percent-encoded, without dot segments; `*` for `OPTIONS *`.
    public var path: String
    /// Without the question mark.
    public var query: String
    /// Names of received requests are in lower case.
    public var fields: [(name: String, value: String)]
    public var body: [UInt8]
    /// The `Host` field's value or that of an absolute target, with its port if it came with one.
    public var authority: String
    /// Who sent it; nil in requests to be sent, and when the connection is gone already.
    public var peer: SocketAddress?

    public init(
        method: String, path: String, query: String = "", fields: [(name: String, value: String)] = [],
        body: [UInt8] = [], authority: String = "", peer: SocketAddress? = nil
    ) {
        self.method = method
        self.path = path
        self.query = query
        self.fields = fields
        self.body = body
        self.authority = authority
        self.peer = peer
    }

    /// The first value of a field; `name` in any case.
    public subscript(field name: String) -> String? { Fields.first(name, in: fields) }

    /// The path's segments, percent-decoded: `/a%2Fb/c` is `["a/b", "c"]`, and `/` has none. nil when an escape is broken
    /// or the result is not UTF-8.
    public var pathSegments: [String]? {
        let parts = path.utf8.split(separator: 0x2F)
        guard path.utf8.contains(0x25) else { return parts.map { String(Substring($0)) } }
        var segments: [String] = []
        for segment in parts {
            guard let text = PercentEncoding.decode(Array(segment), plusIsSpace: false) else { return nil }
            segments.append(text)
        }
        return segments
    }

    /// The query's items in order, percent-decoded (`+` is a space); nil when one of them does not decode.
    public var decodedQueryItems: [(name: String, value: String)]? {
        let parts = query.utf8.split(separator: 0x26)
        let items = parts.compactMap(Self.queryItem)
        return items.count == parts.count ? items : nil
    }

    private static func queryItem(_ item: Substring.UTF8View) -> (name: String, value: String)? {
        let parts = item.split(separator: 0x3D, maxSplits: 1, omittingEmptySubsequences: false)
        guard let name = PercentEncoding.decode(Array(parts[0]), plusIsSpace: true),
            let value = PercentEncoding.decode(parts.count > 1 ? Array(parts[1]) : [], plusIsSpace: true)
        else { return nil }
        return (name, value)
    }

    /// The first value of a query item, percent-decoded; empty when it has none, nil without the item. Items that do not
    /// decode are left out.
    public func queryItem(_ name: String) -> String? {
        query.utf8.split(separator: 0x26).lazy.compactMap(Self.queryItem).first { $0.name == name }?.value
    }
}

/// A whole answer, or the head of one.
public struct HTTPResponse: Sendable {
    public var status: Int
    public var fields: [(name: String, value: String)]
    public var body: [UInt8]

    public init(status: Int, fields: [(name: String, value: String)] = [], body: [UInt8] = []) {
        self.status = status
        self.fields = fields
        self.body = body
    }

    /// An answer of text.
    public static func text(_ status: Int, _ text: String, type: String = "text/plain; charset=utf-8") -> HTTPResponse {
        HTTPResponse(status: status, fields: [("Content-Type", type)], body: Array(text.utf8))
    }

    /// The first value of a field; `name` in any case.
    public subscript(field name: String) -> String? { Fields.first(name, in: fields) }
}

/// Lists of fields.
enum Fields {
    static func first(_ name: String, in fields: [(name: String, value: String)]) -> String? {
        fields.first { isSame($0.name, name) }?.value
    }

    /// Whether two names are the same in ASCII, in any case.
    static func isSame(_ left: String, _ right: String) -> Bool {
        guard left.utf8.count == right.utf8.count else { return false }
        return zip(left.utf8, right.utf8).allSatisfy { lower($0) == lower($1) }
    }

    private static func lower(_ byte: UInt8) -> UInt8 { byte &- 0x41 < 26 ? byte | 0x20 : byte }
}
