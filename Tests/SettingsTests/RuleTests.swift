// Tests the rules between keys, the defaults of small files, and what a reload can take.
import Balancing
import Foundation
import Routing
import Testing
import Topology

@testable import Settings

@Suite struct SmallFileTests {
    @Test func theSmallestFileHasSafeDefaults() throws {
        let valid = try read(minimal()).get()
        #expect(valid.warnings == [])
        let settings = valid.settings
        #expect(!settings.node.isNamed)
        #expect(settings.datacenters == [DatacenterName("local")])
        #expect(settings.node.datacenter == DatacenterName("local"))
        #expect(settings.services.map(\.datacenters.count) == [1])
        #expect(settings.services.first?.datacenters.first?.name == DatacenterName("local"))
        #expect(settings.listeners.first?.routes == [RouteDefinition(service: ServiceName("shop"))])
        #expect(settings.admin == AdminSettings())
    }

    @Test func theNodesDatacenterIsTheOnlyOne() throws {
        let settings = try settings(minimal("node: { datacenter: home }"))
        #expect(settings.datacenters == [DatacenterName("home")])
        #expect(settings.services.first?.datacenters.first?.name == DatacenterName("home"))
    }

    @Test func aLagGateIsRead() throws {
        func text(_ gate: String) -> String {
            """
            services:
              - { name: shop, datacenter_policy: primary, failover: { lag_gate: \(gate) }, endpoints: [ "a:1" ] }
            listeners: [ { name: web, bind: ":1", service: shop } ]
            """
        }
        let gate = try settings(text("{ http: { path: /lag?x, max: 1500ms } }")).services.first?.failover.lagGate
        #expect(gate == FailoverPolicy.LagGate(path: "/lag?x", limit: .milliseconds(1_500)))
        #expect(try settings(text("{ http: { path: /lag } }")).services.first?.failover.lagGate?.limit == .seconds(10))
        #expect(messages(text("{}")).contains { $0.contains("http") })
        #expect(messages(text("{ http: { max: 2s } }")).contains { $0.contains("path") })
        #expect(messages(text("{ http: { path: lag } }")).contains { $0.contains("begins with '/'") })
    }

    @Test func datacentersAreImpliedInTheOrderOfTheFile() throws {
        let text = """
            node: { datacenter: c }
            services:
              - name: one
                datacenters: { b: { endpoints: ["x:1"] }, a: { endpoints: ["y:1"] } }
            listeners: [ { name: web, bind: ":1", service: one } ]
            """
        let settings = try settings(text)
        #expect(settings.datacenters.map(\.text) == ["b", "a", "c"])
        #expect(settings.services.first?.datacenters.map(\.name.text) == ["b", "a"])
    }

    @Test func timeoutsOfTheTopLevelReachServicesWrittenBeforeThem() throws {
        let settings = try settings(minimal("timeouts: { connect: 9s }", service: "timeouts: { first_byte: 8s }"))
        let timeouts = try #require(settings.services.first?.timeouts)
        #expect(timeouts.connect == .seconds(9))
        #expect(timeouts.firstByte == .seconds(8))
    }

    @Test func anEventStreamMayPauseForLongerUnlessThatIsSet() throws {
        let unset = try #require(settings(minimal()).services.first?.timeouts)
        #expect(unset.responseIdle(ofEventStream: false) == .seconds(60))
        #expect(unset.responseIdle(ofEventStream: true) == .seconds(3600))
        let file = minimal("timeouts: { response_idle: 5s }")
        #expect(try settings(file).services.first?.timeouts.responseIdle(ofEventStream: true) == .seconds(5))
    }

    @Test func noServiceHasAClientOfItsOwn() {
        let found = messages(minimal(service: "timeouts: { client_stall: 1s }"))
        #expect(found.contains { $0.hasPrefix("unknown key 'client_stall' in timeouts") })
    }
}

