// Owns `meridian primary show|set`.
internal import Admin
internal import ArgumentParser
internal import Glibc
internal import Proactor
internal import Topology

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
        @Flag(inversion: .prefixedNo, help: "Wait until traffic is there.") var wait = true
        @OptionGroup var retry: RetryOptions
        @OptionGroup var admin: AdminOptions

        /// A switch takes no longer than `drain` and a lease.
        private static let timeout = Duration.seconds(60)

        func run() throws {
            let client = AdminClient(options: admin)
            let body = PrimaryBody(
                datacenter: datacenter, reason: reason, force: force ? true : nil, dryRun: dryRun ? true : nil)
            let answer = try client.send("POST", servicePath(service) + "/primary", body, retry: retry)
            let moved = try decode(PrimaryAnswer.self, answer)
            guard wait, !dryRun, moved.state == "switching" else {
                return report(answer, admin, moved.sentence)
            }
            if !admin.json { standardError(moved.sentence) }
            let ended = try awaitEnd(of: moved, client)
            report(DocumentForm.encode(ended) ?? answer, admin, ended.sentence)
        }

        /// The move once its switch is over.
        private func awaitEnd(of moved: PrimaryAnswer, _ client: AdminClient) throws -> PrimaryAnswer {
            let deadline = MonotonicClock.now + Self.timeout
            while MonotonicClock.now < deadline {
                usleep(50_000)
                // A node that is restarting answers again in a moment, and meanwhile the switch continues without it.
                guard let answer = try? client.send("GET", servicePath(service)) else { continue }
                let status = try decode(ServiceDocument.self, answer)
                guard let primary = status.primary, let epoch = status.epoch else { continue }
                if epoch > moved.epoch {
                    let place = status.target.map { "is going to \($0)" } ?? "is \(primary)"
                    throw Failure(
                        "another move took the place of this one: primary of \(service) \(place), epoch \(epoch)")
                }
                // The node is behind and has not heard of the switch yet.
                guard epoch == moved.epoch, status.state != "switching" else { continue }
                var ended = moved
                (ended.primary, ended.state) = (primary, status.state)
                return ended
            }
            throw Failure(
                "the switch is not over after a minute; `meridian explain \(service)` tells how things are",
                code: .unknownOutcome)
        }
    }
}
