// Owns the command line: the root command and its list of subcommands, one file each.
internal import ArgumentParser

/// The `meridian` command.
@main
struct Meridian: ParsableCommand {
    /// The version of this source tree.
    static let version = "0.1.0"

    static let configuration = CommandConfiguration(
        commandName: "meridian",
        abstract: "A global load balancer and failover proxy.",
        version: version,
        subcommands: [
            RunCommand.self, CheckCommand.self, DemoCommand.self, StatusCommand.self, EventsCommand.self,
            ExplainCommand.self, PrimaryCommand.self, WeightCommand.self, DrainCommand.self, UndrainCommand.self,
            FreezeCommand.self, DiffCommand.self, ClusterCommand.self, ServeWithoutLeaseCommand.self,
            ReloadCommand.self, SettingsCommand.self,
            SimulateCommand.self, BackendCommand.self,
        ])

    /// Wrong usage exits with 2 (see `Failure`); help and version with 0.
    static func main() {
        do {
            var command = try parseAsRoot()
            try command.run()
        } catch let failure as Failure {
            standardError(failure.message)
            endProcess(failure.code)
        } catch {
            let code = exitCode(for: error)
            guard code == .validationFailure || code.rawValue == 64 else { exit(withError: error) }
            standardError(fullMessage(for: error))
            endProcess(.usage)
        }
    }
}
