// Owns `meridian primary show|set`.
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
            let status = try decode(ServiceStatus.self, answer)
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
        @Flag(help: "Move even to a datacenter without a healthy endpoint.") var force = false
        @OptionGroup var admin: AdminOptions

        func run() throws {
            var body: [String: JSONValue] = [
                "datacenter": .text(datacenter), "force": .flag(force), "dry_run": .flag(dryRun),
            ]
            if let reason { body["reason"] = .text(reason) }
            let answer = try AdminClient(options: admin).send("POST", servicePath(service) + "/primary", body)
            let moved = try decode(Moved.self, answer)
            let verb = dryRun ? "would be" : "is"
            report(answer, admin, "primary of \(service) \(verb) \(moved.primary), epoch \(moved.epoch)")
        }

        private struct Moved: Decodable {
            var primary: String
            var epoch: Int
        }
    }
}
