// Owns plain HTTP messages for those who are not on the path of traffic: admin, CLI, the built-in backend.

/// A whole request.
public struct HTTPRequest: Sendable {
    public var method: String
    /// The normalised path, percent-encoded as it came.
    public var path: String
    /// Without the question mark.
    public var query: String
    /// Names in lower case.
    public var fields: [(name: String, value: String)]
    public var body: [UInt8]

    public init(
        method: String, path: String, query: String = "", fields: [(name: String, value: String)] = [],
        body: [UInt8] = []
    ) {
        self.method = method
        self.path = path
        self.query = query
        self.fields = fields
        self.body = body
    }

    /// The first value of a field; `name` in lower case.
    public subscript(field name: String) -> String? { fields.first { $0.name == name }?.value }

    /// The value of a query item; nil without it. `a=b` items only, not percent-decoded.
    public func queryItem(_ name: String) -> String? {
        for item in query.split(separator: "&") {
            let parts = item.split(separator: "=", maxSplits: 1)
            if parts.first.map(String.init) == name { return parts.count == 2 ? String(parts[1]) : "" }
        }
        return nil
    }
}

/// A whole answer.
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

    /// The first value of a field; `name` in lower case.
    public subscript(field name: String) -> String? { fields.first { $0.name.lowercased() == name }?.value }
}
