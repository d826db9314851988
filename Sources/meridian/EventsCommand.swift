// Owns `meridian events`.
internal import Admin
internal import ArgumentParser
internal import Glibc
internal import HTTPTransport

struct EventsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "events", abstract: "Show what was changed, by whom and why.")
    @Flag(help: "Go on with new events until Ctrl-C.") var follow = false
    @OptionGroup var admin: AdminOptions

    func run() throws {
        let client = AdminClient(options: admin)
        guard follow else {
            let answer = try client.send("GET", "/v1/events")
            if admin.json { return report(answer, admin, "") }
            for event in try decode([EventDocument].self, answer) { print(Self.line(event)) }
            return
        }
        var last: UInt64 = 0
        while true {
            try client.follow("/v1/events?after=\(last)") { sent in
                last = sent.id.flatMap(UInt64.init) ?? last
                if admin.json {
                    print(VisibleText.ofJSON(Array(sent.data.utf8)))
                } else if let event = try? decode(EventDocument.self, Array(sent.data.utf8)) {
                    print(Self.line(event))
                }
                fflush(nil)
                return true
            }
            // The node has ended the stream, for example because it is restarting.
            sleep(1)
        }
    }

    static func line(_ event: EventDocument) -> String {
        let who = event.reason.isEmpty ? event.author : "\(event.author): \(event.reason)"
        return "\(event.index)  \(UTCText.of(event.timeMs))  \(event.event)  [\(who)]"
    }
}