@Suite struct RuleTests {
    @Test(arguments: [
        ("datacenters: [a, b]", "there are 2 datacenters: put the endpoints under 'datacenters'"),
        ("admin: { bind: \"[::]:1\" }", "an admin address off loopback needs TLS"),
        ("cluster: { bind: \":1\", members: [] }", "a cluster needs 'data_dir' under 'node'"),
        ("status: { bind: \"127.0.0.1:9901\" }", "the address '127.0.0.1:9901' is the default of admin's 'bind'"),
        ("status: { bind: \":8080\" }", "the address '0.0.0.0:8080' is already used in line"),
        (
            "status: { bind: \":9901\" }",
            "the address ':9901' overlaps '127.0.0.1:9901', the default of admin's 'bind'"
        ),
        ("status: { bind: \"127.0.0.1:8080\" }", "the address '0.0.0.0:8080' overlaps '127.0.0.1:8080', which is"),
        ("status: { bind: \"[::]:8080\" }", "the address '0.0.0.0:8080' overlaps '[::]:8080', which is bound in line"),
        ("node: { datacenter: x }\ndatacenters: [y]", "there is no datacenter 'x'"),
        ("limits: { head: 61KiB }", "expected a size from 1KiB to 60KiB, found '61KiB'"),
        ("services: []", "the key 'services' comes twice, first in line 1"),
        ("error_pages: { 503: \"\" }", "expected 1 to 4096 bytes of text without control characters, found ''"),
        ("trusted_proxies: 10.0.0.0/8", "expected a list of address prefixes, found '10.0.0.0/8'"),
        ("admin: { advertise: \"ftp://x\" }", "expected a URL such as https://host:9901, found 'ftp://x'"),
    ])
    func refuses(_ line: String, _ message: String) {
        #expect(messages(minimal(line)).contains { $0.hasPrefix(message) }, "\(messages(minimal(line)))")
        guard case .failure = read(minimal(line)) else {
            Issue.record("accepted: \(line)")
            return
        }
    }

    @Test(arguments: [
        ("health_check: { timeout: 3s }", "the timeout of a check is longer than its interval: checks will be late"),
        ("hash: source", "'hash' does nothing without 'endpoint_policy: maglev'"),
        ("protocol: tcp\nretry: {}", "'retry' does nothing for a tcp service"),
        ("protocol: tcp\nabort_on_close: off", "'abort_on_close' does nothing for a tcp service"),
    ])
    func warns(_ line: String, _ message: String) throws {
        let isTCP = line.hasPrefix("protocol: tcp")
        let valid = try read(minimal(service: line, listener: isTCP ? "protocol: tcp" : "")).get()
        #expect(valid.warnings.map(\.message) == [message])
        #expect(valid.warnings.allSatisfy { $0.description.contains(": warning: ") })
    }

    @Test(arguments: [
        ("{ certificates: [ { certificate: a, key: b } ] }", ""),
        ("{}", "listener tls needs the key 'certificates'"),
        ("{ certificates: [] }", "the list of certificates is empty"),
        ("{ certificates: [ { certificate: a } ] }", "certificate needs the key 'key'"),
        ("{ certificates: [ { certificate: a, key: b } ], profile: old }", "expected one of intermediate, modern"),
        ("{ certificates: [ { certificate: a, key: b } ], minimum_version: 1.1 }", "expected one of 1.2, 1.3"),
        ("{ certificates: [ { certificate: a, key: b } ], ciphers: [ \"A:B\" ] }", "expected a name of letters"),
        (
            "{ certificates: [ { certificate: a, key: b } ], client_certificate: required }",
            "client_certificate needs 'client_ca'"
        ),
        (
            "{ certificates: [ { certificate: a, key: b } ], client_ca: c }",
            "'client_ca' does nothing without client_certificate"
        ),
        ("{ certificates: [ { certificate: a, key: b } ], crl: c }", "'crl' does nothing without client_certificate"),
    ])
    func howAListenerSpeaksTLS(_ value: String, _ message: String) {
        let found = messages(minimal(listener: "tls: \(value)"))
        #expect(message.isEmpty ? found.isEmpty : found.contains { $0.hasPrefix(message) }, "\(found)")
    }

