// Owns how bodies of requests are read: strictly, so that nothing that was asked for is ignored.

/// Reads the body of a request, which is a JSON object without structure.
///
/// Answers may grow, and readers ignore fields that they do not know. A body, however, is an order: neither part of
/// `{"state": "draining", "expires": "5s"}` may be carried out without the other. So an unknown field makes the node
/// refuse it, as with kubectl's strict validation. That works between neighbouring versions, too: a newer command line
/// leaves out fields that have their default (`false`, or nothing), so an older node refuses only what it could not
/// have done.
enum BodyForm {
    static func decode<Body: Decodable>(_ type: Body.Type, _ bytes: [UInt8]) throws(BodyFault) -> Body {
        guard let object = FlatObject(bytes) else { throw .noObject }
        let decoder = FlatDecoder(object)
        do {
            let body = try Body(from: decoder)
            // Everything below handles errors.
            if decoder.rest.isEmpty { return body }
        } catch {
            // Besides a misspelt field, the field that is missing because of it is not worth reporting.
            throw stray(in: object, of: type) ?? error as? BodyFault ?? .undecodable
        }
        throw stray(in: object, of: type) ?? .undecodable
    }

    /// The first field that the type does not have, or that is repeated.
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

/// What is wrong with a body, in words for its author.
enum BodyFault: Error, Hashable, CustomStringConvertible {
    case noObject
    case unknown(String, known: [String])
    case twice(String)
    case missing(String)
    case misfit(String, expected: String)
    /// The type cannot describe a body: a bug in this program.
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
