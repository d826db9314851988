// Owns `meridian diff`: what differs between a node's file and the group.
internal import Admin
internal import ArgumentParser
internal import Glibc

struct DiffCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "diff", abstract: "Show what the group holds that this node's file does not say.",
        discussion: "Overrides by operators, and settings in which the file and the group disagree: the group's hold.")
    @OptionGroup var admin: AdminOptions

    func run() throws {
        let answer = try AdminClient(options: admin).send("GET", "/v1/diff")
        if admin.json { return report(answer, admin, "") }
        print(DifferenceText(try decode(DifferenceDocument.self, answer)).lines.joined(separator: "\n"))
    }
}

/// The differences for people.
struct DifferenceText {
    private(set) var lines: [String] = []

    init(_ document: DifferenceDocument) {
        for service in document.services {
            lines.append(service.name)
            if let primary = service.primary { add(primary) }
            for item in service.drift { add(item) }
            for item in service.overrides { add(item) }
        }
        if !document.cluster.isEmpty {
            lines.append("cluster")
            for item in document.cluster { add(item) }
        }
        if document.frozen { add(document.freeze) }
        if lines.isEmpty { lines.append("the file of \(document.node) says all that the group holds") }
    }

    private mutating func add(_ freeze: FreezeDocument?) {
        var line = "automatic moves of primaries are frozen"
        if let author = freeze?.author { line += ", by \(author)" }
        if let since = freeze?.sinceMs { line += " since \(UTCText.of(since))" }
        if let reason = freeze?.reason, !reason.isEmpty { line += ": \(reason)" }
        lines.append(line)
    }

    private mutating func add(_ item: DifferenceDocument.Item) {
        lines.append("  \(item.key): file \(item.file ?? "nothing"), group \(item.group ?? "nothing")")
    }

    private mutating func add(_ item: DifferenceDocument.OverrideItem) {
        let place = item.endpoint.map { "\(item.datacenter)/\($0)" } ?? item.datacenter
        var line = "  \(item.kind) of \(place): file \(item.file ?? "nothing"), now \(item.now)"
        line += ", by \(item.author) since \(UTCText.of(item.sinceMs))"
        if let until = item.untilMs { line += " until \(UTCText.of(until))" }
        lines.append(line + (item.reason.isEmpty ? "" : ": \(item.reason)"))
    }
}

/// Times for people.
enum UTCText {
    /// Such as `2027-01-15 08:00:00Z`, of milliseconds since 1970.
    static func of(_ milliseconds: Int64) -> String {
        var seconds = time_t(milliseconds / 1000)
        var parts = tm()
        gmtime_r(&seconds, &parts)
        var text = [CChar](repeating: 0, count: 32)
        strftime(&text, 32, "%Y-%m-%d %H:%M:%SZ", &parts)
        return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
