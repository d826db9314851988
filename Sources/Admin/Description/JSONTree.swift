// Owns JSON that has no type of its own.

/// A JSON value, written as a literal of Swift.
enum JSONTree: Encodable, Hashable, Sendable {
    case text(String)
    case number(Int)
    case flag(Bool)
    case list([JSONTree])
    case object([String: JSONTree])

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .text(let text): try container.encode(text)
        case .number(let number): try container.encode(number)
        case .flag(let flag): try container.encode(flag)
        case .list(let list): try container.encode(list)
        // As a dictionary, because its keys are never converted to snake case.
        case .object(let object): try container.encode(object)
        }
    }

    /// A reference to a component of an OpenAPI document.
    static func reference(_ kind: String, _ name: String) -> JSONTree { ["$ref": "#/components/\(kind)/\(name)"] }
}

extension JSONTree: ExpressibleByStringInterpolation, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral,
    ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    init(stringLiteral text: String) { self = .text(text) }
    init(integerLiteral number: Int) { self = .number(number) }
    init(booleanLiteral flag: Bool) { self = .flag(flag) }
    init(arrayLiteral list: JSONTree...) { self = .list(list) }
    init(dictionaryLiteral pairs: (String, JSONTree)...) {
        self = .object(Dictionary(pairs, uniquingKeysWith: { $1 }))
    }
}
