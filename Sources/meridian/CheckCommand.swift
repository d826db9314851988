// Owns `meridian check`: is the configuration file right?
internal import Admin
internal import ArgumentParser
internal import DataPlane
internal import Routing
internal import Settings

/// Reads a configuration file and shows every problem in it.
struct CheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Check a configuration file and show every mistake in it.")

    @Option(name: [.customShort("c"), .customLong("config")], help: "The configuration file.")
    var file: String

    func run() throws {
        let settings = try loadSettings(file)
        // What only shows when it is put together: error pages that cannot be read, the token.
        do {
            _ = try RoutingLayout(services: settings.services, listeners: settings.listeners)
            _ = try DataPlaneConfiguration(settings, descriptors: Descriptors.raiseLimit())
            try AdminServer.check(settings)
        } catch let failure as Failure {
            throw Failure("\(file): error: \(failure.message)")
        } catch {
            throw Failure("\(file): error: \(error)")
        }
        print("\(file) is valid: \(settings.services.count) services, \(settings.listeners.count) listeners")
    }
}

/// Reads the file, prints its warnings, and fails with all of its problems.
func loadSettings(_ file: String) throws(Failure) -> Settings {
    switch SettingsReader.read(path: file) {
    case .failure(let invalid): throw Failure(invalid.description)
    case .success(let valid):
        for warning in valid.warnings { standardError(warning.description) }
        return valid.settings
    }
}
