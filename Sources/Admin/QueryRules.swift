// Owns which values the items of a query may have: what is wrong is refused, never taken for something else.
internal import HTTPTransport

/// The items of a query that an operation reads.
struct QueryRules: Sendable {
    private let items: [APIOperation.Item]
    private let refusesOthers: Bool

    init(_ operation: APIOperation) {
        items = operation.queryItems
        refusesOthers = operation.kind.changesSomething
    }

    /// What is wrong with the query of a request; nil: nothing.
    func fault(in request: HTTPRequest) -> String? {
        guard let sent = request.decodedQueryItems else { return "the query is not percent-encoded UTF-8" }
        var seen: Set<String> = []
        for (name, value) in sent {
            guard let item = items.first(where: { $0.name == name }) else {
                // For the same reason as an unknown field of a body: if it were ignored, what the author meant would not
                // be done.
                guard refusesOthers else { continue }
                return "the query has \(UnknownName(name, among: items.map(\.name), of: "item"))"
            }
            guard seen.insert(name).inserted else { return "the query has \"\(name)\" twice" }
            if let wanted = Self.wanted(item.type, for: value) { return "\"\(name)\" is \(wanted)" }
        }
        return nil
    }

    /// What a value should be; nil when it is that. A name alone is `true`.
    private static func wanted(_ type: any APIOperation.Document.Type, for value: String) -> String? {
        if type == Bool.self { return ["true", "false", ""].contains(value) ? nil : "true or false" }
        if type == UInt64.self { return UInt64(value) == nil ? "a number of 0 or more" : nil }
        return nil
    }
}

extension HTTPRequest {
    /// What an item of the query says that is true or false; nil without it.
    func queryFlag(_ name: String) -> Bool? { queryItem(name).map { $0 != "false" } }
}
