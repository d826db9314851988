// Owns what changed of the group's members, and the lines that say so on every node.
internal import Logging
internal import Topology

/// Compares the members that were seen last with those there are now.
struct MembershipWatch {
    private var members: [GroupStanding.Member] = []

    /// Takes a look; the members that a process sees first are no news.
    mutating func look(_ standing: GroupStanding) -> [LogLine] {
        // Half-way through a change it is not certain to hold.
        guard !standing.isChanging, !standing.members.isEmpty else { return [] }
        let before = members
        members = standing.members
        guard !before.isEmpty else { return [] }
        var lines: [LogLine] = []
        for member in standing.members {
            guard let old = before.first(where: { $0.isSame(as: member) }) else {
                lines.append(member.line("a member joined the group"))
                continue
            }
            if old.isVoter != member.isVoter {
                lines.append(member.line(member.isVoter ? "a member has a vote now" : "a member has no vote any more"))
            }
        }
        for old in before where !standing.members.contains(where: { $0.isSame(as: old) }) {
            lines.append(old.line("a member left the group"))
        }
        return lines
    }
}

extension GroupStanding.Member {
    fileprivate func isSame(as other: Self) -> Bool { id == other.id && incarnation == other.incarnation }

    fileprivate func line(_ message: String) -> LogLine {
        LogLine(
            .notice, message,
            ["member": id.text, "datacenter": datacenter.text, "role": isVoter ? "voter" : "observer"])
    }
}
