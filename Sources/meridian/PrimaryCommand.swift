// Owns `meridian primary show|set`.
internal import Admin
internal import ArgumentParser

struct PrimaryCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "primary", abstract: "Show or move the primary datacenter of a service.",
        subcommands: [Show.self, Set.self])

    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Show the primary and its epoch.")
        @Argument(help: "The service.") var service: String
        @OptionGroup var admin: AdminOptions

        func run() throws {
            let answer = try AdminClient(options: admin).send("GET", servicePath(service))
            let status = try decode(ServiceDocument.self, answer)
            guard let primary = status.primary, let epoch = status.epoch else {
                throw Failure("\(service) has no primary: its datacenter_policy is \(status.policy)")
            }
            report(answer, admin, "\(primary) (epoch \(epoch), \(status.state))")
        }
    }

    struct Set: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Move the primary to a datacenter.")
        @Argument(help: "The service.") var service: String
        @Argument(help: "The datacenter.") var datacenter: String
        @Option(help: "Why; shown in the events.") var reason: String?
        @Flag(help: "Say what would happen and change nothing.") var dryRun = false
        @Flag(help: "Move whatever health and replication lag say; the switch itself stays safe.") var force = false
        @OptionGroup var admin: AdminOptions

        func run() throws {
            let body = PrimaryBody(datacenter: datacenter, reason: reason, force: force, dryRun: dryRun)
            let answer = try AdminClient(options: admin).send("POST", servicePath(service) + "/primary", body)
            let moved = try decode(PrimaryAnswer.self, answer)
            report(answer, admin, Self.sentence(service, moved))
        }

        /// What happened, or would.
        static func sentence(_ service: String, _ moved: PrimaryAnswer) -> String {
            guard moved.state == "switching" else {
                return "primary of \(service) \(moved.dryRun ? "would be" : "is") \(moved.target), epoch \(moved.epoch)"
            }
            let verb = moved.dryRun ? "would go" : "is going"
            return "primary of \(service) \(verb) from \(moved.primary) to \(moved.target), epoch \(moved.epoch)"
        }
    }
}
