// Owns /metrics: Prometheus text, base units, counters that end in `_total`.
internal import Catalog
internal import ControlPlane
internal import DataPlane
internal import HTTPTransport
internal import Proactor
internal import Routing
internal import Settings
internal import Synchronization
internal import Topology

struct MetricsEndpoint: Endpoint {
    let method = "GET"
    let pattern = "/metrics"

    func answer(_ call: AdminCall) {
        var page = MetricsPage()
        page.addProcess(call.context)
        page.addServices(call.context)
        page.addEndpoints(call.context)
        call.respond(.text(200, page.text, type: "text/plain; version=0.0.4; charset=utf-8"))
    }
}

/// A page in the Prometheus exposition format.
private struct MetricsPage {
    private(set) var text = ""

    /// Begins a family.
    private mutating func family(_ name: String, _ type: String, _ help: String) {
        text += "# HELP meridian_\(name) \(help)\n# TYPE meridian_\(name) \(type)\n"
    }

    private mutating func sample(
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

    private mutating func single(_ name: String, _ type: String, _ help: String, _ value: some CustomStringConvertible)
    {
        family(name, type, help)
        sample(name, [], value)
    }

    mutating func addProcess(_ context: AdminContext) {
        let process = context.counters.process
        func read(_ counter: borrowing Atomic<Int>) -> Int { counter.load(ordering: .relaxed) }
        family("build_info", "gauge", "Always 1; the labels say what runs.")
        sample("build_info", [("version", context.version), ("node", context.settings.node.id.text)], 1)
        let uptime = Double((EventLoop.clock() - context.started).wholeNanoseconds) / 1e9
        single("uptime_seconds", "gauge", "Time since the start.", uptime)
        single("connections", "gauge", "Open connections from clients.", read(process.connections))
        single("connections_accepted_total", "counter", "Connections accepted.", read(process.connectionsAccepted))
        single(
            "connections_refused_total", "counter", "Connections beyond the limit.", read(process.connectionsRefused))
        single("requests_active", "gauge", "Requests and tunnels under way.", read(process.active))
        single("bad_requests_total", "counter", "Requests refused as malformed.", read(process.badRequests))
        single("unrouted_requests_total", "counter", "Requests that no route matched.", read(process.unrouted))
        single("log_lines_dropped_total", "counter", "Access log lines dropped.", read(process.logLinesDropped))
    }

    mutating func addServices(_ context: AdminContext) {
        let services = context.counters.allServices.sorted { $0.name < $1.name }
        family("requests_total", "counter", "Requests and TCP sessions.")
        for service in services { sample("requests_total", service.labels, service.requests.load(ordering: .relaxed)) }
        family("responses_total", "counter", "Answers to clients by class of status.")
        for service in services {
            for (name, value) in service.classes {
                sample("responses_total", service.labels + [("class", name)], value)
            }
        }
        family("retries_total", "counter", "Further attempts.")
        for service in services { sample("retries_total", service.labels, service.retries.load(ordering: .relaxed)) }
        family("received_bytes_total", "counter", "Body bytes from clients.")
        for service in services {
            sample("received_bytes_total", service.labels, service.bytesReceived.load(ordering: .relaxed))
        }
        family("sent_bytes_total", "counter", "Bytes to clients.")
        for service in services {
            sample("sent_bytes_total", service.labels, service.bytesSent.load(ordering: .relaxed))
        }
        family("request_duration_seconds_sum", "counter", "Summed time of requests.")
        for service in services {
            let seconds = Double(service.duration.load(ordering: .relaxed)) / 1e9
            sample("request_duration_seconds_sum", service.labels, seconds)
        }
        guard let table = context.control.snapshot?.table else { return }
        family("service_epoch", "gauge", "The epoch of the service's primary.")
        for service in table.services {
            guard let primary = service.primary else { continue }
            sample("service_epoch", [("service", service.name.text)], primary.epoch.count)
        }
        family("datacenter_healthy_ratio", "gauge", "Healthy share of a datacenter's weight.")
        for service in table.services {
            for datacenter in service.datacenters {
                let labels = [("service", service.name.text), ("datacenter", datacenter.name.text)]
                sample("datacenter_healthy_ratio", labels, datacenter.healthyShare)
            }
        }
    }

    mutating func addEndpoints(_ context: AdminContext) {
        let endpoints = context.counters.allEndpoints.sorted { $0.sortKey < $1.sortKey }
        func add(
            _ page: inout MetricsPage, _ name: String, _ type: String, _ help: String,
            _ value: (EndpointCounters) -> Int
        ) {
            page.family(name, type, help)
            for endpoint in endpoints { page.sample(name, endpoint.labels, value(endpoint)) }
        }
        add(&self, "endpoint_requests_total", "counter", "Requests sent.") { $0.requests.load(ordering: .relaxed) }
        add(&self, "endpoint_errors_total", "counter", "Answers of 5xx and failed attempts.") {
            $0.errors.load(ordering: .relaxed)
        }
        add(&self, "endpoint_requests_active", "gauge", "Requests under way.") { $0.inFlight.load(ordering: .relaxed) }
        add(&self, "endpoint_connections", "gauge", "Open connections.") { $0.connections.load(ordering: .relaxed) }
        guard let table = context.control.snapshot?.table else { return }
        family("endpoint_up", "gauge", "1 while requests may go there by its health.")
        for endpoint in table.services.flatMap(\.datacenters).flatMap(\.endpoints) {
            sample("endpoint_up", endpoint.id.labels, endpoint.condition.isUsable ? 1 : 0)
        }
    }
}

extension EndpointID {
    fileprivate var labels: [(String, String)] {
        [("service", service.text), ("datacenter", datacenter.text), ("endpoint", address.description)]
    }
}

extension EndpointCounters {
    fileprivate var labels: [(String, String)] { id.labels }
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
