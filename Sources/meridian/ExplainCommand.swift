// Owns `meridian explain`: why the primary of a service is where it is, for people.
internal import ArgumentParser
internal import ControlPlane

struct ExplainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain", abstract: "Say why the primary of a service is where it is.")
    @Argument(help: "The service.") var service: String
    @OptionGroup var admin: AdminOptions

    func run() throws {
        let answer = try AdminClient(options: admin).send("GET", servicePath(service) + "/explain")
        if admin.json { return report(answer, admin, "") }
        print(ExplanationText(try decode(FailoverReport.self, answer)).lines.joined(separator: "\n"))
    }
}

/// The explanation for people.
struct ExplanationText {
    private(set) var lines: [String] = []

    init(_ explanation: FailoverReport) {
        addHead(explanation)
        if let here = explanation.here { lines.append("\(here.text)  [\(here.kind)]") }
        // A service without a primary has none that could stay or move.
        if explanation.primary == nil, explanation.holds.map(\.kind) == [FailoverReport.noPrimary] {
            lines = ["\(explanation.service) follows no primary: its traffic is shared by weight and health"]
        } else if let datacenter = explanation.promotes {
            lines.append("moving to \(datacenter) now")
        } else {
            lines.append("it stays, because")
            add(explanation.holds)
        }
        if let waits = explanation.waits {
            lines.append("the switch waits, because")
            add(waits)
        }
        guard !explanation.datacenters.isEmpty else { return }
        if let confirm = explanation.confirm, let soFar = confirm.soFarMs {
            lines.append("voted down for \(Self.seconds(soFar)) of \(Self.seconds(confirm.neededMs)) that it takes")
        }
        lines.append("datacenters (\(explanation.heard) of \(explanation.voting) voting ones are heard)")
        for place in explanation.datacenters { add(place) }
        lines.append("observers")
        for observer in explanation.observers { add(observer) }
    }

    private mutating func add(_ reasons: [FailoverReport.Reason]) {
        for reason in reasons { lines.append("  - \(reason.text)  [\(reason.kind)]") }
    }

    private mutating func addHead(_ explanation: FailoverReport) {
        var head = "\(explanation.service): "
        if let primary = explanation.primary, let epoch = explanation.epoch {
            head += "primary \(primary) (epoch \(epoch), \(explanation.state)"
            if let target = explanation.target { head += " to \(target)" }
            head += ")"
        } else {
            head += "no primary"
        }
        if let home = explanation.home { head += ", away from \(home)" }
        lines.append(head + (explanation.leader.map { ", says the leader \($0)" } ?? ""))
    }

    private mutating func add(_ place: FailoverReport.Place) {
        var line = "  \(place.name): "
        line += place.healthyPercent.map { "\($0) % healthy" } ?? "not seen"
        let votes = place.votes.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
        if !votes.isEmpty { line += ", votes: \(votes.joined(separator: ", "))" }
        if let lag = place.lagMs {
            line += ", lag \(Self.seconds(lag))"
            if let age = place.lagAgeMs { line += " (\(Self.seconds(age)) ago)" }
        }
        if place.primary {
            line += ", primary"
        } else {
            line += place.objection.map { ", cannot take over: \($0.text)" } ?? ", can take over"
        }
        lines.append(line)
    }

    private mutating func add(_ observer: FailoverReport.Observer) {
        var line = "  \(observer.id) in \(observer.datacenter), \(observer.voter ? "voter" : "observer"), "
        line += observer.heardMsAgo.map { "heard \(Self.seconds($0)) ago" } ?? "not heard"
        if observer.heardMsAgo != nil, !observer.counts { line += ", does not count" }
        lines.append(line)
    }

    /// Such as `1.2 s`.
    private static func seconds(_ milliseconds: Int64) -> String {
        "\(milliseconds / 1_000).\(milliseconds % 1_000 / 100) s"
    }
}