    @Test(arguments: [
        ("bind: \"127.0.0.1:1\"", "on", ""),
        ("bind: \"[::1]:1\"", "on", ""),
        ("bind: \"localhost:1\"", "yes", ""),
        ("bind: unix:/run/web.sock", "on", ""),
        ("bind: \":1\"", "off", ""),
        ("bind: \":1\"", "{ from: [ 10.0.0.0/8, \"::1\" ] }", ""),
        ("bind: \":1\"", "on", "the listener is reached from other machines, but 'on' believes only peers on this one"),
        ("bind: \"[::]:1\"", "on", "the listener is reached from other machines"),
        ("bind: \"proxy.example.com:1\"", "on", "the listener is reached from other machines"),
        ("bind: \":1\"", "{}", "proxy_protocol needs the key 'from'"),
        ("bind: \":1\"", "{ from: [] }", "the list of address prefixes is empty"),
        ("bind: \":1\"", "{ from: 10.0.0.0/8 }", "expected a list of address prefixes, found '10.0.0.0/8'"),
        ("bind: \":1\"", "{ from: [10.0.0.1/8] }", "expected an IP address or a prefix such as"),
        ("bind: \":1\"", "{ form: [] }", "unknown key 'form' in proxy_protocol; did you mean 'from'?"),
        ("bind: \":1\"", "maybe", "expected on or off, found 'maybe'"),
    ])
    func whoseProxyHeaderIsBelieved(_ bind: String, _ value: String, _ message: String) {
        let file = minimal(listener: "proxy_protocol: \(value)").replacing("bind: \":8080\"", with: bind)
        let found = messages(file)
        if message.isEmpty {
            #expect(found == [])
        } else {
            #expect(found.contains { $0.hasPrefix(message) }, "\(found)")
            #expect(!found.contains { $0.contains("other machines") } || message.contains("other machines"))
        }
    }

    private func routes(_ lines: String...) -> [String] {
        let file = """
            services: [ { name: shop, endpoints: ["10.0.0.1:80"] } ]
            listeners:
              - name: web
                bind: ":1"
                routes:
            \(lines.map { "      - { \($0), service: shop }" }.joined(separator: "\n"))
            """
        guard case .success(let valid) = read(file) else { return ["\(messages(file))"] }
        return valid.warnings.map { "\($0.mark?.line ?? 0):\($0.mark?.column ?? 0): \($0.message)" }
    }

    @Test(arguments: [
        ("path: /api/*", "'path: /api' matches everything below it"),
        ("path: /*", "'path: /' matches everything below it"),
        ("path: /*.php", "'path_regex' takes patterns"), ("path_exact: /a/*", "'path_regex' takes patterns"),
    ])
    func aStarInAPathIsNoted(_ path: String, _ hint: String) {
        let column = path.hasPrefix("path_exact") ? 23 : 17
        #expect(routes(path) == ["6:\(column): a '*' in a path stands for itself: \(hint)"])
        #expect(routes("path_regex: \"/a/.*\"") == [])
    }

    @Test func aRouteBehindOneThatTakesItsRequestsIsNoted() {
        let message = "the route is never reached: the one in line 6 takes all of its requests"
        #expect(routes("method: GET, path: /", "path: /") == [])
        #expect(routes("path: /", "path: /api", "host: a.example.com") == ["7:9: \(message)", "8:9: \(message)"])
        #expect(routes("path: /api", "path: /api/v1", "path: /") == ["7:9: \(message)"])
    }

    @Test func weightsOfNothingButZeroAreNoted() throws {
        let file = minimal().replacing("\"10.0.0.1:80\"", with: "{ address: \"10.0.0.1:80\", weight: 0 }")
        let warnings = try read(file).get().warnings
        #expect(warnings.map(\.message) == ["all weights of the service are 0: every request will be answered 503"])
    }

    @Test func aServiceThatNoListenerReachesIsNoted() throws {
        let file = minimal("", service: "slow_start: 1s").replacing(
            "listeners:", with: "  - { name: other, endpoints: [\"x:1\"] }\nlisteners:")
        #expect(try read(file).get().warnings.map(\.message) == ["no listener leads to the service 'other'"])
    }

    @Test func portZeroMayBeBoundTwice() throws {
        let file = minimal("status: { bind: \"127.0.0.1:0\" }\nadmin: { bind: \"127.0.0.1:0\" }")
        #expect(try read(file).get().warnings == [])
    }

    @Test func aMemberSaysWhichItIs() {
        let cluster = """
            cluster:
              members: [ { id: node, address: "127.0.0.1:7946", datacenter: local } ]
            """
        let message = "a cluster needs 'id' under 'node': which of its members this is"
        #expect(messages(minimal("node: { data_dir: /x }\n" + cluster)).contains(message))
        #expect(!messages(minimal("node: { id: node, data_dir: /x }\n" + cluster)).contains(message))
    }

