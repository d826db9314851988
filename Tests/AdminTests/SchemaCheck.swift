// Owns a check of JSON against the schemas of the API's description.
import Foundation

/// A JSON value that keeps flags, whole numbers and others apart.
indirect enum JSONValue: Codable {
    case flag(Bool)
    case whole(Int64)
    case number(Double)
    case text(String)
    case list([JSONValue])
    case object([String: JSONValue])

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let flag = try? container.decode(Bool.self) {
            self = .flag(flag)
        } else if let whole = try? container.decode(Int64.self) {
            self = .whole(whole)
        } else if let number = try? container.decode(Double.self) {
            self = .number(number)
        } else if let text = try? container.decode(String.self) {
            self = .text(text)
        } else if let list = try? container.decode([JSONValue].self) {
            self = .list(list)
        } else {
            self = .object(try container.decode([String: JSONValue].self))
        }
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .flag(let flag): try container.encode(flag)
        case .whole(let whole): try container.encode(whole)
        case .number(let number): try container.encode(number)
        case .text(let text): try container.encode(text)
        case .list(let list): try container.encode(list)
        case .object(let object): try container.encode(object)
        }
    }

    /// What is there by these keys; nil where one leads nowhere.
    subscript(_ keys: String...) -> JSONValue? {
        keys.reduce(Optional(self)) { value, key in
            guard case .object(let object)? = value else { return nil }
            return object[key]
        }
    }

    var text: String? { if case .text(let text) = self { text } else { nil } }
    var list: [JSONValue] { if case .list(let list) = self { list } else { [] } }
    var object: [String: JSONValue] { if case .object(let object) = self { object } else { [:] } }
    /// The texts of a list.
    var texts: [String] { list.compactMap(\.text) }
}

/// Checks values, stricter than JSON Schema does: a key of a structure that its schema does not name is wrong, and so is
/// a schema that this does not know.
struct SchemaCheck {
    let description: JSONValue

    /// What a reference stands for; anything else stands for itself.
    func resolve(_ value: JSONValue) -> JSONValue? {
        guard let reference = value["$ref"]?.text else { return value }
        return reference.split(separator: "/").dropFirst().reduce(Optional(description)) { $0?[String($1)] }
    }

    /// What is wrong with a value, each with its place.
    func problems(_ value: JSONValue, _ schema: JSONValue, at place: String = "$") -> [String] {
        guard let schema = resolve(schema) else { return ["\(place): the schema refers to nothing"] }
        switch (schema["type"]?.text, value) {
        case ("string", .text), ("boolean", .flag), ("number", .whole), ("number", .number): return []
        case ("integer", .whole(let number)):
            guard case .whole(let minimum)? = schema["minimum"], number < minimum else { return [] }
            return ["\(place): \(number) is less than \(minimum)"]
        case ("array", .list(let list)):
            guard let element = schema["items"] else { return ["\(place): the schema has no items"] }
            return list.enumerated().flatMap { problems($1, element, at: "\(place)[\($0)]") }
        case ("object", .object(let object)):
            // Structures have it too, where they are closed: that is how all of them are checked.
            if let element = schema["additionalProperties"], schema["properties"] == nil {
                return object.flatMap { problems($1, element, at: "\(place).\($0)") }
            }
            let fields = schema["properties"]?.object ?? [:]
            let missing = (schema["required"]?.texts ?? []).filter { object[$0] == nil }.map { "\(place) lacks \($0)" }
            return missing
                + object.flatMap { key, value in
                    fields[key].map { problems(value, $0, at: "\(place).\(key)") } ?? ["\(place) must not have \(key)"]
                }
        case (let type, _): return ["\(place): \(value) is no \(type ?? "known type")"]
        }
    }
}
