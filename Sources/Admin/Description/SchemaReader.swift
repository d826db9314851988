// Owns the schemas of documents, derived from their types: a document must hold what decoding it asks for.

/// Derives JSON Schemas (2020-12, as in OpenAPI 3.1) from types, by letting their synthesised `init(from:)` decode from
/// nothing. A field that is decoded only if present is optional.
final class SchemaReader {
    /// A type that is not made of structures, lists, maps, texts, numbers and flags, or that contains itself, or shares
    /// its name with another.
    struct Undescribed: Error {
        let type: String
    }

    /// The schemas of structures, by their types' names without the module.
    var components: [String: JSONTree] {
        closed.reduce(into: structures) { components, name in
            guard case .object(var schema)? = components[name] else { return }
            schema["additionalProperties"] = false
            components[name] = .object(schema)
        }
    }
    private var structures: [String: JSONTree] = [:]
    /// Structures that may have no fields but those of their types.
    private var closed: Set<String> = []
    /// The structures that enclose the one being read.
    private var surrounding: Set<String> = []

    /// The schema of a type; for a structure, a reference to its component.
    func schema<Value: Decodable>(of type: Value.Type) throws -> JSONTree { try read(type).schema }

    /// The schema of a structure that may have no fields but those of its type, as bodies of requests.
    func closedSchema<Value: Decodable>(of type: Value.Type) throws -> JSONTree {
        closed.insert(Self.component(of: type))
        return try schema(of: type)
    }

    /// The names of a structure's fields in alphabetical order; none for other types.
    func fields<Value: Decodable>(of type: Value.Type) throws -> [String] {
        _ = try schema(of: type)
        guard case .object(let schema)? = structures[Self.component(of: type)],
            case .object(let fields)? = schema["properties"]
        else { return [] }
        return fields.keys.sorted()
    }

    /// A type's name without its module.
    private static func component<Value>(of type: Value.Type) -> String {
        String(String(reflecting: type).drop { $0 != "." }.dropFirst())
    }

    /// The schema, and an empty value so that decoding can continue.
    fileprivate func read<Value: Decodable>(_ type: Value.Type) throws -> (schema: JSONTree, empty: Value) {
        if let scalar = type as? any Scalar.Type, let empty = scalar.init() as? Value { return (scalar.schema, empty) }
        let name = String(reflecting: type)
        guard surrounding.insert(name).inserted else { throw Undescribed(type: name) }
        defer { surrounding.remove(name) }
        let shape = Shape(self)
        let empty = try Value(from: shape)
        switch shape.kind {
        case .list(let element): return (["type": "array", "items": element], empty)
        case .map(let element): return (["type": "object", "additionalProperties": element], empty)
        case .structure(let fields, let optional):
            let component = Self.component(of: type)
            let required = fields.keys.filter { !optional.contains($0) }.sorted().map(JSONTree.text)
            let schema: JSONTree = ["type": "object", "properties": .object(fields), "required": .list(required)]
            guard structures.updateValue(schema, forKey: component) ?? schema == schema else {
                throw Undescribed(type: name)
            }
            return (.reference("schemas", component), empty)
        case nil: throw Undescribed(type: name)
        }
    }
}

/// Types without parts.
private protocol Scalar: Decodable {
    init()
    static var schema: JSONTree { get }
}

extension String: Scalar {
    fileprivate static var schema: JSONTree { ["type": "string"] }
}

extension Bool: Scalar {
    fileprivate static var schema: JSONTree { ["type": "boolean"] }
}

extension Double: Scalar {
    fileprivate static var schema: JSONTree { ["type": "number", "format": "double"] }
}

extension Scalar where Self: FixedWidthInteger {
    fileprivate static var schema: JSONTree {
        isSigned
            ? ["type": "integer", "format": "int\(bitWidth)"]
            : ["type": "integer", "format": "uint\(bitWidth)", "minimum": 0]
    }
}

extension Int: Scalar {}
extension Int64: Scalar {}
extension UInt32: Scalar {}
extension UInt64: Scalar {}

/// A decoder without data: it notes what it is asked for and answers with empty values.
private final class Shape: Decoder {
    enum Kind {
        case structure(fields: [String: JSONTree], optional: Set<String>)
        case map(JSONTree)
        case list(JSONTree)
    }

    let reader: SchemaReader
    var kind: Kind?
    let codingPath: [any CodingKey] = []
    let userInfo: [CodingUserInfoKey: Any] = [:]

    init(_ reader: SchemaReader) { self.reader = reader }

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedDecodingContainer<Key> {
        kind = .structure(fields: [:], optional: [])
        return KeyedDecodingContainer(Fields<Key>(shape: self))
    }

    func unkeyedContainer() -> any UnkeyedDecodingContainer { Elements(shape: self) }

    func singleValueContainer() throws -> any SingleValueDecodingContainer { throw undescribed }

    var undescribed: SchemaReader.Undescribed { .init(type: "a part of another form") }
}

/// The fields of a structure; for a map, the one field that stands for all.
private struct Fields<Key: CodingKey>: KeyedDecodingContainerProtocol {
    let shape: Shape
    var codingPath: [any CodingKey] { [] }

    /// Only maps ask which keys there are.
    var allKeys: [Key] {
        shape.kind = .map([:])
        return [Key(stringValue: "any")].compactMap(\.self)
    }

    /// Only for optional fields it is asked whether they are there.
    func contains(_ key: Key) -> Bool {
        if case .structure(let fields, var optional) = shape.kind {
            optional.insert(DocumentForm.name(of: key))
            shape.kind = .structure(fields: fields, optional: optional)
        }
        return true
    }

    func decodeNil(forKey key: Key) -> Bool { false }

    func decode<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value {
        let (schema, empty) = try shape.reader.read(type)
        if case .structure(var fields, let optional) = shape.kind {
            fields[DocumentForm.name(of: key)] = schema
            shape.kind = .structure(fields: fields, optional: optional)
        } else {
            shape.kind = .map(schema)
        }
        return empty
    }

    func nestedContainer<Nested: CodingKey>(keyedBy: Nested.Type, forKey: Key) throws -> KeyedDecodingContainer<Nested>
    { throw shape.undescribed }
    func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer { throw shape.undescribed }
    func superDecoder() throws -> any Decoder { throw shape.undescribed }
    func superDecoder(forKey key: Key) throws -> any Decoder { throw shape.undescribed }
}

/// The one element of a list that stands for all.
private struct Elements: UnkeyedDecodingContainer {
    let shape: Shape
    var codingPath: [any CodingKey] { [] }
    var count: Int? { 1 }
    var isAtEnd: Bool { currentIndex > 0 }
    private(set) var currentIndex = 0

    mutating func decodeNil() -> Bool { false }

    mutating func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
        let (schema, empty) = try shape.reader.read(type)
        shape.kind = .list(schema)
        currentIndex += 1
        return empty
    }

    func nestedContainer<Nested: CodingKey>(keyedBy: Nested.Type) throws -> KeyedDecodingContainer<Nested> {
        throw shape.undescribed
    }
    func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer { throw shape.undescribed }
    func superDecoder() throws -> any Decoder { throw shape.undescribed }
}
