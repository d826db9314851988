// Owns the proof of what can be read: the state, the events, the metrics, health.
import Admin
import Catalog
import ControlPlane
import DataPlane
import Foundation
import HTTPTransport
import Routing
import Settings
import Synchronization
import Testing
import Topology

@Suite struct Reading {
    @Test func statusHasTheShapeOfTheContract() throws {
        let site = try Site()
        let answer = try site.ask("GET", "/v1/status")
        #expect(answer.status == 200)
        #expect(answer[field: "content-type"] == "application/json")
        let document = try answer.document
        #expect(part(document, "node") as? String == "test")
        #expect(part(document, "datacenter") as? String == "west")
        #expect(part(document, "version") as? String == "1.2.3")
        #expect(part(document, "index") as? Int == 2)
        #expect(answer[field: "etag"] == "\"2\"")
        #expect(answer[field: "meridian-index"] == "2")
        #expect(try #require(part(document, "age_ms") as? Int) < 5_000)
        #expect(part(document, "quorum") as? Bool == true)
        #expect(part(document, "leader") as? String == "test")
        #expect(part(document, "term") as? Int == 1)
        #expect(part(document, "frozen") as? Bool == false)
        let member = part(document, "members", 0) as? [String: Any]
        #expect(Set(member?.keys.map(\.self) ?? []) == ["id", "datacenter", "role", "reachable", "applied"])
        let shop = part(document, "services", 0)
        #expect(part(shop, "name") as? String == "shop")
        #expect(part(shop, "policy") as? String == "primary")
        #expect(part(shop, "consistency") as? String == "strict")
        #expect(part(shop, "primary") as? String == "west")
        #expect(part(shop, "epoch") as? Int == 1)
        #expect(part(shop, "state") as? String == "stable")
        #expect(part(shop, "config_drift") as? Bool == false)
        #expect(part(shop, "requests_per_second") as? Double == 0)
        let west = part(shop, "datacenters", 0)
        #expect(part(west, "name") as? String == "west")
        #expect(part(west, "weight") as? Int == 3)
        #expect(part(west, "state") as? String == "active")
        #expect(part(west, "healthy") as? Double == 1)
        #expect(part(west, "votes", "west") as? String == "up")
        let endpoint = part(west, "endpoints", 0) as? [String: Any]
        #expect(endpoint?["address"] as? String == "127.0.0.1:1")
        #expect(endpoint?["weight"] as? Int == 1)
        #expect(endpoint?["state"] as? String == "unknown")
        #expect(endpoint?["in_flight"] as? Int == 0)
        #expect(part(document, "services", 1, "primary") == nil)
    }

    @Test func statusCountsTraffic() throws {
        let site = try Site()
        let id = try #require(site.control.snapshot?.table.services[0].datacenters[0].endpoints[0].id)
        site.counters.endpoint(id).inFlight.add(4, ordering: .relaxed)
        site.counters.service(id.service).requests.add(9, ordering: .relaxed)
        let shop = part(try site.ask("GET", "/v1/status").document, "services", 0)
        #expect(part(shop, "datacenters", 0, "endpoints", 0, "in_flight") as? Int == 4)
        #expect(part(shop, "requests") as? Int == 9)
    }

    @Test func oneServiceHasItsOwnTag() throws {
        let site = try Site()
        let answer = try site.ask("GET", "/v1/services/files")
        #expect(answer.status == 200)
        #expect(answer[field: "etag"] == "\"2\"")
        #expect(try part(answer.document, "name") as? String == "files")
        #expect(try site.ask("GET", "/v1/services/none").problem(404).contains("none"))
    }

    @Test func headHasNoBody() throws {
        let answer = try Site().ask("HEAD", "/v1/status")
        #expect(answer.status == 200)
        #expect(answer.body.isEmpty)
    }

    @Test func unknownPathsAndMethods() throws {
        let site = try Site()
        #expect(try site.ask("GET", "/v2/status").problem(404).contains("/v2/status"))
        #expect(try site.ask("GET", "/v1/services/%ff").problem(400).contains("UTF-8"))
        let wrong = try site.ask("POST", "/v1/services/files/datacenters/west/weight", "{}")
        #expect(try wrong.problem(405).contains("PUT"))
        #expect(wrong[field: "allow"] == "PUT, DELETE")
        // What a GET would change is nothing.
        #expect(try site.ask("GET", "/v1/reload").status == 405)
        #expect(site.node.reloads == 0)
    }

