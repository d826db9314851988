// Owns `meridian serve-without-lease`: what is left when the group is lost.
internal import Admin
internal import ArgumentParser
internal import HTTPTransport

/// Has one node serve a strict service although the group cannot say that nobody else does.
struct ServeWithoutLeaseCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve-without-lease",
        abstract: "Have one node serve a strict service without a lease, when the group is lost.",
        discussion:
            "If the old primary can still be written to, data will diverge. Fence it first: switch it off, or cut it off."
    )
    @Argument(help: "The service.") var service: String
    @Option(name: .customLong("for"), help: "For how long, such as 10m; at most a day.") var time: String?
    @Flag(help: "Your word that nothing can reach the old primary any more.") var oldPrimaryIsFenced = false
    @Flag(help: "Need the lease again from now on.") var end = false
    @Option(help: "Why; in the node's log.") var reason: String?
    @OptionGroup var admin: AdminOptions

    func validate() throws {
        if end {
            guard time == nil else { throw ValidationError("--end and --for exclude each other") }
            return
        }
        guard time != nil else { throw ValidationError("--for TIME says how long, such as 10m") }
        guard oldPrimaryIsFenced else {
            throw ValidationError(
                "--old-primary-is-fenced is needed: if it can still be written to, data will diverge")
        }
    }

    func run() throws {
        let path = servicePath(service) + "/serve-without-lease"
        let client = AdminClient(options: admin)
        guard !end, let time else {
            let query = reason.map { "?reason=\(PercentEncoding.encode($0))" } ?? ""
            return report(try client.send("DELETE", path + query), admin, "\(service) needs its lease again")
        }
        let body = WithoutLeaseBody(for: time, oldPrimaryIsFenced: true, reason: reason)
        let answer = try client.send("POST", path, body)
        report(answer, admin, "this node serves \(service) without a lease for \(time)")
    }
}
