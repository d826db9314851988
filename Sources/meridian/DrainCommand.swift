// Owns `meridian drain` and `meridian undrain`.
internal import Admin
internal import ArgumentParser

struct DrainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "drain", abstract: "Send no new requests to a datacenter or an endpoint.")
    @Argument(help: "The service.") var service: String
    @Argument(help: "DC or DC/ENDPOINT.") var place: String
    @OptionGroup var change: ChangeOptions
    @OptionGroup var retry: RetryOptions
    @OptionGroup var admin: AdminOptions

    func run() throws {
        let body = StateBody(
            state: "draining", expiresIn: change.expires, reason: change.reason, force: change.insists)
        let path = try targetPath(service, place) + "/state"
        let answer = try AdminClient(options: admin).send("PUT", path, body, retry: retry)
        report(answer, admin, "\(service) \(place) is draining")
    }
}

struct UndrainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "undrain", abstract: "Send new requests to a datacenter or an endpoint again.")
    @Argument(help: "The service.") var service: String
    @Argument(help: "DC or DC/ENDPOINT.") var place: String
    @Option(help: "Why; shown in the events.") var reason: String?
    @OptionGroup var retry: RetryOptions
    @OptionGroup var admin: AdminOptions

    func run() throws {
        let body = StateBody(state: "active", reason: reason)
        let path = try targetPath(service, place) + "/state"
        let answer = try AdminClient(options: admin).send("PUT", path, body, retry: retry)
        report(answer, admin, "\(service) \(place) is active")
    }
}
