// Owns what an endpoint says about itself, from which the description of the API is made.

/// What only the endpoint knows. `APIDescription` adds what follows from its path and its kind.
struct APIOperation: Sendable {
    typealias Document = Decodable & Sendable

    /// Who answers or acts. Shared parameters, refusals and header fields follow from it.
    enum Kind: Sendable {
        /// About this node or the API itself, independent of the group.
        case page
        /// About the state at this node; `?consistent=true` waits until that has everything acknowledged.
        case read
        /// Goes through the group's log.
        case command
        /// Done by the leader: a change of the group itself.
        case group
        /// Done by this node alone.
        case local
    }

    /// An item of the query that this operation reads.
    struct Item: Sendable {
        let name: String
        let text: String
        /// A text, a number of 0 or more (`UInt64`), or something that is true or false.
        let type: any Document.Type

        /// As OpenAPI has it.
        ///
        /// - Parameter schema: of its type.
        func tree(_ schema: JSONTree) -> JSONTree {
            var tree: [String: JSONTree] = [
                "name": .text(name), "in": "query", "description": .text(text), "required": false, "schema": schema,
            ]
            if type == Bool.self { tree["allowEmptyValue"] = true }
            return .object(tree)
        }

        init(_ name: String, _ text: String, _ type: any Document.Type = String.self) {
            self.name = name
            self.text = text
            self.type = type
        }

        static let reason = Item("reason", "Why; for the record.")
        static let force = Item(
            "force",
            "`true`: even if it takes all traffic from the primary or, without one, from the service, or leaves more than "
                + "half of its datacenters without. `force` of a body goes first.", Bool.self)
    }

    struct Body: Sendable {
        let type: any Document.Type
        let isRequired: Bool

        static func required(_ type: any Document.Type) -> Body { Body(type: type, isRequired: true) }
        static func optional(_ type: any Document.Type) -> Body { Body(type: type, isRequired: false) }
    }

    /// One form of a successful answer.
    struct Content: Sendable {
        let media: String
        /// nil: any JSON.
        let type: (any Document.Type)?

        static func document(_ type: any Document.Type) -> Content { Content(media: "application/json", type: type) }
        static func text(_ media: String) -> Content { Content(media: media, type: String.self) }
        static let json = Content(media: "application/json", type: nil)
    }

    let kind: Kind
    /// One sentence.
    let summary: String
    let query: [Item]
    /// Beside those of its kind.
    let parameters: [APIParameter]
    let body: Body?
    let answers: [Content]
    /// Beside those of its kind.
    let fields: [APIField]
    /// Statuses besides those of its kind and those that every request may get.
    let refusals: [Int]

    init(
        _ kind: Kind, _ summary: String, query: [Item] = [], parameters: [APIParameter] = [], body: Body? = nil,
        answers: Content..., fields: [APIField] = [], refusals: [Int] = []
    ) {
        self.kind = kind
        self.summary = summary
        self.query = query
        self.parameters = kind.parameters + parameters
        self.body = body
        self.answers = answers
        self.fields = kind.fields + fields
        self.refusals = Set(kind.refusals + refusals).sorted()
    }
}

extension APIOperation {
    /// The items of the query that it reads, those of its kind among them.
    var queryItems: [Item] {
        parameters.filter(\.isInQuery).map { Item($0.rawValue, $0.text, Bool.self) } + query
    }
}

extension APIOperation.Kind {
    /// Whether it has an effect besides the answer.
    var changesSomething: Bool {
        switch self {
        case .page, .read: false
        case .command, .group, .local: true
        }
    }

    fileprivate var parameters: [APIParameter] {
        switch self {
        case .page, .local: []
        case .read: [.consistent]
        case .command: [.forward, .idempotencyKey, .ifMatch, .author]
        case .group: [.forward, .author]
        }
    }

    fileprivate var fields: [APIField] { self == .command ? [.index, .idempotencyKey] : [] }

    fileprivate var refusals: [Int] {
        switch self {
        case .page: []
        case .read: [503]
        case .local: [400, 503]
        case .command: [400, 404, 409, 412, 422, 503, 504]
        case .group: [400, 404, 409, 503, 504]
        }
    }
}
