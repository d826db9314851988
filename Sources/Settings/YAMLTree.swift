// Owns the making of the tree from events, within limits, and the refusal of what settings do not use of YAML.

/// Builds the tree of one file. Anchors, aliases, tags and further documents are refused, so that a small file cannot
/// stand for a large one.
struct YAMLTree: ~Copyable {
    /// The most bytes of a file.
    static let byteLimit = 4 << 20
    static let tooLarge = "the file has more than \(byteLimit >> 20) MiB"
    /// The most nested sequences and mappings.
    static let depthLimit = 64
    /// The most values of a file: some 150 MB of memory at worst.
    static let nodeLimit = 500_000

    private var events: YAMLEvents
    private let reading: Reading
    private var nodes = 0

    /// The root of the file; nil when the file is not YAML, empty, or over a limit: then a problem says so.
    static func root(of text: String, _ reading: Reading) -> YAMLNode? {
        guard text.utf8.count <= byteLimit else {
            reading.error(tooLarge)
            return nil
        }
        do throws(YAMLSyntaxError) {
            var tree = YAMLTree(events: try YAMLEvents(text), reading: reading)
            return try tree.document()
        } catch {
            reading.error(at: error.mark, explained(error, reading))
            return nil
        }
    }

    private init(events: consuming YAMLEvents, reading: Reading) {
        self.events = events
        self.reading = reading
    }

    private mutating func document() throws(YAMLSyntaxError) -> YAMLNode? {
        let first = try events.next()
        guard case .documentStart = first.kind else {
            reading.error("the file is empty; it needs at least 'services' and 'listeners'")
            return nil
        }
        let root = try value(try events.next(), depth: 0, isKey: false)
        _ = try events.next()  // The end of the document.
        let last = try events.next()
        if case .streamEnd = last.kind {
        } else {
            reading.error(at: last.start, "a settings file is one YAML document; another begins here")
        }
        return root
    }

    private mutating func value(_ event: YAMLEvent, depth: Int, isKey: Bool) throws(YAMLSyntaxError) -> YAMLNode {
        guard depth <= Self.depthLimit else {
            throw YAMLSyntaxError(message: "nested deeper than \(Self.depthLimit) levels", mark: event.start)
        }
        nodes += 1
        guard nodes <= Self.nodeLimit else {
            throw YAMLSyntaxError(message: "more than \(Self.nodeLimit) values", mark: event.start)
        }
        if event.hasAnchor { reading.error(at: event.start, "anchors are not supported: write the value out") }
        if event.hasTag { reading.error(at: event.start, "tags are not supported") }
        switch event.kind {
        case .scalar(let text, let isPlain):
            let node = YAMLNode(content: .scalar(text, isPlain: isPlain), start: event.start, end: event.end)
            return isKey ? node : EnvironmentExpansion.expand(node, reading)
        case .sequenceStart: return try sequence(from: event.start, depth: depth)
        case .mappingStart: return try mapping(from: event.start, depth: depth)
        default:
            // No other event can stand where a value does.
            let alias = YAMLNode(content: .scalar("", isPlain: true), start: event.start, end: event.end)
            reading.error(at: alias, "aliases are not supported: write the value out")
            reading.settle(alias)
            return alias
        }
    }

    private mutating func sequence(from start: Mark, depth: Int) throws(YAMLSyntaxError) -> YAMLNode {
        var items: [YAMLNode] = []
        while true {
            let event = try events.next()
            if case .sequenceEnd = event.kind {
                return YAMLNode(content: .sequence(items), start: start, end: event.end)
            }
            items.append(try value(event, depth: depth + 1, isKey: false))
        }
    }

    private mutating func mapping(from start: Mark, depth: Int) throws(YAMLSyntaxError) -> YAMLNode {
        var pairs: [YAMLNode.Pair] = []
        while true {
            let event = try events.next()
            if case .mappingEnd = event.kind {
                return YAMLNode(content: .mapping(pairs), start: start, end: event.end)
            }
            let key = try value(event, depth: depth + 1, isKey: true)
            pairs.append(
                YAMLNode.Pair(key: key, value: try value(try events.next(), depth: depth + 1, isKey: false)))
        }
    }

    /// libyaml's words, and what they mostly come from.
    private static func explained(_ error: YAMLSyntaxError, _ reading: Reading) -> String {
        let line = reading.source.line(error.mark.line).map { String($0) } ?? ""
        if line.prefix(while: { $0 == " " || $0 == "\t" }).contains("\t") {
            return "a tab cannot indent YAML: use spaces"
        }
        let hint = line.contains("${") ? "; inside { } and [ ] put quotes round \"${NAME}\"" : ""
        return "not YAML: \(error.message)\(hint)"
    }
}
