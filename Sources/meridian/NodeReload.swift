// Owns how a running node takes new settings: all of them, or none.
internal import Admin
internal import ControlPlane
internal import DataPlane
internal import Glibc
internal import Logging
internal import Routing
internal import Settings
internal import Synchronization

extension Node {
    /// Applies the file again; the old settings stay when anything is wrong with it. On the main thread.
    func reload(from file: String, workers: Int?) {
        let outcome: ReloadOutcome
        switch SettingsReader.read(path: file) {
        case .failure(let invalid):
            standardError(invalid.description)
            let problems = invalid.problems.map(\.description)
            outcome = .refused(reason: "\(file) is not valid", problems: problems)
        case .success(let valid):
            for warning in valid.warnings { standardError(warning.description) }
            var fresh = valid.settings
            // The command line is above the file.
            if let workers { fresh.workers = workers }
            let node = state.settings.node
            if !fresh.node.isNamed, !node.isNamed { fresh.node.id = node.id }
            do throws(Failure) {
                try apply(fresh, from: ConfigurationFile(path: file, text: valid.text))
                outcome = .applied(warnings: valid.warnings.map(\.description))
            } catch {
                outcome = .refused(reason: error.message, problems: [])
            }
        }
        switch outcome {
        case .applied: logger.info("configuration reloaded")
        case .refused(let reason, _):
            logger.error("configuration not reloaded; the old one stays in force", metadata: ["reason": "\(reason)"])
        }
        state.finish(outcome)
    }

    private func apply(_ fresh: Settings, from file: ConfigurationFile) throws(Failure) {
        let old = state.settings
        let restart = ReloadDifference.restartRequired(old, fresh)
        guard restart.isEmpty else {
            throw Failure("these changes need a restart: \(restart.joined(separator: ", "))")
        }
        do {
            let layout = try RoutingLayout(services: fresh.services, listeners: fresh.listeners)
            let shares = try DescriptorShares.ofProcess(fresh)
            if let shortage = fresh.shortageOfClients(shares) { logger.warning("\(shortage)") }
            let configuration = try DataPlaneConfiguration(fresh, shares)
            let admit = try admin.prepare(fresh)
            let traffic = try proxy.prepare(fresh.listeners, configuration)
            // From here on only the control thread could fail. The table first, so that a new listener finds its routes.
            do {
                try publish(fresh, layout)
            } catch {
                traffic.cancel()
                throw error
            }
            proxy.apply(traffic)
            admit()
            state.set(fresh, from: file)
        } catch {
            throw SetupFailure.describe(error, fresh, file: file.path)
        }
    }

    /// Has the control plane publish the table of these settings, and waits for it.
    private func publish(_ settings: Settings, _ layout: RoutingLayout) throws(Failure) {
        let published = Handshake()
        let isAccepted = control.reload(ControlSettings(settings), layout: layout) { published.give($0) }
        guard isAccepted, let refused = published.wait() else { throw Failure("the control thread does not answer") }
        for reason in refused { logger.error("a service was not registered", metadata: ["reason": "\(reason)"]) }
    }
}

/// One thread waits for another, once.
private final class Handshake: Sendable {
    private let given = Mutex<[String]?>(nil)
    func give(_ value: [String]) { given.withLock { $0 = value } }

    /// nil after five seconds: control answers within a turn, so it hangs.
    func wait() -> [String]? {
        for _ in 0..<5000 {
            if let value = given.withLock({ $0 }) { return value }
            usleep(1000)
        }
        return nil
    }
}
