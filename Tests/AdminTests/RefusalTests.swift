// Owns the proof that what is wrong with a request is refused, in the one form of refusals, and told of beforehand.
import Foundation
import HTTPTransport
import Settings
import Testing

@testable import Admin

@Suite struct Refusals {
    private static let weight = "/v1/services/files/datacenters/west/weight"

    static let queries: [(String, String, Int)] = [
        ("GET", "/v1/status?consistent=true", 200), ("GET", "/v1/status?consistent", 200),
        ("GET", "/v1/status?consistent=false", 200), ("GET", "/v1/status?other=maybe", 200),
        ("GET", "/v1/status?consistent=maybe", 400), ("GET", "/v1/status?consistent=TRUE", 400),
        ("GET", "/v1/status?consistent=1", 400), ("GET", "/v1/status?consistent=%ff", 400),
        ("GET", "/v1/status?%ff=true", 400), ("GET", "/v1/status?consistent=false&consistent=true", 400),
        ("GET", "/v1/services/shop?consistent=maybe", 400), ("GET", "/v1/services/shop/explain?consistent=maybe", 400),
        ("GET", "/v1/cluster?consistent=maybe", 400), ("GET", "/v1/diff?consistent=maybe", 400),
        ("GET", "/v1/freeze?consistent=maybe", 400), ("GET", "/v1/events?consistent=maybe", 400),
        ("GET", "/v1/events?after=1", 200), ("GET", "/v1/events?after=", 400), ("GET", "/v1/events?after=-1", 400),
        ("GET", "/v1/events?after=x", 400), ("GET", "/readyz?verbose", 200), ("GET", "/readyz?verbose=maybe", 400),
        ("DELETE", weight + "?forward=false", 200), ("DELETE", weight + "?forward=maybe", 400),
        ("DELETE", weight + "?force", 200), ("DELETE", weight + "?force=maybe", 400),
        ("DELETE", weight + "?reason=a&reason=b", 400), ("DELETE", "/v1/cluster/members?id=n4&force=yes", 400),
    ]

    @Test(arguments: queries)
    func queriesHaveValuesThatMeanSomething(_ method: String, _ path: String, _ status: Int) throws {
        let site = try Site()
        let answer = try site.ask(method, path)
        #expect(answer.status == status, "\(answer.text)")
        if status == 400 { #expect(try !answer.problem(400).isEmpty) }
    }

    /// Every item that is true or false refuses everything else, whatever operation reads it.
    @Test func noFlagTakesAnythingElse() throws {
        let site = try Site()
        var flags = 0
        for endpoint in AdminRouter.whole.endpoints {
            let path = endpoint.pattern.replacing("{service}", with: "shop").replacing("{datacenter}", with: "west")
                .replacing("{address}", with: "127.0.0.1:1")
            for item in endpoint.operation.queryItems where item.type == Bool.self {
                flags += 1
                let detail = try site.ask(endpoint.method, "\(path)?\(item.name)=maybe").problem(400)
                #expect(detail.contains("\"\(item.name)\""), "\(endpoint.name): \(detail)")
            }
        }
        #expect(flags >= 20)
    }

    private static let long = String(repeating: "a", count: 70_000)
    /// What comes over the wire, and with which status it is refused.
    static let requests: [(String, Int)] = [
        ("rubbish\r\n\r\n", 400), ("GET /v1/status HTTP/1.1\r\n\r\n", 400),
        ("GET /v1/status HTTP/1.1\r\nHost: HERE\r\nHost: HERE\r\n\r\n", 400),
        ("PUT /v1/freeze HTTP/1.1\r\nHost: HERE\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
        ("CONNECT HERE HTTP/1.1\r\nHost: HERE\r\n\r\n", 405),
        ("PUT /v1/freeze HTTP/1.1\r\nHost: HERE\r\nContent-Length: 70000\r\n\r\n", 413),
        ("GET /\(long) HTTP/1.1\r\nHost: HERE\r\n\r\n", 414),
        ("PUT /v1/freeze HTTP/1.1\r\nHost: HERE\r\nExpect: more\r\nContent-Length: 2\r\n\r\n{}", 417),
        ("GET /v1/status HTTP/1.1\r\nHost: HERE\r\nX: \(long)\r\n\r\n", 431),
        ("PUT /v1/freeze HTTP/1.1\r\nHost: HERE\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
        ("GET /v1/status HTTP/3.0\r\nHost: HERE\r\n\r\n", 505),
    ]

    @Test(arguments: requests)
    func whatNoEndpointSeesIsRefusedInTheSameForm(_ bytes: String, _ status: Int) throws {
        let site = try Site()
        for address in [site.admin.address, try #require(site.admin.statusAddress)] {
            let answer = try RawRequest.answer(address, bytes.replacing("HERE", with: "\(address)"))
            #expect(try !answer.problem(status).isEmpty)
        }
    }

    @Test func suchRefusalsAreDescribedForEveryOperation() throws {
        let description = try JSONDecoder().decode(
            JSONValue.self, from: Data(try Site().ask("GET", "/openapi.json").body))
        let statuses = Set(Self.requests.map(\.1) + [408, 500, 504]).map { "\($0)" }
        var operations = 0
        for (path, methods) in description["paths"]?.object ?? [:] {
            for (method, operation) in methods.object {
                operations += 1
                for status in statuses {
                    #expect(operation["responses", status] != nil, "\(method) \(path) \(status)")
                    let media = description["components", "responses", "Problem\(status)", "content"]?.object.keys
                    #expect(media.map(Array.init) == ["application/problem+json"])
                }
            }
        }
        #expect(operations > 20)
    }

    // MARK: Who gets in

    @Test func idleConnectionsKeepNobodyOut() throws {
        let site = try Site()
        let status = try #require(site.admin.statusAddress)
        for (address, path) in [(status, "/readyz"), (site.admin.address, "/v1/status")] {
            let idle = try (0..<300).map { number in
                let connection = try RawConnection(address)
                // Some have begun a request.
                if number.isMultiple(of: 3) { try connection.send("GET \(path) HTTP/1.1\r\n") }
                return connection
            }
            #expect(try site.ask("GET", path, base: "http://\(address)").status == 200)
            withExtendedLifetime(idle) {}
        }
    }

    /// One client, even on this machine, has few connections to the public site.
    @Test func theOldestIdleConnectionGivesWay() throws {
        let site = try Site()
        let address = try #require(site.admin.statusAddress)
        let first = try RawConnection(address)
        let others = try (0..<8).map { _ in try RawConnection(address) }
        #expect(try first.readToEnd().isEmpty)
        #expect(try site.ask("GET", "/livez", base: "http://\(address)").status == 200)
        withExtendedLifetime(others) {}
    }
}
