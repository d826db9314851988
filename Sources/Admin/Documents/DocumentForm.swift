// Owns the form of the API's documents in JSON, for the node that answers and for the command line that asks.
internal import FoundationEssentials

/// How documents are written and read: each is one type, which both sides use, and `requestsPerSecond` is
/// `requests_per_second` on the wire.
///
/// Nodes and command lines of neighbouring versions talk to each other: a field that a later version adds is optional,
/// none is taken away, and who reads passes over what it does not know.
package enum DocumentForm {
    private static let encoder: JSONEncoder = {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return encoder
    }()

    private static let decoder: JSONDecoder = {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return decoder
    }()

    /// One line of JSON, keys sorted; nil for what has no JSON, such as a number that is not finite.
    package static func encode(_ value: some Encodable) -> [UInt8]? {
        (try? encoder.encode(value)).map { Array($0) }
    }

    /// - Throws: a `DecodingError`; `name(of:)` tells its keys as they are on the wire.
    package static func decode<Value: Decodable>(_ type: Value.Type, _ bytes: [UInt8]) throws -> Value {
        try decoder.decode(type, from: Data(bytes))
    }

    /// A key as it is on the wire: `expires_in` of `expiresIn`. Documents have no key with two capitals in a row.
    static func name(of key: some CodingKey) -> String {
        key.stringValue.reduce(into: "") { name, character in
            if character.isUppercase, !name.isEmpty { name += "_" }
            name += character.lowercased()
        }
    }
}
