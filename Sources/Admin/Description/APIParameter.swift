// Owns the parameters that several operations take, and the header fields that several answer with.

/// A parameter that means the same wherever it is taken; the raw value is its name.
enum APIParameter: String, CaseIterable, Sendable {
    case consistent, forward
    case idempotencyKey = "Idempotency-Key"
    case ifMatch = "If-Match"
    case author = "Meridian-Author"
    case service, datacenter, address

    /// Whether it is an item of the query; all of these are true or false.
    var isInQuery: Bool { self == .consistent || self == .forward }

    /// What it is for.
    var text: String {
        switch self {
        case .consistent: "`true`: the answer has all that the group had acknowledged before."
        case .forward: "`false`: refuse with 421 instead of passing it on to the leader."
        case .idempotencyKey: "Whoever asks again with it gets the first answer; made by the node if absent."
        case .ifMatch: "An ETag: refuse with 412 if it is not the last any more where it is applied."
        case .author: "A name for the record: 1-64 printable characters without blanks."
        case .service: "A service's name."
        case .datacenter: "The name of a datacenter."
        case .address: "The address of an endpoint, such as 10.0.0.1:80 or unix:/run/shop."
        }
    }

    /// As OpenAPI has it.
    var tree: JSONTree {
        switch self {
        case .consistent, .forward: APIOperation.Item(rawValue, text, Bool.self).tree(["type": "boolean"])
        case .idempotencyKey, .ifMatch, .author: tree("header")
        case .service, .datacenter, .address: tree("path")
        }
    }

    private func tree(_ place: String) -> JSONTree {
        [
            "name": .text(rawValue), "in": .text(place), "description": .text(text),
            "required": .flag(place == "path"), "schema": ["type": "string"],
        ]
    }
}

/// A header field of answers; the raw value is its name.
enum APIField: String, CaseIterable, Sendable {
    case tag = "ETag"
    case index = "Meridian-Index"
    case idempotencyKey = "Idempotency-Key"
    case leader = "Meridian-Leader"

    /// As OpenAPI has it.
    var tree: JSONTree {
        let text =
            switch self {
            case .tag: "Changes when what is told does; of the state it is the index of its last change."
            case .index: "The index of the log that the answer is of, or that the change has."
            case .idempotencyKey: "What to ask again with, so that nothing is done twice."
            case .leader: "Who leads the group, where one is known."
            }
        return ["description": .text(text), "schema": ["type": "string"]]
    }
}
