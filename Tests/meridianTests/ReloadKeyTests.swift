// Owns the proof that a changed key is taken by a reload or refused by its name, for every key that there is.
import ControlPlane
import DataPlane
import Foundation
import Routing
import Testing
import Topology

@testable import Settings
@testable import meridian

@Suite struct ReloadKeys {
    /// What a reload hands to the parts of a running node.
    private struct Handed: Equatable {
        var services: [ServiceDefinition]
        var listeners: [ListenerDefinition]
        var traffic: [String]
        var control: [String]
        var token: String?
        var advertised: String?
        var shutdown: ShutdownSettings

        init(_ settings: Settings) throws {
            services = settings.services
            listeners = settings.listeners
            let shares = try DescriptorShares.ofProcess(settings)
            let configuration = try DataPlaneConfiguration(settings, shares)
            let peers: [[UInt8]] = [[10, 0, 0, 1], [192, 0, 2, 1], [198, 51, 100, 7]]
            let trusted = peers.map { "\($0): \(configuration.trustsPeer(IPAddress(octets: $0)))" }
            traffic = Self.leaves(configuration) + trusted
            control = Self.leaves(ControlSettings(settings))
            token = settings.admin.tokenFile
            advertised = settings.admin.advertise
            shutdown = settings.shutdown
        }

        private static func leaves(_ value: Any) -> [String] {
            let mirror = Mirror(reflecting: value)
            if mirror.children.isEmpty { return ["\(value)"] }
            return mirror.children.flatMap { child in leaves(child.value).map { "\(child.label ?? ""): \($0)" } }
        }
    }

    /// A place in the file's tree, and what the reference calls it.
    private struct Place {
        var steps: [Int]
        var key: String
    }

    @Test func everyKeyIsTakenOrRefusedByItsName() throws {
        let pages = FileManager.default.temporaryDirectory.appending(path: "meridian-pages-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: pages, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: pages) }
        for page in ["503", "404"] { try Data(page.utf8).write(to: pages.appending(path: "\(page).html")) }
        let golden = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "SettingsTests/Golden/everything.yaml")
        let text =
            try String(contentsOf: golden, encoding: .utf8).replacing("/etc/", with: pages.path + "/")
            .replacing(
                "request: off, response_idle: 2h",
                with: "request: off, response_idle: 2h, body_grace: 1s, body_rate: 1, first_byte: 1s, tunnel_idle: 1s")
                + """
                cluster:
                  bind: "127.0.0.1:7001"
                  election: raft
                  heartbeat: 90ms
                  election_timeout: 900ms
                  lease: 5s
                  tls: { certificate: a.pem, key: a.key, ca: ca.pem }
                  members:
                    - { id: n1, address: "10.0.0.1:7001", datacenter: west }
                    - { id: n2, address: "10.0.0.2:7001", datacenter: east }
                """
        let reading = Reading(path: "meridian.yaml", text: text, environment: { _ in nil })
        let root = try #require(YAMLTree.root(of: text, reading))
        let old = try #require(Self.settings(root))
        let before = try Handed(old)
        // Another way to write the endpoints of the only datacenter.
        let known = Self.leafKeys().filter { !$0.hasPrefix("services[].endpoints[]") }
        var seen: Set<String> = []
        for place in Self.places(in: root, known) {
            for changed in Self.variants(of: root, at: place.steps).compactMap(Self.settings) where changed != old {
                seen.insert(place.key)
                let refused = ReloadDifference.restartRequired(old, changed)
                let isTaken = try Handed(changed) != before
                // What a key implies elsewhere may need a restart by that name, such as a datacenter's.
                #expect(!refused.isEmpty || isTaken, "a change of \(place.key) is called reloaded and does nothing")
                break
            }
        }
        #expect(known.subtracting(seen).sorted() == [], "these keys were not changed by this test")
    }

    // MARK: The reference's keys

    /// The keys without keys below them, but for those that this version refuses.
    private static func leafKeys() -> Set<String> {
        var keys: Set<String> = []
        func add(_ section: SectionOutline, _ path: String) {
            for key in section.keys where !key.documentation.hasPrefix("Not supported") {
                let name = path + key.name
                if let nested = key.section {
                    add(nested.section, name + nested.suffix + ".")
                } else {
                    keys.insert(name)
                }
            }
        }
        add(Draft.section.outline, "")
        return keys
    }

    private static func places(in root: YAMLNode, _ known: Set<String>) -> [Place] {
        var places: [Place] = []
        func walk(_ node: YAMLNode, _ steps: [Int], _ key: String) {
            if known.contains(key) { places.append(Place(steps: steps, key: key)) }
            switch node.content {
            case .scalar: break
            case .sequence(let items):
                for (index, item) in items.enumerated() { walk(item, steps + [index], key + "[]") }
            case .mapping(let pairs):
                for (index, pair) in pairs.enumerated() {
                    let named = (key.isEmpty ? "" : key + ".") + (pair.key.text ?? "")
                    let isKnown = known.contains { known in
                        known == named || known.hasPrefix(named + ".") || known.hasPrefix(named + "[]")
                    }
                    walk(pair.value, steps + [index], isKnown ? named : key + ".NAME")
                }
            }
        }
        walk(root, [], "")
        return places
    }

    // MARK: Changes

    /// Files that differ from `root` at a place: without it, with other values there, with its text changed everywhere.
    private static func variants(of root: YAMLNode, at steps: [Int]) -> [String] {
        let text = node(root, steps).text ?? ""
        let others = [
            "off", "on", "1", "2s", "7s", "2", "900s", "other", "/other", "unix:/run/other.sock", "[ 10.8.0.0/16 ]",
        ]
        var variants = [write(root, steps) { _ in nil }]
        variants += others.map { other in write(root, steps) { _ in other } }
        if !text.isEmpty {
            for (from, to) in [(text, text + "x"), ("tcp", "http"), (text, "127.0.0.1:7009")] {
                let quoted = "\"\(from)\""
                variants.append(write(root, []) { $0 }.replacing(quoted, with: "\"\(to)\""))
            }
        }
        return variants
    }

    private static func node(_ root: YAMLNode, _ steps: [Int]) -> YAMLNode {
        steps.reduce(root) { node, step in
            if case .mapping(let pairs) = node.content { return pairs[step].value }
            return node.items[step]
        }
    }

    /// The tree as one line of YAML; `change` gets what stands at the place and says what is to stand there.
    private static func write(_ node: YAMLNode, _ steps: [Int], _ change: (String) -> String?) -> String {
        func part(_ node: YAMLNode, _ path: [Int]) -> String? {
            var text: String
            switch node.content {
            case .scalar(let value, _): text = node.isNull ? "~" : "\"\(value)\""
            case .sequence(let items):
                let parts = items.enumerated().compactMap { part($0.element, path + [$0.offset]) }
                text = "[ \(parts.joined(separator: ", ")) ]"
            case .mapping(let pairs):
                let parts = pairs.enumerated().compactMap { index, pair in
                    part(pair.value, path + [index]).map { "\"\(pair.key.text ?? "")\": \($0)" }
                }
                text = "{ \(parts.joined(separator: ", ")) }"
            }
            if path == steps {
                guard let changed = change(text) else { return nil }
                text = changed
            }
            return text
        }
        return part(node, []) ?? "{}"
    }

    private static func settings(_ root: YAMLNode) -> Settings? { settings(write(root, [-1]) { $0 }) }

    private static func settings(_ text: String) -> Settings? {
        try? SettingsReader.read(text: text, path: "meridian.yaml", environment: { _ in nil }).get().settings
    }
}
