// Owns the proof of what can be changed: weights, states, primaries; preconditions, retries and refusals.
import Admin
import Catalog
import Foundation
import HTTPTransport
import Testing
import Topology

@Suite struct Changing {
    private static let files = "/v1/services/files/datacenters/west"
    private static let shop = "/v1/services/shop/datacenters"

    private func weight(_ answer: HTTPResponse, _ place: Int = 0, endpoint: Int? = nil) throws -> Int? {
        let datacenter = try part(answer.document, "datacenters", place)
        if let endpoint { return part(datacenter, "endpoints", endpoint, "weight") as? Int }
        return part(datacenter, "weight") as? Int
    }

    @Test func datacenterWeightIsSetAndReset() throws {
        let site = try Site()
        let set = try site.ask("PUT", Self.files + "/weight", #"{"weight":5}"#)
        #expect(set.status == 200)
        #expect(set[field: "meridian-index"] == "3")
        #expect(set[field: "etag"] == "\"3\"")
        #expect(try weight(set) == 5)
        // Who asks next sees it.
        #expect(try weight(site.ask("GET", "/v1/services/files")) == 5)
        #expect(try weight(site.ask("DELETE", Self.files + "/weight")) == 1)
    }

    @Test func endpointWeightIsSetByItsAddress() throws {
        let site = try Site()
        let plain = try site.ask("PUT", Self.shop + "/west/endpoints/127.0.0.1:2/weight", #"{"weight":9}"#)
        #expect(try weight(plain, 0, endpoint: 1) == 9)
        let path = Self.shop + "/east/endpoints/unix:%2Frun%2Fa%20b%2Fx/weight"
        #expect(try weight(site.ask("PUT", path, #"{"weight":8}"#), 1, endpoint: 1) == 8)
        #expect(try weight(site.ask("DELETE", path), 1, endpoint: 1) == 1)
    }

    @Test func overridesExpire() throws {
        let site = try Site()
        // Long enough for the answer to come before, also from a busy machine.
        let body = #"{"weight":5,"expires_in":"2s"}"#
        #expect(try weight(site.ask("PUT", Self.files + "/weight", body)) == 5)
        let request = HTTPRequest(method: "GET", path: "/v1/events", fields: [("Accept", "text/event-stream")])
        var isExpired = false
        try BlockingHTTPClient.followEvents(request, to: site.base, silence: .seconds(20)) { event in
            isExpired = event.data.contains("the weight override of files west expired")
            return !isExpired
        }
        #expect(isExpired)
        #expect(try weight(site.ask("GET", "/v1/services/files")) == 1)
    }

    @Test func statesDrainAndReturn() throws {
        let site = try Site()
        let drained = try site.ask("PUT", Self.files + "/state", #"{"state":"draining","reason":"work"}"#)
        #expect(try part(drained.document, "datacenters", 0, "state") as? String == "draining")
        let back = try site.ask("PUT", Self.files + "/state", #"{"state":"active"}"#)
        #expect(try part(back.document, "datacenters", 0, "state") as? String == "active")
        let endpoint = try site.ask(
            "PUT", Self.shop + "/west/endpoints/127.0.0.1:1/state", #"{"state":"draining"}"#)
        #expect(try part(endpoint.document, "datacenters", 0, "endpoints", 0, "state") as? String == "draining")
    }

    /// Method, path, body, status, and a word of the reason.
    static let refusals: [(String, String, String, Int, String)] = [
        ("PUT", files + "/weight", "", 400, "JSON"),
        ("PUT", files + "/weight", "[]", 400, "JSON"),
        ("PUT", files + "/weight", "{", 400, "JSON"),
        ("PUT", files + "/weight", "{}", 400, "\"weight\""),
        ("PUT", files + "/weight", #"{"weight":"5"}"#, 400, "\"weight\""),
        ("PUT", files + "/weight", #"{"weight":1.5}"#, 400, "number"),
        ("PUT", files + "/weight", #"{"weight":1,"weight":2}"#, 400, "\"weight\" twice"),
        ("PUT", files + "/weight", #"{"wieght":1}"#, 400, "unknown field \"wieght\"; did you mean \"weight\"?"),
        ("PUT", files + "/weight", #"{"weight":257}"#, 400, "0-256"),
        ("PUT", files + "/weight", #"{"weight":-1}"#, 400, "0-256"),
        ("PUT", files + "/weight", #"{"weight":1,"expires_in":3600}"#, 400, "\"expires_in\""),
        ("PUT", files + "/weight", #"{"weight":1,"expires_in":"soon"}"#, 400, "expires_in"),
        ("PUT", files + "/weight", #"{"weight":1,"expires_in":"0s"}"#, 400, "expires_in"),
        ("PUT", "/v1/services/none/datacenters/west/weight", #"{"weight":1}"#, 404, "none"),
        ("PUT", "/v1/services/files/datacenters/north/weight", #"{"weight":1}"#, 404, "north"),
        ("PUT", files + "/endpoints/127.0.0.9:9/weight", #"{"weight":1}"#, 404, "127.0.0.9:9"),
        ("PUT", files + "/endpoints/nonsense/weight", #"{"weight":1}"#, 404, "nonsense"),
        ("DELETE", "/v1/services/files/datacenters/north/weight", "", 404, "north"),
        ("PUT", files + "/state", #"{"state":"gone"}"#, 400, "draining"),
        ("PUT", files + "/state", #"{"state":"active","expires_in":"1h"}"#, 400, "expires_in"),
        (
            "PUT", files + "/state", #"{"state":"draining","expires":"5s"}"#, 400,
            "unknown field \"expires\"; did you mean \"expires_in\"?"
        ),
        ("POST", "/v1/services/shop/primary", #"{"datacenter":"east","dryrun":true}"#, 400, "\"dry_run\""),
        // In the wrong place it would be passed over, and the primary would move.
        ("POST", "/v1/services/shop/primary?dry_run=true", #"{"datacenter":"east"}"#, 400, "unknown item \"dry_run\""),
        ("PUT", files + "/weight?forse=1", #"{"weight":1}"#, 400, "did you mean \"force\"?"),
        ("POST", "/v1/reload?now", "", 400, "unknown item \"now\"; it may have none"),
        ("PUT", shop + "/west/state", #"{"state":"draining"}"#, 409, "primary"),
        ("PUT", shop + "/west/weight", #"{"weight":0}"#, 409, "force"),
        ("POST", "/v1/services/shop/primary", #"{}"#, 400, "datacenter"),
        ("POST", "/v1/services/shop/primary", #"{"datacenter":"east","dry_run":1}"#, 400, "\"dry_run\""),
        ("POST", "/v1/services/shop/serve-without-lease", "{}", 400, "\"for\""),
        ("POST", "/v1/services/shop/primary", #"{"datacenter":"north"}"#, 404, "north"),
        ("POST", "/v1/services/none/primary", #"{"datacenter":"east"}"#, 404, "none"),
        ("POST", "/v1/services/files/primary", #"{"datacenter":"east"}"#, 409, "no primary"),
    ]

    @Test(arguments: refusals.indices)
    func refusalsSayWhy(_ row: Int) throws {
        let (method, path, body, status, word) = Self.refusals[row]
        let site = try Site()
        let before = try site.ask("GET", "/v1/events").text
        #expect(try site.ask(method, path, body).problem(status).contains(word))
        #expect(try site.ask("GET", "/v1/events").text == before)
    }

    @Test func forceGoesBeyondTheSafetyRules() throws {
        let site = try Site()
        let body = #"{"weight":0,"force":true}"#
        #expect(try weight(site.ask("PUT", Self.shop + "/west/weight", body)) == 0)
        let query = try site.ask("PUT", Self.shop + "/west/state?force=true", #"{"state":"draining"}"#)
        #expect(query.status == 200)
    }

    @Test func primaryMovesOnce() throws {
        let site = try Site()
        let dry = try site.ask("POST", "/v1/services/shop/primary", #"{"datacenter":"east","dry_run":true}"#)
        #expect(dry.status == 200)
        #expect(try part(dry.document, "epoch") as? Int == 2)
        #expect(try part(dry.document, "dry_run") as? Bool == true)
        #expect(try part(site.ask("GET", "/v1/services/shop").document, "primary") as? String == "west")
        let moved = try site.ask("POST", "/v1/services/shop/primary", #"{"datacenter":"east","reason":"test"}"#)
        #expect(try part(moved.document, "primary") as? String == "east")
        #expect(try part(moved.document, "epoch") as? Int == 2)
        // Where it is already: nothing happens.
        let again = try site.ask("POST", "/v1/services/shop/primary", #"{"datacenter":"east"}"#)
        #expect(try part(again.document, "epoch") as? Int == 2)
    }

    @Test func primaryGoesOnlyWhereSomethingServes() throws {
        let site = try Site()
        #expect(try site.ask("PUT", Self.shop + "/east/state", #"{"state":"draining"}"#).status == 200)
        let refused = try site.ask("POST", "/v1/services/shop/primary", #"{"datacenter":"east"}"#)
        #expect(try refused.problem(409).contains("draining"))
        let forced = try site.ask("POST", "/v1/services/shop/primary", #"{"datacenter":"east","force":true}"#)
        #expect(try part(forced.document, "primary") as? String == "east")
    }

    @Test func preconditionsAreKept() throws {
        let site = try Site()
        let path = Self.files + "/weight"
        func put(_ weight: Int, _ tag: String) throws -> HTTPResponse {
            try site.ask("PUT", path, "{\"weight\":\(weight)}", [("If-Match", tag)])
        }
        let tag = try #require(try site.ask("GET", "/v1/services/files")[field: "etag"])
        let first = try put(5, tag)
        #expect(first.status == 200)
        #expect(try put(6, tag).problem(412).contains("changed"))
        #expect(try put(6, "nonsense").problem(412).contains("If-Match"))
        #expect(try put(6, "W/\(tag)").problem(412).contains("If-Match"))
        #expect(try weight(site.ask("GET", "/v1/services/files")) == 5)
        #expect(try put(7, try #require(first[field: "etag"])).status == 200)
        #expect(try put(8, "*").status == 200)
    }

    @Test func retriesActOnce() throws {
        let site = try Site()
        let key: [(name: String, value: String)] = [("Idempotency-Key", "k1")]
        let body = #"{"weight":5,"expires_in":"1h"}"#
        let first = try site.ask("PUT", Self.files + "/weight", body, key)
        #expect(first.status == 200)
        #expect(try site.ask("DELETE", Self.files + "/weight").status == 200)
        let second = try site.ask("PUT", Self.files + "/weight", body, key)
        #expect(second.status == 200)
        #expect(second[field: "meridian-index"] == first[field: "meridian-index"])
        #expect(try weight(site.ask("GET", "/v1/services/files")) == 1)
        #expect(try site.ask("PUT", Self.files + "/weight", #"{"weight":6}"#, key).problem(422).contains("key"))
        let long = [(name: "Idempotency-Key", value: String(repeating: "k", count: 200))]
        #expect(try site.ask("PUT", Self.files + "/weight", body, long).status == 400)
    }

    @Test func retriedMoveActsOnce() throws {
        let site = try Site()
        let key: [(name: String, value: String)] = [("Idempotency-Key", "move")]
        let body = #"{"datacenter":"east"}"#
        let first = try site.ask("POST", "/v1/services/shop/primary", body, key)
        let second = try site.ask("POST", "/v1/services/shop/primary", body, key)
        #expect(first.status == 200)
        #expect(second.text == first.text)
        #expect(second[field: "meridian-index"] == first[field: "meridian-index"])
    }

    @Test func reloadTellsWhatCameOfIt() throws {
        let site = try Site()
        site.node.reloads(endWith: .applied(warnings: ["careful"]))
        let applied = try site.ask("POST", "/v1/reload")
        #expect(try part(applied.document, "reloaded") as? Bool == true)
        #expect(try part(applied.document, "warnings", 0) as? String == "careful")
        site.node.reloads(endWith: .refused(reason: "it is not valid", problems: ["a.yaml:1:2: error: no"]))
        let refused = try site.ask("POST", "/v1/reload")
        #expect(try refused.problem(422) == "it is not valid")
        #expect(try part(refused.document, "problems", 0) as? String == "a.yaml:1:2: error: no")
        site.node.reloads(endWith: nil)
        #expect(try site.ask("POST", "/v1/reload").problem(503).contains("stopping"))
    }
}