    @Test func eventsSinceAnIndex() throws {
        let site = try Site()
        _ = try site.ask("PUT", "/v1/services/files/datacenters/west/weight", #"{"weight":7,"reason":"why not"}"#)
        let answer = try site.ask("GET", "/v1/events?after=2")
        let events = try #require(try JSONSerialization.jsonObject(with: Data(answer.body)) as? [[String: Any]])
        #expect(events.count == 1)
        #expect(events.first?["index"] as? Int == 3)
        #expect(events.first?["author"] as? String == "admin")
        #expect(events.first?["reason"] as? String == "why not")
        #expect(events.first?["event"] as? String == "weight of files west went from the settings' value to 7")
        #expect(abs((events.first?["time_ms"] as? Double ?? 0) / 1000 - Date().timeIntervalSince1970) < 60)
        #expect(try site.ask("GET", "/v1/events?after=x").problem(400).contains("after"))
    }

    @Test func eventsAreStreamedAsTheyHappen() throws {
        let site = try Site()
        var seen: [String] = []
        let request = HTTPRequest(
            method: "GET", path: "/v1/events", query: "after=1", fields: [("Accept", "text/event-stream")])
        try BlockingHTTPClient.followEvents(request, to: site.base, silence: .seconds(20)) { event in
            seen.append(event.id ?? "")
            // The first is from before; the second is made once that has come.
            if seen.count == 1 {
                #expect(event.event == "change")
                #expect(event.data.contains("service files was registered"))
                let body = #"{"weight":0}"#
                #expect((try? site.ask("PUT", "/v1/services/files/datacenters/west/weight", body))?.status == 200)
            }
            return seen.count < 2
        }
        #expect(seen == ["2", "3"])
    }

    @Test func streamOfAnEarlierLifeBeginsAnew() throws {
        let site = try Site()
        let request = HTTPRequest(
            method: "GET", path: "/v1/events", fields: [("Accept", "text/event-stream"), ("Last-Event-ID", "900")])
        var seen: [String] = []
        try BlockingHTTPClient.followEvents(request, to: site.base, silence: .seconds(20)) { event in
            seen.append(event.id ?? "")
            return seen.count < 2
        }
        #expect(seen == ["1", "2"])
    }

    @Test func metricsAreInPrometheusForm() throws {
        let site = try Site()
        let id = try #require(site.control.snapshot?.table.services[0].datacenters[1].endpoints[1].id)
        site.counters.endpoint(id).requests.add(5, ordering: .relaxed)
        let answer = try site.ask("GET", "/metrics")
        #expect(answer[field: "content-type"] == "text/plain; version=0.0.4; charset=utf-8")
        var types: [String: String] = [:]
        for line in answer.text.split(separator: "\n") {
            let words = line.split(separator: " ", maxSplits: 3).map(String.init)
            if line.hasPrefix("# TYPE") {
                #expect(types.updateValue(words[3], forKey: words[2]) == nil, "\(line)")
            } else if !line.hasPrefix("#") {
                var name = String(line.prefix { $0 != "{" && $0 != " " })
                for suffix in ["_bucket", "_sum", "_count"] where name.hasSuffix(suffix) {
                    let family = String(name.dropLast(suffix.count))
                    if types[family] == "histogram" { name = family }
                }
                let type = try #require(types[name], "\(line)")
                #expect((type == "counter") == name.hasSuffix("_total"), "\(line)")
                #expect(line.split(separator: " ").last.flatMap { Double($0) } != nil, "\(line)")
            }
        }
        #expect(types["meridian_connections"] == "gauge")
        #expect(answer.text.contains("meridian_build_info{version=\"1.2.3\",node=\"test\"} 1\n"))
        let labels = "service=\"shop\",datacenter=\"east\",endpoint=\"unix:/run/a b/x\""
        #expect(answer.text.contains("meridian_endpoint_requests_total{\(labels)} 5\n"))
        #expect(answer.text.contains("meridian_service_epoch{service=\"shop\"} 1\n"))
    }

    @Test func theTimeOfRequestsIsAHistogram() throws {
        let site = try Site()
        _ = site.counters.service(ServiceName("shop"))
        let text = try site.ask("GET", "/metrics").text
        let name = "meridian_request_duration_seconds"
        let lines = text.split(separator: "\n").filter { $0.hasPrefix(name) }.map(String.init)
        #expect(text.contains("# TYPE \(name) histogram\n"))
        #expect(lines.count == LatencyHistogram.bounds.count + 3)
        #expect(lines.first == "\(name)_bucket{service=\"shop\",le=\"0.0001\"} 0")
        #expect(
            lines.suffix(4) == [
                "\(name)_bucket{service=\"shop\",le=\"30.0\"} 0", "\(name)_bucket{service=\"shop\",le=\"+Inf\"} 0",
                "\(name)_sum{service=\"shop\"} 0.0", "\(name)_count{service=\"shop\"} 0",
            ])
    }

    @Test func readinessEndsWithTheNode() throws {
        let site = try Site()
        #expect(try site.ask("GET", "/livez").text == "ok\n")
        #expect(try site.ask("GET", "/readyz").text == "ok\n")
        #expect(try site.ask("GET", "/readyz?verbose").text == "[+] running ok\n[+] state ok\n[+] services ok\n")
        site.node.beginStop()
        let answer = try site.ask("GET", "/readyz")
        #expect(answer.status == 503)
        #expect(answer.text.contains("[-] running failed: the node is stopping"))
        #expect(try site.ask("GET", "/livez").status == 200)
    }

    @Test func readinessNeedsSomethingToServe() throws {
        let site = try Site()
        for service in site.settings.services {
            for datacenter in service.datacenters {
                let path = "/v1/services/\(service.name)/datacenters/\(datacenter.name)/endpoints/"
                for endpoint in datacenter.endpoints {
                    let address = PercentEncoding.encode(endpoint.address.description)
                    let answer = try site.ask("PUT", path + address + "/weight", #"{"weight":0,"force":true}"#)
                    #expect(answer.status == 200, "\(answer.text)")
                }
            }
        }
        #expect(try site.ask("GET", "/readyz").status == 503)
        #expect(try site.ask("GET", "/readyz?verbose").text.contains("[-] services failed"))
    }
}
