// Owns `meridian reload`.
internal import Admin
internal import ArgumentParser

/// Makes a node read its settings file again.
struct ReloadCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reload", abstract: "Apply the configuration file again; a wrong one changes nothing.")
    @OptionGroup var admin: AdminOptions

    func run() throws {
        let answer = try AdminClient(options: admin).send("POST", "/v1/reload")
        for warning in try decode(ReloadAnswer.self, answer, keepsLines: true).warnings { standardError(warning) }
        report(answer, admin, "the configuration was reloaded")
    }
}
