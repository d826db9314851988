// Owns `meridian drain` and `meridian undrain`.
internal import ArgumentParser

struct DrainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "drain", abstract: "Send no new requests to a datacenter or an endpoint.")
    @Argument(help: "The service.") var service: String
    @Argument(help: "DC or DC/ENDPOINT.") var place: String
    @OptionGroup var change: ChangeOptions
    @OptionGroup var admin: AdminOptions

    func run() throws {
        let body = change.body(["state": .text("draining")])
        let answer = try AdminClient(options: admin).send("PUT", targetPath(service, place) + "/state", body)
        report(answer, admin, "\(service) \(place) is draining")
    }
}

struct UndrainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "undrain", abstract: "Send new requests to a datacenter or an endpoint again.")
    @Argument(help: "The service.") var service: String
    @Argument(help: "DC or DC/ENDPOINT.") var place: String
    @Option(help: "Why; shown in the events.") var reason: String?
    @OptionGroup var admin: AdminOptions

    func run() throws {
        var body: [String: JSONValue] = ["state": .text("active")]
        if let reason { body["reason"] = .text(reason) }
        let answer = try AdminClient(options: admin).send("PUT", targetPath(service, place) + "/state", body)
        report(answer, admin, "\(service) \(place) is active")
    }
}
