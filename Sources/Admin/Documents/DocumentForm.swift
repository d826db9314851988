// Owns the JSON form of the API's documents, for the node that answers and the command line that asks.
internal import FoundationEssentials

/// How documents are written and read: each is one type, which both sides use, and `requestsPerSecond` is
/// `requests_per_second` on the wire.
///
/// Nodes and command lines of neighbouring versions talk to each other: a field that a later version adds is optional,
/// none is removed, and readers of an answer ignore fields that they do not know. Bodies of requests are read by
/// `BodyForm`, which refuses those.
package enum DocumentForm {
    private static let decoder: JSONDecoder = {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return decoder
    }()

    /// One line of JSON with sorted keys; nil if a value has no JSON form, such as a number that is not finite.
    package static func encode(_ value: some Encodable) -> [UInt8]? { try? DocumentWriter.bytes(of: value) }

    /// Reads an answer.
    package static func decode<Value: Decodable>(_ type: Value.Type, _ bytes: [UInt8]) throws -> Value {
        try decoder.decode(type, from: Data(bytes))
    }

    // MARK: Names

    /// Appends a key as it is on the wire: `expires_in` for `expiresIn`. Documents have no key with two capitals in a
    /// row, and none that is not ASCII.
    static func writeName(ofKey key: String, into bytes: inout [UInt8]) {
        for byte in key.utf8 {
            if isCapital(byte) { bytes += [0x5F, byte | 0x20] } else { bytes.append(byte) }
        }
    }

    /// A key as it is on the wire.
    static func name(of key: some CodingKey) -> String {
        var bytes: [UInt8] = []
        writeName(ofKey: key.stringValue, into: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Whether that is the key as it is on the wire. Allocates nothing.
    static func isName(_ name: String, ofKey key: String) -> Bool {
        var rest = name.utf8.makeIterator()
        for byte in key.utf8 {
            if isCapital(byte), rest.next() != 0x5F { return false }
            guard rest.next() == (isCapital(byte) ? byte | 0x20 : byte) else { return false }
        }
        return rest.next() == nil
    }

    private static func isCapital(_ byte: UInt8) -> Bool { byte &- 0x41 < 26 }
}
