// Owns which strict services this node has a lease for, since when it lacks one for the others, and the lines about it.
internal import Logging
public import Topology

/// Whether this node may serve a strict service.
public enum ServiceLease: Hashable, Sendable {
    case held
    /// It has had none since then; or this process, which began then, has not had one yet.
    case none(since: Tick)
}

/// Turns looks at the gates into changes. The lease belongs to the node, so a change for many services is one line.
struct LeaseWatch {
    /// A process starts without a lease, and a new service has none for a moment: neither is reported before this.
    private static let grace = Duration.seconds(10)
    /// The most services that one line names.
    private static let mostNamed = 8

    private(set) var leases: [ServiceName: ServiceLease] = [:]
    /// Those that had a lease before.
    private var served: Set<ServiceName> = []
    /// Those that were reported as having none.
    private var told: Set<ServiceName> = []

    /// - Parameters:
    ///   - services: the strict ones, and whether the node has a lease for them.
    ///   - leader: nil while none is known.
    /// - Returns: lines for what changed.
    mutating func look(_ services: [(name: ServiceName, isHeld: Bool)], leader: NodeID?, now: Tick) -> [LogLine] {
        var new: [ServiceName: ServiceLease] = [:]
        var lost: [ServiceName] = []
        var held: [ServiceName] = []
        for (name, isHeld) in services {
            if isHeld {
                new[name] = .held
                served.insert(name)
                if told.remove(name) != nil { held.append(name) }
                continue
            }
            var since = now
            if case .none(let earlier)? = leases[name] { since = earlier }
            new[name] = ServiceLease.none(since: since)
            let isNews = served.contains(name) || now - since >= Self.grace
            if isNews, told.insert(name).inserted { lost.append(name) }
        }
        leases = new
        served = served.filter { new[$0] != nil }
        told = told.filter { new[$0] != nil }
        var lines: [LogLine] = []
        if !lost.isEmpty {
            let cause = leader.map { "\($0) leads the group, and has not renewed it" } ?? "the group has no leader here"
            lines.append(
                LogLine(
                    .error, "strict services are refused here: this node has no lease for them",
                    ["services": Self.list(lost), "reason": cause]))
        }
        if !held.isEmpty {
            lines.append(
                LogLine(
                    .notice, "strict services are served here again: this node has a lease for them",
                    ["services": Self.list(held)]))
        }
        return lines
    }

    private static func list(_ names: [ServiceName]) -> String {
        let sorted = names.sorted()
        let named = sorted.prefix(mostNamed).map(\.text).joined(separator: ", ")
        return sorted.count > mostNamed ? "\(named) and \(sorted.count - mostNamed) more" : named
    }
}
