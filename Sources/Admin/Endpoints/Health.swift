// Owns /livez and /readyz, for orchestrators.
internal import Catalog
internal import ControlPlane
internal import HTTPTransport
internal import Routing
internal import Topology

/// 200 as long as the control thread is running.
struct LivezHandler: AdminHandler {
    let method = "GET"
    let pattern = "/livez"
    let operation = APIOperation(
        .page, "Whether the node is alive: 503 when it should be started again.", answers: .text("text/plain"),
        refusals: [503])
    /// Far longer than any turn on a loaded machine: a needless restart is worse than a late one.
    private static let timeout = Duration.seconds(10)

    func answer(_ call: AdminCall) {
        let isAlive = call.context.control.age < Self.timeout
        call.respond(isAlive ? .text(200, "ok\n") : .text(503, "the control thread does not turn\n"))
    }
}

/// 200 while the node can serve something the way the group agreed, and is not stopping.
struct ReadyzHandler: AdminHandler {
    let method = "GET"
    let pattern = "/readyz"
    let operation = APIOperation(
        .page, "Whether the node can serve something by what the group agreed, and is not stopping; else 503.",
        query: [.init("verbose", "`true`: tell of each check, even if all pass.", Bool.self)],
        answers: .text("text/plain"),
        refusals: [503])

    func answer(_ call: AdminCall) {
        var lines: [String] = []
        var isReady = true
        func check(_ name: String, _ passes: Bool, _ why: String) {
            lines.append(passes ? "[+] \(name) ok" : "[-] \(name) failed: \(why)")
            isReady = isReady && passes
        }
        check("running", !call.context.node.isStopping, "the node is stopping")
        // A member that has never learned what was agreed would route by its file alone, also to what others have
        // drained.
        let snapshot = call.context.control.snapshot
        check(
            "state", snapshot?.isInformed ?? false,
            snapshot?.standing.forming ?? "nothing that the group agreed is known here yet")
        let services = snapshot?.table.services ?? []
        let serves =
            services.isEmpty
            || services.contains { service in
                service.datacenters.contains { $0.endpoints.contains { $0.effectiveWeight > 0 } }
            }
        check("services", serves, "no service has a usable endpoint")
        let isVerbose = call.request.queryFlag("verbose") ?? false
        let text = isVerbose || !isReady ? lines.joined(separator: "\n") + "\n" : "ok\n"
        call.respond(.text(isReady ? 200 : 503, text))
    }
}

extension ControlSnapshot {
    /// Whether the node knows what its group agreed; a group of one in memory agrees with itself.
    fileprivate var isInformed: Bool {
        standing.timing == nil || standing.forming == nil && catalog.appliedIndex > 0
    }
}
