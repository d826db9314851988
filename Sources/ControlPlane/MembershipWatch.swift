// Owns what has changed about the group's members, and the lines about it on every node.
internal import Logging
internal import Topology

/// Compares the present members with those seen last.
struct MembershipWatch {
    private var members: [GroupStanding.Member] = []

    /// Takes a look. The first members that a process sees are not reported.
    mutating func look(_ standing: GroupStanding) -> [LogLine] {
        // In the middle of a change it is not certain that it will last.
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
