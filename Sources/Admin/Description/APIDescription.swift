// Owns the description of the API as OpenAPI 3.1, put together from what endpoints say about themselves.
internal import HTTPTransport

/// What GET /openapi.json answers.
struct APIDescription {
    let tree: JSONTree

    /// - Throws: `SchemaReader.Undescribed` when a document has a form that cannot be read off its type.
    init(_ endpoints: [any AdminHandler], version: String, needsToken: Bool) throws {
        let schemas = SchemaReader()
        let problem = try schemas.schema(of: Problem.self)
        var paths: [String: [String: JSONTree]] = [:]
        var refusals: Set<Int> = []
        for endpoint in endpoints {
            let own =
                AdminServer.refusals + AccessRules.refusals(needsToken: needsToken) + endpoint.operation.refusals
            paths[endpoint.pattern, default: [:]][endpoint.method.lowercased()] = try Self.operation(
                endpoint, refusals: own, schemas)
            refusals.formUnion(own)
        }
        var components: [String: JSONTree] = [
            "schemas": .object(schemas.components),
            "parameters": Self.named(APIParameter.allCases.map { ($0.rawValue, $0.tree) }),
            "headers": Self.named(APIField.allCases.map { ($0.rawValue, $0.tree) }),
            "responses": Self.named(refusals.map { (Self.name(ofRefusal: $0), Self.refusal($0, problem)) }),
        ]
        var whole: [String: JSONTree] = [
            "openapi": "3.1.0",
            "info": [
                "title": "Meridian's admin API", "version": .text(version),
                "description":
                    .text(
                        "Later versions may add fields to answers: pass over those that you do not know. A change with a "
                            + "field in its body, or an item in its query, that the node does not know is refused with "
                            + "400, and nothing is done; so is a value that is none of an item's. Refusals are told as "
                            + "application/problem+json."),
            ],
            "paths": .object(paths.mapValues { .object($0) }),
        ]
        if needsToken {
            components["securitySchemes"] = [
                "token": ["type": "http", "scheme": "bearer", "description": "The one in admin.token_file."]
            ]
            whole["security"] = [["token": []]]
        }
        whole["components"] = .object(components)
        tree = .object(whole)
    }

    private static func operation(
        _ endpoint: any AdminHandler, refusals: [Int], _ schemas: SchemaReader
    ) throws -> JSONTree {
        let operation = endpoint.operation
        let segments = endpoint.pattern.split(separator: "/")
        let names = segments.filter { $0.hasPrefix("{") }.map { String($0.dropFirst().dropLast()) }
        let references = (names + operation.parameters.map(\.rawValue)).map { JSONTree.reference("parameters", $0) }
        let items = try operation.query.map { $0.tree(try schemas.schema(of: $0.type)) }
        var tree: [String: JSONTree] = [
            "operationId": .text(endpoint.name), "summary": .text(operation.summary),
            "tags": [.text(segments.count > 1 ? String(segments[1]) : "node")],
            "parameters": .list(references + items),
        ]
        if let body = operation.body {
            tree["requestBody"] = [
                "required": .flag(body.isRequired),
                "content": ["application/json": ["schema": try schemas.closedSchema(of: body.type)]],
            ]
        }
        let contents = try operation.answers.map { answer -> (String, JSONTree) in
            (answer.media, try answer.type.map { ["schema": try schemas.schema(of: $0)] } ?? [:])
        }
        var responses: [String: JSONTree] = [:]
        for status in refusals { responses["\(status)"] = .reference("responses", name(ofRefusal: status)) }
        // Clients of such a page look at the status; the text is for people.
        for status in [200] + (operation.kind == .page ? operation.refusals : []) {
            responses["\(status)"] = [
                "description": .text(status == 200 ? "The answer." : HTTPResponse.title(status)),
                "content": named(contents),
                "headers": named(operation.fields.map { ($0.rawValue, .reference("headers", $0.rawValue)) }),
            ]
        }
        tree["responses"] = .object(responses)
        return .object(tree)
    }

    private static func name(ofRefusal status: Int) -> String { "Problem\(status)" }

    private static func refusal(_ status: Int, _ problem: JSONTree) -> JSONTree {
        let fields: [APIField] = [421, 503].contains(status) ? [.leader] : []
        return [
            "description": .text(HTTPResponse.title(status)),
            "content": ["application/problem+json": ["schema": problem]],
            "headers": named(fields.map { ($0.rawValue, .reference("headers", $0.rawValue)) }),
        ]
    }

    private static func named(_ pairs: [(String, JSONTree)]) -> JSONTree {
        .object(Dictionary(pairs, uniquingKeysWith: { $1 }))
    }
}

extension AdminHandler {
    /// Its name in the description: `setPrimary` for `SetPrimaryHandler`.
    var name: String {
        let type = "\(Self.self)"
        let words = type.hasSuffix("Handler") ? type.dropLast("Handler".count) : type[...]
        return words.prefix(1).lowercased() + words.dropFirst()
    }
}
