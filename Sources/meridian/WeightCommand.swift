// Owns `meridian weight set|reset`.
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
        @Option(help: "Return to the file's weight after this time, such as 1h.") var expires: String?
        @Option(help: "Why; shown in the events.") var reason: String?
        @OptionGroup var admin: AdminOptions

        func run() throws {
            var body: [String: JSONValue] = ["weight": .number(weight)]
            if let expires { body["expires_in"] = .text(expires) }
            if let reason { body["reason"] = .text(reason) }
            let answer = try AdminClient(options: admin).send("PUT", targetPath(service, place) + "/weight", body)
            report(answer, admin, "weight of \(service) \(place) is \(weight)")
        }
    }

    struct Reset: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Return to the weight in the file.")
        @Argument(help: "The service.") var service: String
        @Argument(help: "DC or DC/ENDPOINT.") var place: String
        @OptionGroup var admin: AdminOptions

        func run() throws {
            let answer = try AdminClient(options: admin).send("DELETE", targetPath(service, place) + "/weight")
            report(answer, admin, "weight of \(service) \(place) is the file's again")
        }
    }
}

/// Prints the answer as JSON if that was asked for, else the sentence.
func report(_ answer: [UInt8], _ options: AdminOptions, _ sentence: String) {
    print(options.json ? String(decoding: answer, as: UTF8.self) : sentence, terminator: options.json ? "" : "\n")
}
