// Owns `meridian events`.
internal import ArgumentParser
internal import Glibc

struct EventsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "events", abstract: "Show what was changed, by whom and why.")
    @Flag(help: "Go on with new events until Ctrl-C.") var follow = false
    @OptionGroup var admin: AdminOptions

    private struct Event: Decodable {
        var index: UInt64
        var timeMs: Int64
        var author: String
        var reason: String
        var event: String
    }

    func run() throws {
        var after: UInt64 = 0
        repeat {
            let answer = try AdminClient(options: admin).send("GET", "/v1/events?after=\(after)")
            let events = try decode([Event].self, answer)
            if admin.json, !events.isEmpty { print(String(decoding: answer, as: UTF8.self), terminator: "") }
            for event in events {
                after = max(after, event.index)
                if !admin.json {
                    let why = event.reason.isEmpty ? "" : ": \(event.reason)"
                    print("\(event.index)  \(Self.time(event.timeMs))  \(event.event) by \(event.author)\(why)")
                }
            }
            if follow { sleep(1) }
        } while follow
    }

    private static func time(_ milliseconds: Int64) -> String {
        var seconds = time_t(milliseconds / 1000)
        var parts = tm()
        gmtime_r(&seconds, &parts)
        var text = [CChar](repeating: 0, count: 32)
        strftime(&text, 32, "%Y-%m-%d %H:%M:%SZ", &parts)
        return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
