// Owns `meridian check`: is the configuration file right?
internal import ArgumentParser
internal import Settings

/// Reads a configuration file and shows every problem in it.
struct CheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Check a configuration file and show every mistake in it.")

    @Option(name: [.customShort("c"), .customLong("config")], help: "The configuration file.")
    var file: String

    func run() throws {
        let settings = try loadSettings(file)
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
