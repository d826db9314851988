// Owns the proof that what the proxy itself is short of is not held against healthy backends.
import Foundation
import Testing

extension EndToEnd {
    @Suite struct LocalResources {
        /// What was seen while something was short, and after it.
        private struct Findings: Sendable {
            var statuses: [Int: Int] = [:]
            /// The states of the endpoints, while it was short and when it was over.
            var states: [String] = []
            var errors = 0
            var failures: Double?
            var lines: [Substring] = []
            var statusesAfter: [Int: Int] = [:]
        }

        /// Checks that would take an endpoint out at the first failure, and outliers that are none.
        private static let strict =
            "health_check: { http: { path: /healthz }, interval: 100ms, timeout: 5s, fall: 1, rise: 1 },"

        /// A backend that keeps connections, and answers requests under `/wait` when it is told to.
        private static func backend(_ gate: Gate) throws -> RawBackend {
            try RawBackend { visit in
                while let request = try visit.request() {
                    if request.target == "/wait" { try gate.wait() }
                    // Checks have no connections to spare, either.
                    try visit.answer("fine", request.target == "/healthz" ? "Connection: close\r\n" : "")
                    if request.target == "/healthz" { return visit.connection.closeInOrder() }
                }
            }
        }

        /// Sends more requests than there is room for, and looks what becomes of them and of the endpoint.
        private static func observe(
            _ proxy: Proxy, _ backend: RawBackend, _ gate: Gate, word: String, begin: () throws -> Void,
            end: () throws -> Void
        ) throws -> Findings {
            var findings = Findings()
            let kept = try Connection(proxy.adminPort)
            func state() throws -> Status.Endpoint {
                try kept.send("GET /v1/status HTTP/1.1\r\nHost: 127.0.0.1:\(proxy.adminPort)\r\n\r\n")
                let status = try Status(Data(kept.receiveResponse().body))
                return try status.endpoints.first { $0.address == backend.address }.unwrapped("the endpoint")
            }
            try eventually("a verdict") { try state().state == "up" && backend.requests.count >= 2 }
            let clients = try (0..<40).map { _ in try Connection(proxy.port) }
            for client in clients {
                let response = try client.get("/none", host: "nowhere")
                guard response.status == 404 else { throw Failure("a route to nowhere: \(response)") }
            }
            let before = try state()
            let log = proxy.process.output.count
            try begin()
            for client in clients { try client.send("GET /wait HTTP/1.1\r\nHost: shop.example.com\r\n\r\n") }
            // Those for whom there is no room are told so; those who wait at the backend hold what there is.
            try eventually("refusals") { clients.count(where: \.isReadable) >= 8 }
            findings.states.append(try state().state)
            gate.open()
            for client in clients { findings.statuses[try client.receiveResponse().status, default: 0] += 1 }
            findings.states.append(try state().state)
            findings.errors = try state().errors - before.errors
            try end()
            // Nothing is left of it.
            for _ in 0..<40 { findings.statusesAfter[try get(proxy.port).status, default: 0] += 1 }
            findings.states.append(try state().state)
            findings.failures = try proxy.metric("meridian_local_resource_failures_total")
            findings.lines = proxy.process.output.dropFirst(log).split(separator: "\n").filter {
                $0.lowercased().contains(word)
            }
            return findings
        }

        private func expectCalm(_ findings: Findings) {
            #expect(Set(findings.statuses.keys).isSubset(of: [200, 503]), "\(findings)")
            #expect(findings.statuses[503, default: 0] >= 8, "\(findings)")
            #expect(findings.states == ["up", "up", "up"], "\(findings)")
            #expect(findings.errors == 0, "\(findings)")
            #expect(findings.statusesAfter == [200: 40], "\(findings)")
            #expect(findings.lines.count == 1, "\(findings.lines)")
            #expect((findings.failures ?? 0) >= 8, "\(findings)")
        }

        private static func configuration(_ backend: RawBackend, _ policies: String) -> String {
            """
            datacenters: [ west ]
            services: [ { name: shop, \(policies) endpoints: [ "\(backend.address)" ] } ]
            listeners: [ { name: web, bind: "127.0.0.1:$PORT", routes: [ { host: shop.example.com, service: shop } ] } ]
            """
        }

        @Test(
            .enabled(if: NetworkNamespace.isAvailable, "a network of its own needs root"),
            arguments: InputOutput.available)
        func noLocalPortIsNobodysFault(_ inputOutput: InputOutput) throws {
            let findings = try NetworkNamespace.run {
                let gate = Gate()
                let backend = try Self.backend(gate)
                let proxy = try Proxy(inputOutput, Self.configuration(backend, Self.strict), workers: 1)
                return try Self.observe(proxy, backend, gate, word: "port") {
                    // Where no listener is; clients are connected already.
                    try NetworkNamespace.setLocalPorts(20_000...20_007)
                } end: {
                    try NetworkNamespace.setLocalPorts(32_768...60_999)
                }
            }
            expectCalm(findings)
        }

        @Test(arguments: InputOutput.available)
        func noDescriptorIsNobodysFault(_ inputOutput: InputOutput) throws {
            let gate = Gate()
            let backend = try Self.backend(gate)
            let proxy = try Proxy(
                inputOutput, Self.configuration(backend, Self.strict), workers: 1,
                prefix: ["prlimit", "--nofile=1000:1000"])
            func limit(_ count: Int) throws {
                let set = try ChildProcess.run(["prlimit", "--pid", "\(proxy.process.pid)", "--nofile=\(count):1000"])
                guard set.exit == .code(0) else { throw Failure("the limit stays: \(set.output)") }
            }
            let findings = try Self.observe(proxy, backend, gate, word: "descriptor") {
                try limit(proxy.process.descriptors())
            } end: {
                try limit(1000)
            }
            expectCalm(findings)
        }
    }
}
