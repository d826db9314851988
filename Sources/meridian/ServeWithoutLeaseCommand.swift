// Owns `meridian serve-without-lease`: the last resort when the group is lost.
internal import Admin
internal import ArgumentParser
internal import ControlPlane
internal import HTTPTransport

/// Makes one node serve a strict service although the group cannot guarantee that nobody else does.
struct ServeWithoutLeaseCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve-without-lease",
        abstract: "Have one node serve a strict service without a lease, when the group is lost.",
        // Shows which options belong together; the parser alone would show all of them as optional.
        usage: """
            meridian serve-without-lease <service> --for <time> --old-primary-is-fenced [--reason <reason>] [<options>]
            meridian serve-without-lease <service> --end [--reason <reason>] [<options>]
            """,
        discussion:
            """
            If the old primary can still be written to, data will diverge. Fence it first: switch it off, or cut it off. \
            The node serves the primary that was agreed last, or the datacenter of --in, until the time is over or the \
            group is back: then what the group says holds again, and requests to another datacenter are cut.
            """
    )
    @Argument(help: "The service.") var service: String
    @Option(
        name: .customLong("for"), help: "For how long, such as 10m; at most a day.",
        transform: { try DurationOption.text($0, atMost: BreakGlass.longest) })
    var time: String?
    @Option(name: .customLong("in"), help: "The datacenter that takes the requests; default: the last primary.")
    var datacenter: String?
    @Flag(help: "Your word that nothing can reach the old primary any more.") var oldPrimaryIsFenced = false
    @Flag(help: "Need the lease again from now on.") var end = false
    @Option(help: "Why; in the node's log.") var reason: String?
    @OptionGroup var admin: AdminOptions

    func validate() throws {
        if end {
            guard time == nil, datacenter == nil else {
                throw ValidationError("--end excludes --for and --in")
            }
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
        let body = WithoutLeaseBody(for: time, oldPrimaryIsFenced: true, datacenter: datacenter, reason: reason)
        let answer = try client.send("POST", path, body)
        let place = datacenter.map { " in \($0)" } ?? ""
        report(answer, admin, "this node serves \(service)\(place) without a lease for \(time)")
    }
}
