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
        let valid = try loadSettings(file)
        let certificates = try CredentialCheck.check(valid, file)
        let settings = valid.settings
        // What only shows when it is put together: error pages that cannot be read, the token.
        let shares: DescriptorShares
        do {
            shares = try DescriptorShares.ofProcess(settings)
            _ = try RoutingLayout(services: settings.services, listeners: settings.listeners)
            _ = try DataPlaneConfiguration(settings, shares)
            try AdminServer.check(settings)
        } catch let failure as Failure {
            throw Failure("\(file): error: \(failure.message)")
        } catch {
            throw Failure("\(file): error: \(error)")
        }
        if let shortage = settings.shortageOfClients(shares) { standardError("\(file): warning: \(shortage)") }
        let services = Self.counted(settings.services.count, "service")
        print("\(file) is valid: \(services), \(Self.counted(settings.listeners.count, "listener"))")
        for line in certificates { print(line) }
        print(shares)
    }

    /// Such as "1 service" and "2 services".
    static func counted(_ count: Int, _ noun: String) -> String { count == 1 ? "1 \(noun)" : "\(count) \(noun)s" }
}

/// Reads the file, prints its warnings, and fails with all of its problems.
func loadSettings(_ file: String) throws(Failure) -> ValidSettings {
    switch SettingsReader.read(path: file) {
    case .failure(let invalid): throw Failure(invalid.description)
    case .success(let valid):
        for warning in valid.warnings { standardError(warning.description) }
        return valid
    }
}
