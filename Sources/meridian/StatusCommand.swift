// Owns `meridian status`: the state of a node as a table.
internal import Admin
internal import ArgumentParser
internal import Glibc

struct StatusCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "Show services, datacenters and endpoints.")
    @Flag(help: "Show it again every second until Ctrl-C.") var watch = false
    @OptionGroup var admin: AdminOptions

    func run() throws {
        repeat {
            let answer = try AdminClient(options: admin).send("GET", "/v1/status")
            if watch, isatty(STDOUT_FILENO) == 1 { print("\u{1B}[H\u{1B}[2J", terminator: "") }
            if admin.json {
                report(answer, admin, "")
            } else {
                print(StatusTable(try decode(StatusDocument.self, answer), colours: isatty(STDOUT_FILENO) == 1).text)
            }
            if watch { sleep(1) }
        } while watch
    }
}

/// The status for people.
struct StatusTable {
    private(set) var text = ""
    private let colours: Bool

    init(_ status: StatusDocument, colours: Bool) {
        self.colours = colours
        text = "node \(status.node) in \(status.datacenter), version \(status.version), index \(status.index)"
        text += "\n"
        if let full = status.diskFull {
            text += colour("\(full): this node accepts nothing until there is room\n", 31)
        }
        if status.frozen { addFreeze(status.freeze) }
        if status.members.count > 1 || status.forming != nil { addGroup(status) }
        for service in status.services { add(service) }
    }

    private mutating func addFreeze(_ freeze: FreezeDocument?) {
        text += colour("automatic moves of primaries are frozen", 33)
        if let author = freeze?.author { text += " by \(author)" }
        if let reason = freeze?.reason, !reason.isEmpty { text += ": \(reason)" }
        text += "\n"
    }

    private mutating func addGroup(_ status: StatusDocument) {
        if let forming = status.forming {
            text += colour("in no group: \(forming)\n", 33)
        } else if !status.quorum {
            let state =
                status.index == 0 ? "the file alone: nothing that was agreed is known here" : "the last known state"
            text += colour("no quorum: changes are refused, traffic follows \(state)\n", 31)
        }
        for member in status.members {
            let role = member.id == status.leader ? "leader" : member.role
            text += "  \(Self.pad(member.id, 14)) \(Self.pad(member.datacenter, 14)) \(Self.pad(role, 9)) "
            text += member.reachable ? colour("reachable", 32) : colour("unreachable", 31)
            if let failure = member.failure { text += ": \(failure)" }
            if let applied = member.applied { text += "  log \(applied)" }
            text += "\n"
        }
    }

    private mutating func add(_ service: ServiceDocument) {
        text += "\n" + colour(service.name, 1) + "  \(service.policy) → \(service.endpointPolicy)"
        if let primary = service.primary, let epoch = service.epoch {
            text += ", primary " + colour(primary, 36) + " (epoch \(epoch), \(service.state)"
            text += service.target.map { " to \($0))" } ?? ")"
        }
        text += ", \(service.requestsPerSecond) requests/s"
        text +=
            service.configDrift ? ", " + colour("the file differs from the group: see meridian diff", 33) + "\n" : "\n"
        if let rest = service.withoutLeaseMs {
            text += colour("  served without a lease for another \(rest / 1_000) s\n", 31)
        } else if let since = service.noLeaseMs {
            text += colour("  refused by this node: no lease for \(since / 1_000) s\n", 31)
        }
        for datacenter in service.datacenters { add(datacenter) }
    }

    private mutating func add(_ datacenter: ServiceDocument.Datacenter) {
        let share = Int((datacenter.share * 100).rounded())
        let healthy = Int((datacenter.healthy * 100).rounded())
        let tint = healthy >= 70 ? 32 : (healthy > 0 ? 33 : 31)
        text += "  \(Self.pad(datacenter.name, 14)) weight \(Self.pad(String(datacenter.weight), 4)) share "
        text += "\(Self.pad("\(share) %", 6)) healthy " + colour(Self.pad("\(healthy) %", 6), tint)
        var notes: [String] = []
        if datacenter.state != "active" { notes.append(colour(datacenter.state, 33)) }
        let down = datacenter.votes.filter { $0.value == "down" }.keys.sorted()
        if !down.isEmpty { notes.append(colour("voted down by \(down.joined(separator: " and "))", 31)) }
        if datacenter.panic { notes.append(colour("panic: unhealthy endpoints are used too", 31)) }
        if !notes.isEmpty { text += " " + notes.joined(separator: "; ") }
        text += "\n"
        for endpoint in datacenter.endpoints {
            let tint = endpoint.state == "up" ? 32 : (endpoint.state == "down" ? 31 : 33)
            text += "    \(Self.pad(endpoint.address, 24)) " + colour(Self.pad(endpoint.state, 9), tint)
            text +=
                " weight \(Self.pad(String(endpoint.weight), 4)) in flight \(Self.pad(String(endpoint.inFlight), 5))"
            text += " requests \(Self.pad(String(endpoint.requests), 9)) errors \(endpoint.errors)\n"
        }
    }

    private func colour(_ text: String, _ code: Int) -> String { colours ? "\u{1B}[\(code)m\(text)\u{1B}[0m" : text }

    private static func pad(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }
}
