// Owns which changes of settings a running process can take.

/// What of a changed file needs a new process.
public enum ReloadDifference {
    /// The keys whose change needs a restart, as the file spells them, in its order; empty: the new settings can be
    /// taken as they are. A reload that names any is refused whole.
    public static func restartRequired(_ old: Settings, _ new: Settings) -> [String] {
        let changes: [(key: String, isChanged: Bool)] = [
            ("node.id", old.node.id != new.node.id),
            ("node.datacenter", old.node.datacenter != new.node.datacenter),
            ("node.data_dir", old.node.dataDirectory != new.node.dataDirectory),
            ("admin.bind", old.admin.bind != new.admin.bind),
            ("status.bind", old.statusBind != new.statusBind),
            ("cluster", old.cluster != new.cluster),
            ("workers", old.workers != new.workers),
        ]
        return changes.filter(\.isChanged).map(\.key)
    }
}
