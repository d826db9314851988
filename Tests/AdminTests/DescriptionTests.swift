// Owns the proof that the description of the API is whole, and that real answers are as it says.
import Foundation
import HTTPTransport
import Settings
import Testing

@testable import Admin

@Suite struct Descriptions {
    private struct Operation {
        let path: String
        let method: String
        let tree: JSONValue
    }

    private static func description(_ site: Site, _ fields: [(name: String, value: String)] = []) throws -> SchemaCheck
    {
        let answer = try site.ask("GET", "/openapi.json", "", fields)
        #expect(answer.status == 200)
        #expect(answer[field: "content-type"] == "application/json")
        return SchemaCheck(description: try JSONDecoder().decode(JSONValue.self, from: Data(answer.body)))
    }

    private static func operations(_ check: SchemaCheck) -> [Operation] {
        (check.description["paths"]?.object ?? [:]).flatMap { path, methods in
            methods.object.map { Operation(path: path, method: $0.uppercased(), tree: $1) }
        }
    }

    // MARK: Wholeness

    @Test func everyEndpointIsThereOnce() throws {
        let check = try Self.description(Site())
        #expect(check.description["openapi"]?.text == "3.1.0")
        #expect(check.description["info", "version"]?.text == "1.2.3")
        let operations = Self.operations(check)
        #expect(operations.count == AdminRouter.whole.endpoints.count)
        for endpoint in AdminRouter.whole.endpoints {
            let found = operations.filter { $0.path == endpoint.pattern && $0.method == endpoint.method }
            #expect(found.count == 1, "\(endpoint.method) \(endpoint.pattern)")
            #expect(found.first?.tree["summary"]?.text?.hasSuffix(".") == true, "\(endpoint.name)")
        }
        let ids = operations.compactMap { $0.tree["operationId"]?.text }
        #expect(Set(ids).count == operations.count)
        #expect(Set(ids).isSuperset(of: ["status", "setPrimary", "resetEndpointWeight", "openAPI"]))
    }

    @Test func whatPathsNameIsDeclared() throws {
        let check = try Self.description(Site())
        for operation in Self.operations(check) {
            let parameters = (operation.tree["parameters"]?.list ?? []).compactMap(check.resolve)
            #expect(parameters.allSatisfy { $0["description"]?.text?.isEmpty == false && $0["schema"] != nil })
            let places = parameters.map { "\($0["in"]?.text ?? "") \($0["name"]?.text ?? "")" }
            #expect(Set(places).count == places.count, "\(operation.path)")
            let named = operation.path.matches(of: #/\{([a-z]+)\}/#).map { "path \($0.output.1)" }
            #expect(places.filter { $0.hasPrefix("path ") } == named, "\(operation.path)")
        }
    }

    @Test func referencesLeadSomewhere() throws {
        let check = try Self.description(Site())
        var count = 0
        func walk(_ value: JSONValue) {
            if let reference = value["$ref"]?.text {
                count += 1
                #expect(check.resolve(value) != nil, "\(reference)")
            }
            value.list.forEach(walk)
            value.object.values.forEach(walk)
        }
        walk(check.description)
        #expect(count > 100)
    }

    @Test func changesTellWhatGuardsThem() throws {
        let check = try Self.description(Site())
        let path = check.description["paths", "/v1/services/{service}/primary", "post"]
        let parameters = (path?["parameters"]?.list ?? []).compactMap { check.resolve($0)?["name"]?.text }
        #expect(parameters == ["service", "forward", "Idempotency-Key", "If-Match", "Meridian-Author"])
        let statuses = path?["responses"]?.object.keys.sorted()
        #expect(
            statuses == [
                "200", "400", "403", "404", "405", "408", "409", "412", "413", "414", "417", "421", "422", "431", "500",
                "501", "503", "504", "505",
            ])
        let fields = path?["responses", "200", "headers"]?.object.keys.sorted()
        #expect(fields == ["Idempotency-Key", "Meridian-Index"])
        let reading = check.description["paths", "/v1/status", "get", "parameters"]?.list ?? []
        #expect(reading.compactMap { check.resolve($0)?["name"]?.text } == ["consistent"])
    }

