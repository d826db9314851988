// Owns `meridian settings`: the reference of all keys.
internal import ArgumentParser
internal import Settings

/// Prints the reference that is generated from the schema.
struct SettingsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "settings", abstract: "Print the reference of the configuration file, as Markdown.")

    func run() { print(SettingsReference.markdown()) }
}
