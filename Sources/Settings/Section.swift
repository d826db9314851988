// Owns the schema: sections and their keys, each declared once, from which both the reading and the reference follow.

/// A mapping with known keys, read into a `Target`.
struct Section<Target: Sendable>: Sendable {
    /// What messages call it: `unknown key 'x' in service`.
    var noun: String
    /// One or two sentences for the reference.
    var documentation: String
    /// What a section without any key means: its values are the defaults that the reference shows.
    var initial: @Sendable (Reading) -> Target
    /// In the order in which they are read, whatever the order of the file.
    var keys: [Key<Target>]
    /// Rules between keys. Runs also when keys had problems, which then hold their defaults.
    var check: @Sendable (inout Target, Fields, Reading) -> Void

    init(
        _ noun: String, _ documentation: String, initial: @escaping @Sendable (Reading) -> Target,
        keys: [Key<Target>], check: @escaping @Sendable (inout Target, Fields, Reading) -> Void = { _, _, _ in }
    ) {
        self.noun = noun
        self.documentation = documentation
        self.initial = initial
        self.keys = keys
        self.check = check
    }

    /// Reads a mapping; nothing at all counts as an empty one. Nil when it is neither: then a problem says so.
    func read(_ node: YAMLNode, _ reading: Reading) -> Target? {
        guard let fields = Fields(node, of: noun, reading) else { return nil }
        let unknown = fields.ordered.filter { field in !keys.contains { $0.name == field.name } }
        if !unknown.isEmpty { report(unknown, reading) }
        var target = initial(reading)
        for key in keys {
            if let value = fields[key.name] {
                key.read(value, &target, reading)
            } else if key.isRequired {
                reading.error(at: node.start, "\(noun) needs the key '\(key.name)'")
            }
        }
        check(&target, fields, reading)
        return target
    }

    private func report(_ unknown: [(name: String, pair: YAMLNode.Pair)], _ reading: Reading) {
        let known = outline
        for (name, pair) in unknown {
            // Looking for a near word is the dear part; a problem that is only counted needs none.
            let hint = reading.isFull ? "" : known.hint(for: name)
            reading.error(at: pair.key, "unknown key \(quoted(name)) in \(noun)\(hint)")
        }
    }

    var outline: SectionOutline {
        let target = initial(Reading())
        return SectionOutline(noun: noun, documentation: documentation, keys: keys.map { $0.outline(target) })
    }
}

/// One key of a section.
struct Key<Target: Sendable>: Sendable {
    let name: String
    let isRequired: Bool
    let read: @Sendable (YAMLNode, inout Target, Reading) -> Void
    let outline: @Sendable (Target) -> KeyOutline

    /// A key whose default is what the section begins with. `absent` is shown instead of that default.
    init<Value: Sendable>(
        _ name: String, _ place: any WritableKeyPath<Target, Value> & Sendable, _ form: ValueSchema<Value>,
        required: Bool = false, absent: String? = nil, _ documentation: String
    ) {
        self.name = name
        isRequired = required
        read = { node, target, reading in
            if let value = form.read(node, reading) { target[keyPath: place] = value }
        }
        outline = { target in
            KeyOutline(
                name: name, type: form.type,
                defaultText: required ? "required" : absent ?? code(form.write(target[keyPath: place])),
                documentation: documentation, section: form.section)
        }
    }

    /// A key whose value may be absent. `absent` says in the reference what that means.
    init<Value: Sendable>(
        _ name: String, optional place: any WritableKeyPath<Target, Value?> & Sendable, _ form: ValueSchema<Value>,
        required: Bool = false, absent: String, _ documentation: String
    ) {
        let optional = ValueSchema<Value?>(
            type: form.type, section: form.section, read: { form.read($0, $1).map(Optional.some) },
            write: { $0.map(form.write) ?? "" })
        self.init(name, place, optional, required: required, absent: absent, documentation)
    }

    /// A key that the contract names and this version refuses, so that nobody believes it does something.
    init(_ name: String, unavailable reason: String) {
        self.name = name
        isRequired = false
        let message = "'\(name)' is not supported by this version: \(reason)"
        read = { node, _, reading in reading.error(at: node, message) }
        outline = { _ in
            KeyOutline(
                name: name, type: "", defaultText: "", documentation: "Not supported by this version: \(reason).",
                section: nil)
        }
    }
}

/// The keys of a section, as the reference and "did you mean" use them.
struct SectionOutline: Sendable {
    var noun: String
    var documentation: String
    var keys: [KeyOutline]

    /// What an unknown key was probably meant to be, or where it belongs; "" when nothing is near.
    func hint(for name: String) -> String {
        if let near = Suggestion.nearest(to: name, among: keys.map(\.name)) { return "; did you mean '\(near)'?" }
        for key in keys {
            guard let nested = key.section, nested.suffix.isEmpty else { continue }
            if nested.section.keys.contains(where: { $0.name == name }) { return "; it belongs in '\(key.name)'" }
        }
        return ""
    }
}

/// What the reference says about one key.
struct KeyOutline: Sendable {
    var name: String
    var type: String
    var defaultText: String
    var documentation: String
    var section: NestedOutline?
}

/// The text in Markdown's code marks; nothing for nothing.
private func code(_ text: String) -> String { text.isEmpty ? "" : "`\(text)`" }
