// Owns `meridian cluster show|add|remove|transfer`.
internal import Admin
internal import ArgumentParser
internal import HTTPTransport

struct ClusterCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cluster", abstract: "Show or change who belongs to the group.",
        subcommands: [Show.self, Add.self, Remove.self, Transfer.self, ClusterRebuildCommand.self])

    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Show the members.")
        @OptionGroup var admin: AdminOptions

        func run() throws {
            let answer = try AdminClient(options: admin).send("GET", "/v1/cluster")
            if admin.json { return report(answer, admin, "") }
            print(ClusterText(try decode(ClusterDocument.self, answer)).lines.joined(separator: "\n"))
        }
    }

    struct Add: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Give a member that observes a vote.",
            discussion:
                "A new node asks to join by itself when its file lists the group's members, and observes from then on.")
        @Argument(help: "The node's id.") var id: String
        @Option(help: "Why; in the leader's log.") var reason: String?
        @OptionGroup var admin: AdminOptions

        func run() throws {
            let body = MemberBody(id: id, reason: reason)
            let answer = try AdminClient(options: admin).send("POST", "/v1/cluster/members", body)
            let cluster = try decode(ClusterDocument.self, answer)
            report(answer, admin, "\(id) is a voter")
            if let note = ClusterText.note(cluster) { standardError(note) }
        }
    }

    struct Remove: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Take a member out of the group.",
            discussion: "Needed before a node that lost its disk can come back under its name.")
        @Argument(help: "The node's id.") var id: String
        @Option(help: "Why; in the leader's log.") var reason: String?
        @Flag(help: "Do it even if the voters that are left, as far as they answer, are no quorum.") var force = false
        @OptionGroup var admin: AdminOptions

        func run() throws {
            var path = "/v1/cluster/members?id=\(PercentEncoding.encode(id))"
            if let reason { path += "&reason=\(PercentEncoding.encode(reason))" }
            if force { path += "&force=true" }
            let answer = try AdminClient(options: admin).send("DELETE", path)
            let cluster = try decode(ClusterDocument.self, answer)
            report(answer, admin, "\(id) is no member any more")
            if let note = ClusterText.note(cluster) { standardError(note) }
        }
    }

    struct Transfer: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Let another voter lead.")
        @Argument(help: "The node's id; without it the best of the others.") var id: String?
        @Option(help: "Why; in the leader's log.") var reason: String?
        @OptionGroup var admin: AdminOptions

        func run() throws {
            let body = TransferBody(to: id, reason: reason)
            let answer = try AdminClient(options: admin).send("POST", "/v1/cluster/transfer", body)
            report(answer, admin, id.map { "\($0) leads" } ?? "another voter leads")
        }
    }
}

/// The group for people.
struct ClusterText {
    private(set) var lines: [String] = []

    init(_ cluster: ClusterDocument) {
        if let forming = cluster.forming {
            lines.append("in no group: \(forming)")
        } else {
            let leader = cluster.leader.map { "leader \($0)" } ?? "no leader"
            lines.append(
                "\(leader), term \(cluster.term), \(Self.voters(cluster))"
                    + (cluster.changing ? ", a change of members is under way" : ""))
        }
        for member in cluster.members {
            var line = "  \(member.id)  \(member.datacenter)  \(member.id == cluster.leader ? "leader" : member.role)"
            if let address = member.address { line += "  \(address)" }
            line += member.reachable ? "  reachable" : "  unreachable"
            if let applied = member.applied { line += "  log \(applied)" }
            if let version = member.version, !version.isEmpty { line += "  version \(version)" }
            if let admin = member.admin { line += "  \(admin)" }
            if let failure = member.failure { line += ": \(failure)" }
            lines.append(line)
        }
        if let note = Self.note(cluster) { lines.append(note) }
    }

    /// How many voters there are, and how many more may be lost, given those that already are.
    private static func voters(_ cluster: ClusterDocument) -> String {
        var text = CheckCommand.counted(cluster.voters, "voter")
        if cluster.reachableVoters < cluster.voters { text += ", \(cluster.reachableVoters) of them reachable" }
        if cluster.reachableVoters * 2 <= cluster.voters { return text + ", which is no quorum" }
        return text + ", of which \(cluster.spareVoters == 0 ? "none" : "\(cluster.spareVoters)") may be lost"
    }

    /// What an operator should know of this number of voters; nil: nothing.
    static func note(_ cluster: ClusterDocument) -> String? {
        guard cluster.voters > 1, cluster.voters.isMultiple(of: 2) else { return nil }
        return "note: \(cluster.voters) voters survive no more losses than \(cluster.voters - 1) would"
    }
}
