// Owns the proof that schemas are read off types as they are, and that the check by them finds what is wrong.
import Foundation
import Testing

@testable import Admin

/// Has the name of another document.
struct WithoutLeaseAnswer: Codable {
    var other: Bool
}

@Suite struct SchemaReading {
    struct Part: Codable {
        var inFlight: Int
    }

    struct Whole: Codable {
        var name: String
        var isFit: Bool?
        var part: Part
        var other: Part?
        var parts: [Part]
        var lists: [[String]]?
        var votes: [String: String]
        var byName: [String: Part]?
    }

    struct Numbers: Codable {
        var int: Int
        var int64: Int64?
        var uint32: UInt32
        var uint64: UInt64
        var double: Double
    }

    struct Endless: Codable {
        var parts: [Endless]
    }

    enum Word: String, Codable { case up, down }

    static let part: JSONTree = ["$ref": "#/components/schemas/SchemaReading.Part"]
    static let partSchema: JSONTree = [
        "type": "object", "properties": ["in_flight": ["type": "integer", "format": "int64"]],
        "required": ["in_flight"],
    ]
    static let wholeSchema: JSONTree = [
        "type": "object",
        "properties": [
            "name": ["type": "string"], "is_fit": ["type": "boolean"], "part": part, "other": part,
            "parts": ["type": "array", "items": part],
            "lists": ["type": "array", "items": ["type": "array", "items": ["type": "string"]]],
            "votes": ["type": "object", "additionalProperties": ["type": "string"]],
            "by_name": ["type": "object", "additionalProperties": part],
        ],
        "required": ["name", "part", "parts", "votes"],
    ]
    static let numbersSchema: JSONTree = [
        "type": "object",
        "properties": [
            "int": ["type": "integer", "format": "int64"], "int64": ["type": "integer", "format": "int64"],
            "uint32": ["type": "integer", "format": "uint32", "minimum": 0],
            "uint64": ["type": "integer", "format": "uint64", "minimum": 0],
            "double": ["type": "number", "format": "double"],
        ],
        "required": ["double", "int", "uint32", "uint64"],
    ]

    /// A type, what stands for it, and the components that it brings.
    static let cases: [(any (Decodable & Sendable).Type, JSONTree, [String: JSONTree])] = [
        (String.self, ["type": "string"], [:]),
        (UInt64.self, ["type": "integer", "format": "uint64", "minimum": 0], [:]),
        ([Part].self, ["type": "array", "items": part], ["SchemaReading.Part": partSchema]),
        ([String: Bool].self, ["type": "object", "additionalProperties": ["type": "boolean"]], [:]),
        (
            Whole.self, ["$ref": "#/components/schemas/SchemaReading.Whole"],
            ["SchemaReading.Whole": wholeSchema, "SchemaReading.Part": partSchema]
        ),
        (
            Numbers.self, ["$ref": "#/components/schemas/SchemaReading.Numbers"],
            ["SchemaReading.Numbers": numbersSchema]
        ),
    ]

    @Test(arguments: cases.indices)
    func schemasAreThoseOfTheTypes(_ row: Int) throws {
        let (type, schema, components) = Self.cases[row]
        let reader = SchemaReader()
        #expect(try reader.schema(of: type) == schema)
        #expect(reader.components == components)
    }

    static let undescribed: [any (Decodable & Sendable).Type] = [Endless.self, Word.self, Float.self, [UInt8].self]

    @Test(arguments: undescribed.indices)
    func whatHasNoSchemaIsRefused(_ row: Int) {
        #expect(throws: SchemaReader.Undescribed.self) { try SchemaReader().schema(of: Self.undescribed[row]) }
    }

    @Test func closedStructuresSaySoAndNameTheirFields() throws {
        let reader = SchemaReader()
        for _ in 0..<2 { #expect(try reader.closedSchema(of: Part.self) == Self.part) }
        _ = try reader.schema(of: Numbers.self)
        guard case .object(var closed) = Self.partSchema else { return }
        closed["additionalProperties"] = false
        #expect(reader.components["SchemaReading.Part"] == .object(closed))
        #expect(reader.components["SchemaReading.Numbers"] == Self.numbersSchema)
        #expect(try reader.fields(of: Numbers.self) == ["double", "int", "int64", "uint32", "uint64"])
    }

    @Test func twoTypesOfOneNameAreRefused() throws {
        let reader = SchemaReader()
        _ = try reader.schema(of: WithoutLeaseAnswer.self)
        #expect(throws: SchemaReader.Undescribed.self) { try reader.schema(of: Admin.WithoutLeaseAnswer.self) }
    }

    // MARK: The check

    /// A body, and what is wrong with it.
    static let bodies: [(String, [String])] = [
        (#"{"name":"a","part":{"in_flight":1},"parts":[],"votes":{"x":"up"}}"#, []),
        (#"{"name":"a","is_fit":true,"part":{"in_flight":1},"parts":[{"in_flight":2}],"votes":{}}"#, []),
        (#"{"name":"a","part":{"in_flight":1},"votes":{}}"#, ["$ lacks parts"]),
        (#"{"name":"a","part":{"in_flight":1},"parts":[],"votes":{},"more":1}"#, ["$ must not have more"]),
        (#"{"name":"a","part":{},"parts":[],"votes":{}}"#, ["$.part lacks in_flight"]),
        (
            #"{"name":"a","part":{"in_flight":1.5},"parts":[],"votes":{}}"#,
            ["$.part.in_flight: number(1.5) is no integer"]
        ),
        (
            #"{"name":"a","part":{"in_flight":1},"parts":[{"in_flight":true}],"votes":{}}"#,
            ["$.parts[0].in_flight: flag(true) is no integer"]
        ),
        (
            #"{"name":"a","part":{"in_flight":1},"parts":[],"votes":{"x":2}}"#, ["$.votes.x: whole(2) is no string"]
        ),
    ]

    @Test(arguments: bodies.indices)
    func theCheckFindsWhatIsWrong(_ row: Int) throws {
        let (text, problems) = Self.bodies[row]
        let reader = SchemaReader()
        let schema = try reader.schema(of: Whole.self)
        let description: JSONTree = ["components": ["schemas": .object(reader.components)]]
        func value(_ tree: JSONTree) throws -> JSONValue {
            try JSONDecoder().decode(JSONValue.self, from: JSONEncoder().encode(tree))
        }
        let check = SchemaCheck(description: try value(description))
        let sent = try JSONDecoder().decode(JSONValue.self, from: Data(text.utf8))
        #expect(check.problems(sent, try value(schema)) == problems)
    }
}
