// Owns what the parts of a node share while it lives: the settings in force, its end, and who waits for a reload.
internal import Admin
internal import Glibc
internal import Settings
internal import Synchronization

/// The node as its API sees it. Safe from every thread.
final class NodeState: NodeOperations {
    /// The most reloads that wait.
    private static let limit = 64

    private let inForce: Mutex<(settings: Settings, file: ConfigurationFile)>
    private let stopping = Atomic(false)
    private let waiting = Mutex<[@Sendable (ReloadOutcome) -> Void]>([])

    init(_ settings: Settings, from file: ConfigurationFile) { inForce = Mutex((settings, file)) }

    var settings: Settings { inForce.withLock { $0.settings } }
    var configurationFile: ConfigurationFile { inForce.withLock { $0.file } }
    func set(_ settings: Settings, from file: ConfigurationFile) { inForce.withLock { $0 = (settings, file) } }

    var isStopping: Bool { stopping.load(ordering: .relaxed) }

    /// From now on the node is not ready, and reloads no more.
    func beginStop() {
        stopping.store(true, ordering: .relaxed)
        finish(.refused(reason: "the node is stopping", problems: []))
    }

    /// The main thread reloads, as for an operator's signal: so reloads and the end come one after the other.
    func reload(then: @escaping @Sendable (ReloadOutcome) -> Void) -> Bool {
        guard !isStopping else { return false }
        let isAccepted = waiting.withLock { waiting in
            guard waiting.count < Self.limit else { return false }
            waiting.append(then)
            return true
        }
        if isAccepted { kill(getpid(), SIGHUP) }
        return isAccepted
    }

    /// Tells all who wait.
    func finish(_ outcome: ReloadOutcome) {
        let told = waiting.withLock { waiting in
            defer { waiting = [] }
            return waiting
        }
        for then in told { then(outcome) }
    }
}