    @Test func aTokenIsToldOfWhereItIsAskedFor() throws {
        let path = FileManager.default.temporaryDirectory.path + "/meridian-token-\(UUID().uuidString)"
        try "s3cret-token\n".write(toFile: path, atomically: true, encoding: .utf8)
        defer { try? FileManager.default.removeItem(atPath: path) }
        let guarded = try Self.description(
            Site { $0.admin.tokenFile = path }, [("Authorization", "Bearer s3cret-token")]
        ).description
        #expect(guarded["components", "securitySchemes", "token", "scheme"]?.text == "bearer")
        #expect(guarded["security"]?.list.first?["token"] != nil)
        #expect(guarded["paths", "/v1/status", "get", "responses", "401"] != nil)
        let open = try Self.description(Site()).description
        #expect(open["components", "securitySchemes"] == nil && open["security"] == nil)
        #expect(open["paths", "/v1/status", "get", "responses", "401"] == nil)
    }

    // MARK: Truth

    /// What of an answer is not as the description says.
    private static func problems(
        _ check: SchemaCheck, _ method: String, _ pattern: String, _ answer: HTTPResponse
    ) throws -> [String] {
        let responses = check.description["paths", pattern, method.lowercased(), "responses"]
        guard let told = responses?["\(answer.status)"].flatMap(check.resolve) else {
            return ["\(answer.status) is not told of: \(answer.text)"]
        }
        let media = answer[field: "content-type"].map { String($0.prefix { $0 != ";" }) } ?? ""
        guard let content = told["content", media] else { return ["\(media) is not told of"] }
        var problems = [APIField.tag, .index].compactMap { field -> String? in
            let isTold = told["headers", field.rawValue] != nil
            guard answer.status == 200, isTold != (answer[field: field.rawValue] != nil) else { return nil }
            return "\(field.rawValue) is\(isTold ? "" : " not") told of"
        }
        if media.hasSuffix("json"), let schema = content["schema"] {
            let value = try JSONDecoder().decode(JSONValue.self, from: Data(answer.body))
            problems += check.problems(value, schema)
        }
        return problems
    }