    @Test func twoMembersOfOneAddressAreRefused() {
        let file = minimal(
            """
            node: { id: a, data_dir: /tmp/meridian }
            cluster:
              members:
                - { id: a, address: "127.0.0.1:1", datacenter: local }
                - { id: b, address: "127.0.0.1:2", datacenter: local }
                - { id: c, address: "127.0.0.1:1", datacenter: local }
            """)
        guard case .failure(let invalid) = read(file) else {
            Issue.record("accepted")
            return
        }
        let problem = invalid.problems.first { $0.severity == .error }
        #expect(problem?.message.hasPrefix("the member's address '127.0.0.1:1' is already used in line") == true)
        #expect(problem?.excerpt.first?.contains("id: c") == true)
    }

    /// For what only shows in use, such as a file that is not there.
    @Test func aValueIsFoundAgainToPointAt() throws {
        let valid = try read("\u{FEFF}" + minimal("node: { id: \"${NAME:-x}\", data_dir: /nowhere }")).get()
        let found = valid.problem(at: ["node", "data_dir"], path: "a.yaml", "it is not there")
        let lines = valid.text.split(separator: "\n", omittingEmptySubsequences: false)
        let line = try #require(lines.lastIndex { $0.hasPrefix("node") })
        #expect(found.mark == Mark(line: line + 1, column: 37))
        #expect(found.excerpt.last == String(repeating: " ", count: 36) + "^~~~~~~~")
        #expect(valid.problem(at: ["cluster", "tls"], path: "a.yaml", "what").description == "a.yaml: error: what")
    }

    private static let cluster = """
        node: { id: a, datacenter: x, data_dir: /tmp/meridian }
        cluster:
          election: paxos
          members:
            - { id: a, address: "127.0.0.1:1", datacenter: x }
            - { id: b, address: "127.0.0.1:2", datacenter: x }
        """

    @Test func aWholeClusterSectionIsTaken() throws {
        let cluster = try #require(try settings(minimal(Self.cluster)).cluster)
        #expect(cluster.election == .paxos)
        #expect(cluster.members.map(\.id.text) == ["a", "b"])
    }

    /// A strict service stops without a majority: two members survive no more deaths than one, and one place none.
    @Test func aStrictPrimaryInAFragileClusterIsWarnedOf() throws {
        let found = messages(minimal(Self.cluster, service: "datacenter_policy: primary"))
        #expect(found.count == 2)
        #expect(found.first?.contains("of 2 no more may die than of 1") == true)
        #expect(found.last?.contains("fewer than three datacenters") == true)
        let available = minimal(
            Self.cluster, service: "datacenter_policy: primary\nfailover: { consistency: available }")
        #expect(messages(available) == [])
    }

    @Test func aMissingFileIsAProblem() {
        guard case .failure(let invalid) = SettingsReader.read(path: "/nonexistent/meridian.yaml") else {
            Issue.record("accepted")
            return
        }
        #expect(
            invalid.description
                == "/nonexistent/meridian.yaml: error: cannot be opened: No such file or directory")
    }

    @Test func filesAreReadFromTheSystem() throws {
        let file = FileManager.default.temporaryDirectory.appending(
            path: "settings-\(UInt64.random(in: 0 ... .max)).yaml")
        defer { try? FileManager.default.removeItem(at: file) }
        try Data(minimal().utf8).write(to: file)
        #expect(try SettingsReader.read(path: file.path).get().settings == settings(minimal()))
        try Data(minimal().utf8 + [0x0A, 0x23, 0xFF]).write(to: file)
        guard case .failure(let invalid) = SettingsReader.read(path: file.path) else {
            Issue.record("accepted")
            return
        }
        let line = minimal().split(separator: "\n", omittingEmptySubsequences: false).count + 1
        #expect(invalid.description == "\(file.path):\(line):1: error: the line is not UTF-8")
    }
}

@Suite struct ReloadTests {
    @Test(arguments: [
        ("", []), ("via: off", []), ("workers: 2", ["workers"]), ("node: { id: other }", ["node.id"]),
        ("node: { datacenter: x, data_dir: /x }", ["node.datacenter", "node.data_dir"]),
        ("admin: { bind: \"127.0.0.1:1\" }", ["admin.bind"]), ("admin: { token_file: x }", []),
        ("status: { bind: \":1\" }", ["status.bind"]),
    ])
    func namesWhatNeedsARestart(_ line: String, _ expected: [String]) throws {
        #expect(try ReloadDifference.restartRequired(settings(minimal()), settings(minimal(line))) == expected)
    }
}
