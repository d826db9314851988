// Owns who may import whom: the table of the article Architecture, and nothing beside it.

/// The table of targets.
enum ImportTable {
    /// No I/O, clock, randomness, Foundation, threads or async; and what each may import of ours.
    static let pure: [String: Set<String>] = [
        // Raft takes its ticks and the names of its members from Topology: a second Tick would have to be converted at
        // every call.
        "Topology": [], "Raft": ["Topology"], "HTTPWire": [], "HTTP2Wire": ["HTTPWire"],
        "Catalog": ["Topology"], "Locks": ["Topology"], "Health": ["Topology"], "Balancing": ["Topology"],
        "Agreement": ["Topology", "Catalog", "Locks"],
        "Failover": ["Topology", "Catalog", "Health"], "Switching": ["Topology", "Catalog", "Health"],
        "Routing": ["Topology", "Catalog", "Health", "Balancing"],
        "Proxying": ["Topology", "HTTPWire", "Balancing", "Switching"],
        "Simulation": [
            "Topology", "Raft", "HTTPWire", "HTTP2Wire", "Catalog", "Locks", "Agreement", "Health", "Balancing",
            "Failover", "Switching", "Routing", "Proxying",
        ],
    ]

    /// What each shell may import beside every pure target.
    static let shells: [String: Set<String>] = [
        "Proactor": ["CLinux", "CURing"],
        "TLS": ["Proactor", "COpenSSL"], "Compression": ["Proactor", "CZlib"], "Discovery": ["Proactor", "CAres"],
        "Transport": ["Proactor", "TLS"], "HTTPTransport": ["Transport", "Proactor", "TLS"],
        // Debian's libyaml: Yams brings all of Foundation into the binary and its memory.
        "Settings": ["CYAML"],
        "RaftRuntime": ["Transport", "Proactor", "CLinux", "TLS", "SwiftProtobuf"],
        "Probing": ["HTTPTransport", "Transport", "Proactor", "TLS"],
        "DataPlane": ["HTTPTransport", "Transport", "Proactor", "TLS", "Compression", "Discovery", "CLinux"],
        "ControlPlane": ["RaftRuntime", "Probing", "Proactor"],
        "Admin": ["ControlPlane", "DataPlane", "HTTPTransport", "Settings", "Proactor", "TLS"],
    ]

    static let modulesInC: Set<String> = [
        "CLinux", "COpenSSL", "CZlib", "CURing", "CAres", "CYAML", "CPage",
    ]
    static let collections: Set<String> = [
        "Collections", "DequeModule", "HeapModule", "OrderedCollections", "BitCollections", "HashTreeCollections",
    ]
    static let system: Set<String> = ["Glibc", "Musl", "Synchronization", "FoundationEssentials", "Logging"]

    /// What the target may import; nil: the table does not know it.
    static func allowed(_ target: String) -> Set<String>? {
        if let own = pure[target] { return own.union(collections) }
        let common = collections.union(system).union(pure.keys)
        if let own = shells[target] { return common.union(own) }
        guard target == "meridian" else { return nil }
        return common.union(shells.keys).union(modulesInC).union(["ArgumentParser"])
    }
}

extension Rule {
    static let imports = Rule(name: "imports") { source in
        guard let target = source.target, !ImportTable.modulesInC.contains(target) else { return [] }
        guard let allowed = ImportTable.allowed(target) else {
            return [Violation(path: source.path, line: 1, message: "target \(target) is not in the import table")]
        }
        return source.imports.compactMap { module in
            if module.text == "@_exported" {
                return Violation(path: source.path, line: module.line, message: "@_exported hides who imports whom")
            }
            if allowed.contains(module.text) { return nil }
            return Violation(
                path: source.path, line: module.line,
                message: "\(target) may not import \(module.text): see Architecture")
        }
    }
}

extension SwiftSource {
    private static let kinds: Set<String> = [
        "struct", "class", "enum", "protocol", "typealias", "func", "let", "var", "actor",
    ]

    /// The imported modules, and `@_exported` where it stands.
    var imports: [Token] {
        tokens.indices.compactMap { index in
            if tokens[index].text == "@_exported" { return tokens[index] }
            guard tokens[index].text == "import" else { return nil }
            let following = tokens[(index + 1)...].prefix(2)
            return following.first { !Self.kinds.contains($0.text) }
        }
    }
}
