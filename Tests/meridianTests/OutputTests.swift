// Owns the proof of what the command line shows to people: the table, the log's lines, messages of failures.
import ArgumentParser
import Foundation
import Logging
import Proactor
import Routing
import Settings
import Testing
import Topology

@testable import Admin
@testable import meridian

@Suite struct Output {
    private let status = StatusDocument(
        node: "n1", datacenter: "west", version: "0.1.0", index: 7, ageMs: 3, quorum: true, leader: "n1", term: 1,
        frozen: false, uptimeS: 9,
        members: [
            .init(id: "n1", datacenter: "west", role: "voter", reachable: true, applied: 7),
            .init(id: "n2", datacenter: "east", role: "voter", reachable: false, applied: nil),
        ],
        services: [
            ServiceDocument(
                name: "shop", protocol: "http", policy: "primary", endpointPolicy: "round_robin", consistency: "strict",
                primary: "west", epoch: 2, state: "stable", configDrift: false, requestsPerSecond: 1.5, requests: 9,
                datacenters: [
                    .init(
                        name: "west", weight: 3, state: "draining", healthy: 0.5, share: 1, panic: false,
                        votes: ["west": "up", "east": "down"],
                        endpoints: [
                            .init(
                                address: "10.0.0.1:80", weight: 1, state: "down", inFlight: 4, requests: 9, errors: 2)
                        ])
                ])
        ])

    @Test func tableSaysItAllWithoutColours() {
        let text = StatusTable(status, colours: false).text
        #expect(!text.contains("\u{1B}"))
        for word in [
            "node n1 in west", "shop  primary → round_robin", "primary west (epoch 2, stable)", "1.5 requests/s",
            "weight 3", "share 100 %", "healthy 50 %", "draining", "voted down by east", "10.0.0.1:80", "down",
            "in flight 4", "errors 2",
            "n1             west           leader    reachable", "n2             east           voter     unreachable",
        ] {
            #expect(text.contains(word), "\(word)\n\(text)")
        }
    }

    @Test func whatIsWrongWithDisksAndPeersIsShown() {
        var status = status
        status.diskFull = "the disk is full: write"
        status.members[1].failure = "nobody listens there"
        let text = StatusTable(status, colours: false).text
        #expect(text.contains("the disk is full: write: this node accepts nothing until there is room\n"))
        #expect(text.contains("  unreachable: nobody listens there\n"))
    }

    @Test func aServiceWithoutALeaseIsShownAsRefused() {
        var status = status
        #expect(!StatusTable(status, colours: false).text.contains("lease"))
        status.services[0].noLeaseMs = 8_300
        #expect(StatusTable(status, colours: false).text.contains("\n  refused by this node: no lease for 8 s\n"))
        // An operator's word is what counts then.
        status.services[0].withoutLeaseMs = 60_000
        let text = StatusTable(status, colours: false).text
        #expect(text.contains("served without a lease for another 60 s") && !text.contains("refused"))
    }

    @Test func whatIsSaidOfADatacenterIsSetApart() {
        var status = status
        status.services[0].datacenters[0].panic = true
        let text = StatusTable(status, colours: false).text
        #expect(text.contains(" draining; voted down by east; panic: unhealthy endpoints are used too\n"))
    }

    @Test func usageSaysWhatIsNeeded() {
        let help = Meridian.helpMessage(for: ServeWithoutLeaseCommand.self, columns: 120)
        #expect(help.contains("<service> --for <time> --old-primary-is-fenced [--reason"), "\(help)")
    }

    @Test func timeoutsAreRead() throws {
        #expect(try AdminOptions.parse(["--timeout", "2s"]).timeout == .seconds(2))
        #expect(try AdminOptions.parse([]).timeout == nil)
        #expect(throws: (any Error).self) { try AdminOptions.parse(["--timeout", "0s"]) }
    }

    @Test func oneIsNotMany() {
        #expect([0, 1, 2].map { CheckCommand.counted($0, "service") } == ["0 services", "1 service", "2 services"])
    }

    @Test func coloursChangeNoWord() {
        let plain = StatusTable(status, colours: false).text
        let coloured = StatusTable(status, colours: true).text
        #expect(coloured != plain)
        #expect(coloured.replacing(#/\u{1B}\[[0-9]+m/#, with: "") == plain)
    }

    @Test func pathsOfTargets() throws {
        #expect(try targetPath("shop", "west") == "/v1/services/shop/datacenters/west")
        #expect(
            try targetPath("a b", "west/unix:/run/x")
                == "/v1/services/a%20b/datacenters/west/endpoints/unix%3A%2Frun%2Fx")
        #expect(throws: Failure.self) { try targetPath("shop", "") }
    }

    @Test func logLinesStayOneLine() {
        let line = LineLogHandler.line(
            level: .info, message: "a\nb\u{1B}[31m", ["key": "say \"hi\"\\", "also": "x"], time: "T")
        #expect(line == #"T info a\nb\u001b[31m also="x" key="say \"hi\"\\""#)
    }

    @Test func failuresNameTheLineThatBinds() throws {
        let folder = FileManager.default.temporaryDirectory.path + "/meridian-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let file = folder + "/a.yaml"
        let text = """
            services:
              - { name: a, endpoints: [ "127.0.0.1:1" ] }
            listeners:
              - { name: one, bind: "127.0.0.1:8081", service: a }
              - { name: two, bind: "127.0.0.1:80", service: a }
            """
        try text.write(toFile: file, atomically: true, encoding: .utf8)
        let settings = try SettingsReader.read(path: file).get().settings
        let taken = SystemError(code: EADDRINUSE, action: "bind 127.0.0.1:80")
        #expect(
            SetupFailure.describe(taken, settings, file: file).message
                == "\(file):5: error: bind 127.0.0.1:80: Address already in use (is another process listening there?)")
        let other = SystemError(code: EMFILE, action: "eventfd")
        #expect(
            SetupFailure.describe(other, settings, file: file).message.hasPrefix("\(file): error: eventfd: Too many"))
    }

    @Test func demoIsAValidConfiguration() throws {
        let world = try DemoWorld()
        for proxy in world.proxies {
            let text = world.settings(of: proxy, folder: "/tmp/demo")
            let valid = try SettingsReader.read(text: text, path: "demo.yaml") { _ in nil }.get()
            #expect(valid.warnings.map(\.description) == [])
            #expect(valid.settings.node.datacenter.text == proxy.datacenter)
            #expect(valid.settings.services.map { $0.datacenters.map(\.endpoints.count) } == [[2, 2, 2], [2, 2, 2]])
            #expect(valid.settings.cluster?.members.count == 3)
        }
        let hosts = Set(world.backends.map { $0.address.prefix { $0 != ":" } })
        #expect(hosts == ["127.0.0.1", "127.0.0.2", "127.0.0.3"])
        #expect(Set(world.backends.map(\.address)).count == 6)
        let screen = DemoScreen(world, pids: Array(1...9), own: 4_321).text
        // What was killed can be started again, and the primary be moved back.
        #expect(screen.contains("kill -USR1 4321 ") && screen.contains(" primary set shop us-east "))
        #expect(world.proxies.map(world.logPrefix) == ["us-east  | ", "eu-west  | ", "ap-south | "])
        for proxy in world.proxies { #expect(screen.contains("http://\(proxy.web)")) }
    }
}
