// Owns the metrics: Prometheus text, base units, counters that end in `_total`.
internal import Balancing
internal import Catalog
internal import ControlPlane
internal import DataPlane
internal import Proactor
internal import Routing
internal import Settings
internal import Synchronization
internal import Topology

/// A page in the Prometheus exposition format.
struct MetricsPage {
    private(set) var text = ""

    init(_ context: AdminContext) {
        addProcess(context)
        addTraffic(context.counters)
        addEndpoints(context.counters)
        if let snapshot = context.control.snapshot {
            addRouting(snapshot.table)
            addGroup(snapshot, node: context.node.settings.node.id)
            let failover = context.control.failover
            addLeases(failover.leases)
            addFailover(failover.counts)
        }
    }

    /// Begins a family.
    mutating func family(_ name: String, _ type: String, _ help: String) {
        text += "# HELP meridian_\(name) \(help)\n# TYPE meridian_\(name) \(type)\n"
    }

    mutating func sample(
        _ name: String, _ labels: [(String, String)] = [], _ value: some CustomStringConvertible
    ) {
        let list = labels.map { "\($0)=\"\(Self.escaped($1))\"" }.joined(separator: ",")
        text += list.isEmpty ? "meridian_\(name) \(value)\n" : "meridian_\(name){\(list)} \(value)\n"
    }

    private static func escaped(_ value: String) -> String {
        value.reduce(into: "") { text, character in
            switch character {
            case "\\": text += "\\\\"
            case "\"": text += "\\\""
            case "\n": text += "\\n"
            default: text.append(character)
            }
        }
    }

    mutating func single(_ name: String, _ type: String, _ help: String, _ value: some CustomStringConvertible) {
        family(name, type, help)
        sample(name, [], value)
    }

    private mutating func addProcess(_ context: AdminContext) {
        let process = context.counters.process
        func read(_ counter: borrowing Atomic<Int>) -> Int { counter.load(ordering: .relaxed) }
        family("build_info", "gauge", "Always 1; the labels say what runs.")
        sample("build_info", [("version", context.version), ("node", context.node.settings.node.id.text)], 1)
        let uptime = Double((MonotonicClock.now - context.started).wholeNanoseconds) / 1e9
        single("uptime_seconds", "gauge", "Time since the start.", uptime)
        let age = Double(context.control.age.wholeNanoseconds) / 1e9
        single("state_age_seconds", "gauge", "Time since the control thread confirmed the state.", age)
        single("connections", "gauge", "Open connections from clients.", read(process.connections))
        single("connections_accepted_total", "counter", "Connections accepted.", read(process.connectionsAccepted))
        single(
            "connections_refused_total", "counter", "Connections beyond the limit.", read(process.connectionsRefused))
        single(
            "untrusted_proxies_total", "counter", "Connections from peers whose PROXY header is not believed.",
            read(process.untrustedProxies))
        single("tls_handshakes_total", "counter", "TLS handshakes with clients.", read(process.handshakes))
        single(
            "tls_handshake_failures_total", "counter", "TLS handshakes with clients that failed.",
            read(process.failedHandshakes))
        single(
            "tls_certificates_kept_total", "counter",
            "Certificates that a reload could not read, so that the ones from before stayed in use.",
            read(process.keptCertificates))
        single(
            "local_resource_failures_total", "counter",
            "Connections to backends for which there was no local port, descriptor or memory.",
            read(process.localShortages))
        single("requests_active", "gauge", "Requests and tunnels under way.", read(process.active))
        single("bad_requests_total", "counter", "Requests refused as malformed.", read(process.badRequests))
        single("unrouted_requests_total", "counter", "Requests that no route matched.", read(process.unrouted))
        single("log_lines_dropped_total", "counter", "Access log lines dropped.", read(process.logLinesDropped))
        single("log_failing", "gauge", "1 while access log lines are being lost.", read(process.logFailing))
    }

    private mutating func addTraffic(_ counters: TrafficCounters) {
        let services = counters.allServices.sorted { $0.name < $1.name }
        func add(
            _ page: inout MetricsPage, _ name: String, _ help: String, type: String = "counter",
            _ value: (ServiceCounters) -> Int
        ) {
            page.family(name, type, help)
            for service in services { page.sample(name, service.labels, value(service)) }
        }
        add(&self, "requests_total", "Requests and TCP sessions.") { $0.requests.load(ordering: .relaxed) }
        family("responses_total", "counter", "Answers to clients by class of status.")
        for service in services {
            for (name, value) in service.classes {
                sample("responses_total", service.labels + [("class", name)], value)
            }
        }
        add(&self, "retries_total", "Further attempts.") { $0.retries.load(ordering: .relaxed) }
        add(&self, "held_total", "Requests and TCP sessions that had to wait for the primary.") {
            $0.held.load(ordering: .relaxed)
        }
        add(&self, "held", "Requests and TCP sessions that wait for the primary now.", type: "gauge") {
            $0.holding.load(ordering: .relaxed)
        }
        add(&self, "cut_total", "Requests and tunnels cut because their datacenter was not to be written to any more.")
        {
            $0.cut.load(ordering: .relaxed)
        }
        add(&self, "received_bytes_total", "Body bytes from clients.") { $0.bytesReceived.load(ordering: .relaxed) }
        add(&self, "sent_bytes_total", "Bytes to clients.") { $0.bytesSent.load(ordering: .relaxed) }
        addLatency(services)
    }