    /// A site where all that documents tell only sometimes is so.
    private static func eventfulSite() throws -> Site {
        let site = try Site()
        let shop = "/v1/services/shop/datacenters"
        let changes = [
            ("PUT", "/v1/freeze", #"{"frozen":true,"reason":"work"}"#),
            ("PUT", shop + "/west/weight", #"{"weight":7,"expires_in":"1h","reason":"big"}"#),
            ("PUT", shop + "/west/endpoints/127.0.0.1:2/state", #"{"state":"draining"}"#),
            ("POST", "/v1/services/shop/primary", #"{"datacenter":"east"}"#),
        ]
        for (method, path, body) in changes { #expect(try site.ask(method, path, body).status == 200) }
        return site
    }

    @Test func everyReadAnswersAsDescribed() throws {
        let site = try Self.eventfulSite()
        let check = try Self.description(site)
        var documents = 0
        for operation in Self.operations(check) where operation.method == "GET" {
            for service in ["shop", "files"] {
                let path = operation.path.replacing("{service}", with: service)
                #expect(!path.contains("{"), "\(path) needs a value in this test")
                let answer = try site.ask("GET", path)
                #expect(answer.status == 200, "\(path): \(answer.text)")
                let problems = try Self.problems(check, "GET", operation.path, answer)
                #expect(problems.isEmpty, "\(path): \(problems)")
                documents += answer[field: "content-type"] == "application/json" ? 1 : 0
            }
        }
        #expect(documents >= 18)
    }

    static let changes: [(String, String, String, Int)] = [
        ("PUT", "/v1/services/{service}/datacenters/{datacenter}/weight", #"{"weight":5}"#, 200),
        ("PUT", "/v1/services/{service}/datacenters/{datacenter}/weight", #"{"weight":500}"#, 400),
        ("DELETE", "/v1/services/{service}/datacenters/{datacenter}/weight", "", 200),
        ("PUT", "/v1/services/{service}/datacenters/{datacenter}/endpoints/{address}/weight", #"{"weight":5}"#, 200),
        ("DELETE", "/v1/services/{service}/datacenters/{datacenter}/endpoints/{address}/weight", "", 200),
        ("PUT", "/v1/services/{service}/datacenters/{datacenter}/state", #"{"state":"active"}"#, 200),
        (
            "PUT", "/v1/services/{service}/datacenters/{datacenter}/endpoints/{address}/state",
            #"{"state":"draining","expires_in":"1h"}"#, 200
        ),
        ("POST", "/v1/services/{service}/primary", #"{"datacenter":"west"}"#, 200),
        ("POST", "/v1/services/{service}/primary", #"{"datacenter":"none"}"#, 404),
        ("PUT", "/v1/freeze", #"{"frozen":true,"reason":"work"}"#, 200),
        ("POST", "/v1/reload", "", 200),
        ("POST", "/v1/cluster/members", #"{"id":"n4"}"#, 409),
        ("DELETE", "/v1/cluster/members", #"{"id":"n4"}"#, 409),
        ("POST", "/v1/cluster/transfer", "", 409),
        ("DELETE", "/v1/services/{service}/serve-without-lease", "", 409),
    ]

    @Test(arguments: changes.indices)
    func changesAnswerAsDescribed(_ row: Int) throws {
        let (method, pattern, body, status) = Self.changes[row]
        let site = try Site()
        let path = pattern.replacing("{service}", with: "shop").replacing("{datacenter}", with: "west")
            .replacing("{address}", with: "127.0.0.1:1")
        let answer = try site.ask(method, path, body)
        #expect(answer.status == status, "\(answer.text)")
        let problems = try Self.problems(try Self.description(site), method, pattern, answer)
        #expect(problems.isEmpty, "\(method) \(path): \(problems)")
    }

    /// The types that descriptions name are those that endpoints decode.
    @Test func bodiesLackWhatIsRequired() throws {
        let site = try Site()
        let check = try Self.description(site)
        var bodies = 0
        for operation in Self.operations(check) {
            guard let body = operation.tree["requestBody", "content", "application/json", "schema"] else { continue }
            let required = check.resolve(body)?["required"]?.texts ?? []
            guard !required.isEmpty else { continue }
            bodies += 1
            let path = operation.path.replacing(#/\{[a-z]+\}/#, with: "127.0.0.1:1")
            let detail = try site.ask(operation.method, path, "{}").problem(400)
            #expect(required.contains { detail.contains("\"\($0)\"") }, "\(operation.path): \(detail)")
        }
        #expect(bodies == 9)
    }

    /// So are those that descriptions call closed: no body is accepted with a field that is not told of.
    @Test func bodiesHaveNoOtherFields() throws {
        let site = try Site()
        let check = try Self.description(site)
        var bodies = 0
        for operation in Self.operations(check) {
            guard let body = operation.tree["requestBody", "content", "application/json", "schema"] else { continue }
            bodies += 1
            let schema = try #require(check.resolve(body))
            guard case .flag(false)? = schema["additionalProperties"] else {
                Issue.record("\(operation.path) is not closed")
                continue
            }
            let path = operation.path.replacing(#/\{[a-z]+\}/#, with: "127.0.0.1:1")
            let detail = try site.ask(operation.method, path, #"{"added_later":{"a":["}"]}}"#).problem(400)
            #expect(detail.contains("unknown field \"added_later\""), "\(operation.path): \(detail)")
            for field in try #require(schema["properties"]).object.keys {
                #expect(detail.contains("\"\(field)\""), "\(operation.path): \(detail)")
            }
        }
        #expect(bodies == 10)
    }
}
