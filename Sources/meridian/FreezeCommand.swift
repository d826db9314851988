// Owns `meridian freeze on|off`.
internal import Admin
internal import ArgumentParser

/// Forbids or allows the group to move primaries by itself.
struct FreezeCommand: ParsableCommand {
    enum Wish: String, CaseIterable, ExpressibleByArgument { case on, off }

    static let configuration = CommandConfiguration(
        commandName: "freeze", abstract: "Forbid automatic moves of primaries, or allow them again.",
        discussion: "What operators ask for still works, and a switch under way completes.")
    @Argument(help: "on or off.") var wish: Wish
    @Option(help: "Why; shown in the events.") var reason: String?
    @OptionGroup var retry: RetryOptions
    @OptionGroup var admin: AdminOptions

    func run() throws {
        let body = FreezeBody(frozen: wish == .on, reason: reason)
        let answer = try AdminClient(options: admin).send("PUT", "/v1/freeze", body, retry: retry)
        report(
            answer, admin,
            wish == .on ? "automatic moves of primaries are frozen" : "primaries move by themselves again")
    }
}
