// Owns what the parts of a node share while it runs: the settings in force, whether it is stopping, and who waits for a
// reload.
internal import Admin
internal import Glibc
internal import Settings
internal import Synchronization

/// The node as its API sees it. Safe from every thread.
final class NodeState: NodeOperations {
    /// The most reloads that may wait.
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

    /// The main thread reloads, as it does for an operator's signal, so reloads and the end never overlap.
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

    /// Calls everyone who waits.
    func finish(_ outcome: ReloadOutcome) {
        let told = waiting.withLock { waiting in
            defer { waiting = [] }
            return waiting
        }
        for then in told { then(outcome) }
    }
}
