// Owns `meridian weight set|reset`.
internal import Admin
internal import ArgumentParser

struct WeightCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "weight", abstract: "Change the weight of a datacenter or an endpoint.",
        subcommands: [Set.self, Reset.self])

    struct Set: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Set a weight over the one in the file.")
        @Argument(help: "The service.") var service: String
        @Argument(help: "DC or DC/ENDPOINT.") var place: String
        @Argument(help: "0 to 256; 0 takes no new requests.") var weight: Int
        @OptionGroup var change: ChangeOptions
        @OptionGroup var retry: RetryOptions
        @OptionGroup var admin: AdminOptions

        func validate() throws {
            guard (0...256).contains(weight) else { throw ValidationError("a weight is 0 to 256") }
        }

        func run() throws {
            let body = WeightBody(
                weight: weight, expiresIn: change.expires, reason: change.reason, force: change.insists)
            let path = try targetPath(service, place) + "/weight"
            let answer = try AdminClient(options: admin).send("PUT", path, body, retry: retry)
            report(answer, admin, "weight of \(service) \(place) is \(weight)")
        }
    }

    struct Reset: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Return to the weight in the file.")
        @Argument(help: "The service.") var service: String
        @Argument(help: "DC or DC/ENDPOINT.") var place: String
        @Flag(help: ChangeOptions.forceHelp) var force = false
        @OptionGroup var retry: RetryOptions
        @OptionGroup var admin: AdminOptions

        func run() throws {
            let path = try targetPath(service, place) + "/weight" + (force ? "?force=true" : "")
            let answer = try AdminClient(options: admin).send("DELETE", path, retry: retry)
            report(answer, admin, "weight of \(service) \(place) is the file's again")
        }
    }
}

/// The options of every override.
struct ChangeOptions: ParsableArguments {
    @Option(
        help: "Return to the file's value after this time, such as 1h.", transform: { try DurationOption.text($0) })
    var expires: String?
    @Option(help: "Why; shown in the events.") var reason: String?
    @Flag(help: forceHelp) var force = false

    /// The safety rules that `--force` skips (`ServiceRecord.refusalToReplace`).
    static let forceHelp: ArgumentHelp =
        """
        Do it even if it takes all traffic from the primary or, without one, from the service, or leaves more than half \
        of the service's datacenters without traffic.
        """

    /// As in bodies: a default is left out, so that a node of another version need not know the field.
    var insists: Bool? { force ? true : nil }
}
