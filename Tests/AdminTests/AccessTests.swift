// Owns the proof of who may pass: names, origins, tokens, and the address that the API may have.
import Admin
import Foundation
import HTTPTransport
import Proactor
import Settings
import Testing
import Topology

@Suite struct Access {
    /// A raw request, for a `Host` that no client of ours would send.
    private func status(_ site: Site, host: String?, _ more: [(name: String, value: String)] = []) throws -> Int {
        let fields = host.map { [(name: "Host", value: $0)] } ?? []
        return try RawRequest.status(site.admin.address, "GET /v1/status", fields + more)
    }

    @Test(arguments: ["127.0.0.1", "localhost", "LocalHost", "[::1]"])
    func ownNamesPass(_ name: String) throws {
        let site = try Site()
        #expect(try status(site, host: "\(name):\(site.admin.address.port)") == 200)
    }

    @Test(arguments: [
        "evil.example:PORT", "127.0.0.1", "127.0.0.1:1", "localhost.:PORT", "127.0.0.1.evil:PORT", "127.0.0.2:PORT",
    ])
    func othersAreMisdirected(_ host: String) throws {
        let site = try Site()
        let host = host.replacingOccurrences(of: "PORT", with: "\(site.admin.address.port)")
        #expect(try status(site, host: host) == 421)
    }

    @Test func advertisedNamePasses() throws {
        let site = try Site { $0.admin.advertise = "https://admin.example:8443/" }
        #expect(try status(site, host: "admin.example:8443") == 200)
        #expect(try status(site, host: "admin.example") == 421)
    }

    @Test func pagesOfOthersAreRefused() throws {
        let site = try Site()
        let own = "127.0.0.1:\(site.admin.address.port)"
        #expect(try status(site, host: own, [("Origin", "http://\(own)")]) == 200)
        for origin in ["http://evil.example", "null", "https://\(own)", "http://localhost:\(site.admin.address.port)"] {
            #expect(try status(site, host: own, [("Origin", origin)]) == 403, "\(origin)")
        }
        let refused = try site.ask(
            "PUT", "/v1/services/files/datacenters/west/weight", #"{"weight":7}"#, [("Origin", "http://x")])
        #expect(try refused.problem(403).contains("origin"))
        #expect(try site.ask("GET", "/v1/events").text.contains("weight") == false)
    }

    @Test func tokenIsAskedFor() throws {
        let path = FileManager.default.temporaryDirectory.path + "/meridian-token-\(UUID().uuidString)"
        try "s3cret-token\n".write(toFile: path, atomically: true, encoding: .utf8)
        defer { try? FileManager.default.removeItem(atPath: path) }
        let site = try Site { $0.admin.tokenFile = path }
        let missing = try site.ask("GET", "/v1/status")
        #expect(try missing.problem(401).contains("token"))
        #expect(missing[field: "www-authenticate"] == "Bearer")
        for wrong in [
            "Bearer ", "Bearer s3cret-tokem", "Bearer s3cret-toke", "Bearer s3cret-token1", "Basic s3cret-token",
        ] {
            #expect(try site.ask("GET", "/v1/status", "", [("Authorization", wrong)]).status == 401, "\(wrong)")
        }
        for right in ["Bearer s3cret-token", "bearer s3cret-token"] {
            #expect(try site.ask("GET", "/v1/status", "", [("Authorization", right)]).status == 200, "\(right)")
        }
        // Another token comes into force by a reload, and only once it is said to.
        try "another".write(toFile: path, atomically: true, encoding: .utf8)
        let admit = try site.admin.prepare(site.settings)
        #expect(try site.ask("GET", "/v1/status", "", [("Authorization", "Bearer another")]).status == 401)
        admit()
        #expect(try site.ask("GET", "/v1/status", "", [("Authorization", "Bearer another")]).status == 200)
        #expect(try site.ask("GET", "/v1/status", "", [("Authorization", "Bearer s3cret-token")]).status == 401)
    }

    @Test(arguments: ["", "\n", "two words", "two\nlines"])
    func badTokenFilesAreRefused(_ text: String) throws {
        let path = FileManager.default.temporaryDirectory.path + "/meridian-token-\(UUID().uuidString)"
        try text.write(toFile: path, atomically: true, encoding: .utf8)
        defer { try? FileManager.default.removeItem(atPath: path) }
        #expect(throws: AdminError.self) { try Site { $0.admin.tokenFile = path } }
    }

    @Test func missingTokenFileIsNamed() throws {
        do {
            _ = try Site { $0.admin.tokenFile = "/nonexistent/token" }
            Issue.record("served")
        } catch let error as AdminError {
            #expect("\(error)".contains("/nonexistent/token"))
        }
    }

    @Test func offLoopbackIsRefused() throws {
        do {
            _ = try Site { $0.admin.bind = .host("0.0.0.0", port: 0) }
            Issue.record("served")
        } catch let error as AdminError {
            #expect("\(error)".contains("loopback"))
        }
    }

    @Test func takenAddressIsNamed() throws {
        let site = try Site()
        do {
            _ = try Site { $0.admin.bind = .host("127.0.0.1", port: site.admin.address.port) }
            Issue.record("served twice")
        } catch let error as AdminError {
            #expect("\(error)" == "admin.bind: bind \(site.admin.address): Address already in use")
        }
    }

    @Test func namesCanBeBound() throws {
        let site = try Site { $0.admin.bind = .host("localhost", port: 0) }
        #expect(site.admin.address.isLoopback)
        #expect(try site.ask("GET", "/livez").status == 200)
    }

    @Test func statusListenerShowsThreePathsToAnyone() throws {
        let site = try Site()
        let address = try #require(site.admin.statusAddress)
        for path in ["/livez", "/readyz", "/metrics"] {
            #expect(try site.ask("GET", path, base: "http://\(address)").status == 200)
            #expect(try RawRequest.status(address, "GET \(path)", [("Host", "anything.example")]) == 200)
        }
        for path in ["/v1/status", "/v1/events", "/"] {
            #expect(try site.ask("GET", path, base: "http://\(address)").status == 404)
        }
        #expect(try site.ask("POST", "/v1/reload", base: "http://\(address)").status == 404)
        #expect(site.node.reloads == 0)
    }

    @Test func largeBodiesAreRefused() throws {
        let site = try Site()
        let body = String(repeating: " ", count: (64 << 10) + 1)
        #expect(try site.ask("PUT", "/v1/services/files/datacenters/west/weight", body).status == 413)
    }
}