    /// The histogram of each service: counts up to and with each bound, as the format wants them.
    private mutating func addLatency(_ services: [ServiceCounters]) {
        let name = "request_duration_seconds"
        family(name, "histogram", "Time from a request's head to the end of its answer.")
        for service in services {
            let latency = service.latency
            var total = 0
            for (index, count) in latency.counts.enumerated() {
                total += count
                let isLast = index == LatencyHistogram.bounds.count
                let bound = isLast ? "+Inf" : "\(Double(LatencyHistogram.bounds[index]) / 1e9)"
                sample("\(name)_bucket", service.labels + [("le", bound)], total)
            }
            sample("\(name)_sum", service.labels, Double(latency.nanoseconds) / 1e9)
            sample("\(name)_count", service.labels, total)
        }
    }

    private mutating func addEndpoints(_ counters: TrafficCounters) {
        let endpoints = counters.allEndpoints.map { (key: $0.sortKey, endpoint: $0) }
            .sorted { $0.key < $1.key }.map(\.endpoint)
        func add(
            _ page: inout MetricsPage, _ name: String, _ type: String, _ help: String,
            _ value: (EndpointCounters) -> Int
        ) {
            page.family(name, type, help)
            for endpoint in endpoints { page.sample(name, endpoint.id.labels, value(endpoint)) }
        }
        add(&self, "endpoint_requests_total", "counter", "Requests sent.") { $0.requests.load(ordering: .relaxed) }
        add(&self, "endpoint_errors_total", "counter", "Answers of 5xx and failed attempts.") {
            $0.errors.load(ordering: .relaxed)
        }
        add(&self, "endpoint_connect_failures_total", "counter", "Connects that were refused or reset.") {
            $0.connectFailures.load(ordering: .relaxed)
        }
        add(&self, "endpoint_requests_active", "gauge", "Requests under way.") { $0.inFlight.load(ordering: .relaxed) }
        add(&self, "endpoint_connections", "gauge", "Open connections.") { $0.connections.load(ordering: .relaxed) }
    }

    private mutating func addRouting(_ table: RoutingTable) {
        single("routing_table_version", "gauge", "How many tables were published.", table.version)
        single("catalog_index", "gauge", "The index of the last command applied.", table.catalogIndex)
        family("service_epoch", "gauge", "The epoch of the service's primary.")
        for service in table.services {
            guard let primary = service.primary else { continue }
            sample("service_epoch", [("service", service.name.text)], primary.epoch.count)
        }
        func add(_ page: inout MetricsPage, _ name: String, _ help: String, _ value: (DatacenterRouting) -> Double) {
            page.family(name, "gauge", help)
            for service in table.services {
                for datacenter in service.datacenters {
                    let labels = [("service", service.name.text), ("datacenter", datacenter.name.text)]
                    page.sample(name, labels, value(datacenter))
                }
            }
        }
        add(&self, "datacenter_healthy_ratio", "Healthy share of a datacenter's weight.") { $0.healthyShare }
        add(&self, "datacenter_share_ratio", "Share of new requests.") { Double($0.share.share) / 65_536 }
        family("endpoint_up", "gauge", "1 while requests may go there by its health.")
        let endpoints = table.services.flatMap(\.datacenters).flatMap(\.endpoints)
        for endpoint in endpoints { sample("endpoint_up", endpoint.id.labels, endpoint.condition.isUsable ? 1 : 0) }
        family("endpoint_weight", "gauge", "The settings' weight, or an operator's over it.")
        for endpoint in endpoints { sample("endpoint_weight", endpoint.id.labels, endpoint.weight) }
    }
}

extension EndpointID {
    fileprivate var labels: [(String, String)] {
        [("service", service.text), ("datacenter", datacenter.text), ("endpoint", address.description)]
    }
}

extension EndpointCounters {
    fileprivate var sortKey: String { "\(id.service) \(id.datacenter) \(id.address)" }
}

extension ServiceCounters {
    fileprivate var labels: [(String, String)] { [("service", name.text)] }

    fileprivate var classes: [(String, Int)] {
        [
            ("1xx", informational.load(ordering: .relaxed)), ("2xx", successful.load(ordering: .relaxed)),
            ("3xx", redirected.load(ordering: .relaxed)), ("4xx", clientErrors.load(ordering: .relaxed)),
            ("5xx", serverErrors.load(ordering: .relaxed)),
        ]
    }
}
