// Owns how bodies of requests are read: strictly, so that nothing that was asked for is passed over.

/// Reads the body of a request, which is a JSON object without structure.
///
/// Answers may grow, and who reads one passes over what it does not know. A body is an order: of `{"state":
/// "draining", "expires": "5s"}` no part may be carried out without the other, so a field that the node does not know
/// refuses it, as it does where kubectl asks for strict validation. That holds between neighbouring versions, too: a
/// later command line leaves out what means the default (`false`, or nothing), so that an earlier node refuses only
/// what it could not have done.
enum BodyForm {
    static func decode<Body: Decodable>(_ type: Body.Type, _ bytes: [UInt8]) throws(BodyFault) -> Body {
        guard let object = FlatObject(bytes) else { throw .noObject }
        let decoder = FlatDecoder(object)
        do {
            let body = try Body(from: decoder)
            // All that follows is for what is wrong.
            if decoder.rest.isEmpty { return body }
        } catch {
            // What a misspelt field leaves missing is no news beside it.
            throw stray(in: object, of: type) ?? error as? BodyFault ?? .undecodable
        }
        throw stray(in: object, of: type) ?? .undecodable
    }

    /// The first field that the type does not have, or that comes again.
    private static func stray<Body: Decodable>(in object: FlatObject, of type: Body.Type) -> BodyFault? {
        guard let known = try? SchemaReader().fields(of: type) else { return nil }
        var seen: Set<String> = []
        for field in object.fields {
            guard known.contains(field.name) else { return .unknown(field.name, known: known) }
            guard seen.insert(field.name).inserted else { return .twice(field.name) }
        }
        return nil
    }
}

/// What is wrong with a body, in words for who sent it.
enum BodyFault: Error, Hashable, CustomStringConvertible {
    case noObject
    case unknown(String, known: [String])
    case twice(String)
    case missing(String)
    case misfit(String, expected: String)
    /// The type is no form of a body: a mistake of this program.
    case undecodable

    var description: String {
        switch self {
        case .noObject: "the body is no JSON object"
        case .unknown(let name, let known):
            "the body has \(UnknownName(name, among: known, of: "field"))"
        case .twice(let name): "the body has \"\(name)\" twice"
        case .missing(let name): "the body lacks \"\(name)\""
        case .misfit(let name, let expected): "\"\(name)\" is not \(expected)"
        case .undecodable: "the body cannot be read"
        }
    }
}
