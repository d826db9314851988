// Owns how the values of the top level are spelt that are no plain kind: datacenters, workers, pages, logs, URLs.
internal import Topology

extension ValueSchema where Value == [DatacenterName] {
    /// Names, or `{ name: NAME }`, each defined once.
    static var datacenterList: ValueSchema {
        let name = ValueSchema<DatacenterName>.definition(of: .datacenter)
        let section = Section<DatacenterName>(
            "datacenter", "A named place.", initial: { _ in DatacenterName("") },
            keys: [Key("name", \.self, name, required: true, "Its name.")])
        let datacenter = ValueSchema<DatacenterName>(
            type: "datacenter", section: NestedOutline(suffix: "", section: section.outline),
            read: { node, reading in
                if case .mapping = node.content { return section.read(node, reading) }
                return name.read(node, reading)
            }, write: { $0.text })
        return .list(of: datacenter, "datacenters", minimum: 1, limit: 256)
    }
}

/// The `status` section.
private struct StatusDraft: Sendable {
    var bind = Address.host("", port: 0)

    static let section = Section<StatusDraft>(
        "status", "Only `/livez`, `/readyz` and `/metrics`, without a token.",
        initial: { _ in StatusDraft() },
        keys: [Key("bind", \.bind, .boundOnce, required: true, "Its address. A change needs a restart.")])
}

extension ValueSchema where Value == Address {
    /// The address in the `status` section.
    static var status: ValueSchema {
        ValueSchema<StatusDraft>.section(StatusDraft.section).mapped({ $0.bind }, back: { StatusDraft(bind: $0) })
    }
}

extension ValueSchema where Value == Int? {
    /// `auto`, or a number of threads.
    static var workers: ValueSchema {
        let count = ValueSchema<Int>.count(1...1024)
        return ValueSchema(
            type: "auto | whole number", section: nil,
            read: { node, reading in node.text == "auto" ? .some(nil) : count.read(node, reading).map(Optional.some) },
            write: { $0.map(count.write) ?? "auto" })
    }
}

extension ValueSchema where Value == String? {
    /// A file; `-` or `stdout` is nil.
    static var logPath: ValueSchema {
        ValueSchema<String>.file.mapped({ ["-", "stdout"].contains($0) ? .some(nil) : $0 }, back: { $0 ?? "-" })
    }
}

extension ValueSchema where Value == String {
    /// An `http` or `https` URL without blanks.
    static var url: ValueSchema {
        .scalar(
            "URL",
            parse: { text throws(InvalidValue) in
                let rest = ["http://", "https://"].first { text.hasPrefix($0) }.map { text.dropFirst($0.count) }
                guard let rest, !rest.isEmpty, !rest.hasPrefix("/"), text.utf8.count <= 2048,
                    text.utf8.allSatisfy({ (0x21...0x7E).contains($0) })
                else { throw InvalidValue("expected a URL such as https://host:9901") }
                return text
            }, write: { $0 })
    }
}

extension ValueSchema where Value == [ErrorPage] {
    /// A mapping from statuses to files.
    static var errorPages: ValueSchema {
        let file = ValueSchema<String>.file
        return ValueSchema(
            type: "mapping by status", section: nil,
            read: { node, reading in
                guard let fields = Fields(node, of: "error_pages", reading) else { return nil }
                let pages: [ErrorPage] = fields.ordered.compactMap { name, pair in
                    guard name.utf8.count == 3, let status = Int(name), (400...599).contains(status) else {
                        reading.error(at: pair.key, "expected a status from 400 to 599, found \(quoted(name))")
                        return nil
                    }
                    return file.read(pair.value, reading).map { ErrorPage(status: status, path: $0) }
                }
                return pages.sorted { $0.status < $1.status }
            }, write: { _ in "" })
    }
}
