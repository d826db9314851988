// Owns the check whether a data directory and the settings file may mean the same group.
public import Raft
public import Topology

extension LoadedLog {
    /// The configuration that the directory holds, committed or not; nil when it has never been in a group.
    public var configuration: Configuration? {
        for entry in entries.reversed() {
            if case .configuration(let configuration) = entry.payload { return configuration }
        }
        return snapshot?.identity.configuration
    }

    /// Why a node must not start with this directory and these members in its file; nil when it may.
    ///
    /// Groups cannot be merged, so proxies that had run alone would each go on leading a group of its own, and each
    /// would send writes where it likes.
    ///
    /// - Parameter listed: the members of the file's `cluster` section; nil without one.
    public func conflict(node: NodeID, listed: [NodeID]?) -> String? {
        guard let configuration else { return nil }
        let members = configuration.members + (configuration.outgoing ?? [])
        let known = members.map(\.id).filter { $0 != node }
        guard let listed else {
            return known.isEmpty
                ? nil
                : "it is of a member of a group with \(Self.list(known)), but the file has no 'cluster' section; "
                    + "add it, or use another folder"
        }
        let ranAlone = known.isEmpty && members.contains { $0.address.isLocal }
        let wanted = listed.filter { $0 != node }
        guard ranAlone, !wanted.isEmpty else { return nil }
        let others = Self.list(wanted)
        return "it is of a proxy that ran alone, and 'cluster' lists \(others), too: what it holds cannot be "
            + "taken into a group. Move the folder away: the node joins with an empty one, and what operators set is "
            + "to be set again"
    }

    private static func list(_ names: [NodeID]) -> String {
        var unique: [String] = []
        for name in names.map(\.text) where !unique.contains(name) { unique.append(name) }
        return unique.joined(separator: ", ")
    }
}

extension Address {
    /// Whether the address is reachable only from this machine: a member with such an address is in a group of its own.
    fileprivate var isLocal: Bool {
        if case .unix = self { true } else { false }
    }
}
