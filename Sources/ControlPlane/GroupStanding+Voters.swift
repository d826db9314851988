// Owns how many voters the group has, and how many of them may yet be lost.

extension GroupStanding {
    public var voters: Int { members.count { $0.isVoter } }

    /// How many this node has a connection to, including itself.
    public var reachableVoters: Int { members.count { $0.isVoter && $0.isReachable } }

    /// How many more may be lost before there is no quorum; those that are already lost count as lost.
    public var spareVoters: Int { max(0, reachableVoters - (voters / 2 + 1)) }
}
