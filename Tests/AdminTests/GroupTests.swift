// Owns the proof of what the API says and does about the group: freeze, explanations, members, differences, authors.
import Admin
import Catalog
import ControlPlane
import Foundation
import HTTPTransport
import Routing
import Settings
import Testing
import Topology

@Suite struct GroupAffairs {
    @Test func automaticMovesAreFrozenAndAllowedAgain() throws {
        let site = try Site()
        let before = try site.ask("GET", "/v1/freeze")
        #expect(try part(before.document, "frozen") as? Bool == false)
        #expect(before[field: "etag"] == "\"0\"")
        let author: [(name: String, value: String)] = [("Meridian-Author", "ada")]
        let frozen = try site.ask("PUT", "/v1/freeze", #"{"frozen":true,"reason":"work"}"#, author)
        #expect(try part(frozen.document, "frozen") as? Bool == true)
        #expect(try part(frozen.document, "author") as? String == "admin:ada")
        let status = try site.ask("GET", "/v1/status").document
        #expect(part(status, "frozen") as? Bool == true)
        #expect(part(status, "freeze", "reason") as? String == "work")
        #expect(try site.ask("GET", "/metrics").text.contains("\nmeridian_frozen 1\n"))
        // Who has not seen that is told so.
        let stale: [(name: String, value: String)] = [("If-Match", "\"0\"")]
        _ = try site.ask("PUT", "/v1/freeze", #"{"frozen":false}"#, stale).problem(412)
        let tag = try #require(frozen[field: "etag"])
        let thawed = try site.ask("PUT", "/v1/freeze", #"{"frozen":false}"#, [("If-Match", tag)])
        #expect(try part(thawed.document, "frozen") as? Bool == false)
        #expect(try part(site.ask("GET", "/v1/status").document, "freeze") == nil)
        #expect(try site.ask("PUT", "/v1/freeze", "{}").problem(400).contains("frozen"))
    }

    @Test func authorsAreNamedButNeverPassForMeridian() throws {
        let site = try Site()
        func author(_ fields: [(name: String, value: String)]) throws -> HTTPResponse {
            try site.ask("PUT", "/v1/services/files/datacenters/west/weight", #"{"weight":5}"#, fields)
        }
        for bad in ["a b", String(repeating: "a", count: 65)] {
            #expect(try author([("Meridian-Author", bad)]).problem(400).contains("Meridian-Author"))
        }
        #expect(try author([("Meridian-Author", "failover")]).status == 200)
        #expect(try site.ask("GET", "/v1/events").text.contains(#""author":"admin:failover""#))
    }

    @Test func everyChangeHasAKey() throws {
        let site = try Site()
        let path = "/v1/services/files/datacenters/west/weight"
        let made = try #require(try site.ask("PUT", path, #"{"weight":5}"#)[field: "idempotency-key"])
        #expect(made.utf8.count > 20)
        #expect(try site.ask("DELETE", path).status == 200)
        // Asked again under the key that the first answer named: nothing happens twice.
        let again = try site.ask("PUT", path, #"{"weight":5}"#, [("Idempotency-Key", made)])
        #expect(again.status == 200 && again[field: "idempotency-key"] == made)
        #expect(try part(again.document, "datacenters", 0, "weight") as? Int == 1)
    }

    @Test func whoLeadsNeedsNoForwarding() throws {
        let site = try Site()
        let path = "/v1/services/files/datacenters/west/weight?forward=false"
        #expect(try site.ask("PUT", path, #"{"weight":5}"#).status == 200)
    }

    @Test func consistentReadsAnswer() throws {
        let site = try Site()
        for path in ["/v1/status", "/v1/services/shop", "/v1/freeze", "/v1/cluster"] {
            #expect(try site.ask("GET", path + "?consistent=true").status == 200)
        }
        #expect(try site.ask("GET", "/v1/nothing?consistent=true").status == 404)
    }

    @Test func aGroupOfOneExplainsThatNothingMoves() throws {
        let site = try Site()
        let shop = try site.ask("GET", "/v1/services/shop/explain").document
        #expect(part(shop, "primary") as? String == "west")
        #expect(part(shop, "holds", 0, "kind") as? String == "alone")
        let files = try site.ask("GET", "/v1/services/files/explain").document
        #expect(part(files, "holds", 0, "kind") as? String == "no_primary")
        #expect(try site.ask("GET", "/v1/services/none/explain").problem(404).contains("none"))
    }

    @Test func aGroupOfOneHasOneMember() throws {
        let site = try Site()
        let cluster = try site.ask("GET", "/v1/cluster").document
        #expect(part(cluster, "leader") as? String == "test")
        #expect(part(cluster, "voters") as? Int == 1 && part(cluster, "spare_voters") as? Int == 0)
        #expect(part(cluster, "members", 0, "role") as? String == "voter")
        let changes = [
            ("POST", "/v1/cluster/members", #"{"id":"n4"}"#), ("DELETE", "/v1/cluster/members?id=n4", ""),
            ("DELETE", "/v1/cluster/members", #"{"id":"n4"}"#), ("POST", "/v1/cluster/transfer", ""),
        ]
        for (method, path, body) in changes {
            #expect(try site.ask(method, path, body).problem(409).contains("group of one"))
        }
        #expect(try site.ask("POST", "/v1/cluster/members", "{}").problem(400).contains("id"))
    }

    @Test func onlyAGroupHasLeasesToDoWithout() throws {
        let site = try Site()
        let path = "/v1/services/shop/serve-without-lease"
        #expect(try site.ask("POST", path, #"{"for":"10m"}"#).problem(409).contains("old_primary_is_fenced"))
        let body = #"{"for":"10m","old_primary_is_fenced":true}"#
        #expect(try site.ask("POST", path, body).problem(409).contains("anyway"))
        #expect(try site.ask("DELETE", path).problem(409).contains("anyway"))
        for time in ["soon", "0s", "2d"] {
            let body = "{\"for\":\"\(time)\",\"old_primary_is_fenced\":true}"
            #expect(try site.ask("POST", path, body).problem(400).contains("for"))
        }
        #expect(try site.ask("POST", "/v1/services/no/serve-without-lease", body).problem(404).contains("no"))
    }

    // MARK: Rehearsals

    @Test func aDryRunMeetsTheSameChecks() throws {
        let site = try Site()
        func dry(_ datacenter: String, force: Bool = false) throws -> HTTPResponse {
            try site.ask(
                "POST", "/v1/services/shop/primary",
                "{\"datacenter\":\"\(datacenter)\",\"dry_run\":true,\"force\":\(force)}")
        }
        #expect(try dry("north").problem(404).contains("north"))
        let fit = try dry("east").document
        #expect(part(fit, "target") as? String == "east" && part(fit, "state") as? String == "stable")
        #expect(try site.ask("PUT", "/v1/services/shop/datacenters/east/state", #"{"state":"draining"}"#).status == 200)
        #expect(try dry("east").problem(409).contains("draining"))
        #expect(try part(dry("east", force: true).document, "epoch") as? Int == 2)
        #expect(try dry("north", force: true).problem(404).contains("north"))
        #expect(try part(site.ask("GET", "/v1/services/shop").document, "epoch") as? Int == 1)
        let none = try site.ask("POST", "/v1/services/files/primary", #"{"datacenter":"east","dry_run":true}"#)
        #expect(try none.problem(409).contains("no primary"))
    }

    // MARK: Differences

    @Test func withoutChangesTheFileSaysItAll() throws {
        let site = try Site()
        let document = try site.ask("GET", "/v1/diff").document
        #expect(part(document, "agrees") as? Bool == true)
        #expect((part(document, "services") as? [Any])?.isEmpty == true)
    }

    @Test func whatOperatorsSetShows() throws {
        let site = try Site()
        let west = "/v1/services/shop/datacenters/west"
        #expect(try site.ask("PUT", west + "/weight", #"{"weight":7,"expires_in":"1h","reason":"big"}"#).status == 200)
        let endpoint = west + "/endpoints/127.0.0.1:2/state"
        #expect(try site.ask("PUT", endpoint, #"{"state":"draining"}"#).status == 200)
        #expect(try site.ask("POST", "/v1/services/shop/primary", #"{"datacenter":"east"}"#).status == 200)
        let document = try site.ask("GET", "/v1/diff").document
        #expect(part(document, "agrees") as? Bool == true)
        let shop = part(document, "services", 0)
        #expect(part(shop, "name") as? String == "shop")
        #expect(
            part(shop, "primary", "file") as? String == "west" && part(shop, "primary", "group") as? String == "east")
        let weight = part(shop, "overrides", 0)
        #expect(part(weight, "kind") as? String == "weight" && part(weight, "reason") as? String == "big")
        #expect(part(weight, "file") as? String == "3" && part(weight, "now") as? String == "7")
        #expect(part(weight, "until_ms") is Int && part(weight, "endpoint") == nil)
        let state = part(shop, "overrides", 1)
        #expect(part(state, "endpoint") as? String == "127.0.0.1:2")
        #expect(part(state, "file") as? String == "active" && part(state, "now") as? String == "draining")
    }

    /// What another node registered over this one's file.
    @Test func driftShowsKeyByKey() throws {
        let site = try Site()
        var other = try #require(site.settings.services.first).registration
        other.failover.confirm = .seconds(9)
        other.datacenters[0].weight = 4
        other.datacenters[0].endpoints[0].weight = 2
        other.datacenters[1].endpoints.removeLast()
        let latch = DispatchSemaphore(value: 0)
        let command = CatalogCommand(
            .registerService(other), author: "settings", proposedAt: ControlPlane.wallClock())
        #expect(site.control.propose(command) { _ in latch.signal() })
        #expect(latch.wait(timeout: .now() + 10) == .success)
        let document = try site.ask("GET", "/v1/diff").document
        #expect(part(document, "agrees") as? Bool == false)
        let drift = try #require(part(document, "services", 0, "drift") as? [[String: String]])
        #expect(
            drift == [
                ["key": "failover.confirm", "file": "5s", "group": "9s"],
                ["key": "datacenters.west.weight", "file": "3", "group": "4"],
                ["key": "datacenters.west.endpoints.127.0.0.1:1", "file": "weight 1", "group": "weight 2"],
                ["key": "datacenters.east.endpoints.unix:/run/a b/x", "file": "weight 1"],
            ])
        #expect(try part(site.ask("GET", "/v1/services/shop").document, "config_drift") as? Bool == true)
    }
}
