// Owns what a kind of value is: how it is read from the file, how it is written, and what the reference calls it.

/// How values of one kind stand in the file.
struct ValueSchema<Value: Sendable>: Sendable {
    /// What the reference and the messages call it: `duration`, `list of services`.
    var type: String
    /// The keys below it, and what the reference appends to the path of the key for them: `[]`, `.NAME`.
    var section: NestedOutline?
    /// The value of a node; nil when a problem was reported instead.
    var read: @Sendable (YAMLNode, Reading) -> Value?
    /// The value as it would be written in the file; for the reference's defaults.
    var write: @Sendable (Value) -> String
}

/// The keys below a key, for the reference.
struct NestedOutline: Sendable {
    var suffix: String
    var section: SectionOutline
}

/// Why a text is no value of a kind: completes "…, found 'text'".
struct InvalidValue: Error {
    var message: String
    init(_ message: String) { self.message = message }
}

extension ValueSchema {
    /// A value that is one scalar. `parse` gets its text, with environment variables replaced, quoted or not.
    static func scalar(
        _ type: String, parse: @escaping @Sendable (String) throws(InvalidValue) -> Value,
        write: @escaping @Sendable (Value) -> String
    ) -> ValueSchema {
        ValueSchema(
            type: type, section: nil,
            read: { node, reading in
                guard let text = node.text else {
                    reading.error(at: node, "expected \(article(type)), found \(node.found)")
                    return nil
                }
                do throws(InvalidValue) {
                    return try parse(text)
                } catch {
                    reading.error(at: node, "\(error.message), found \(quoted(text))")
                    return nil
                }
            }, write: write)
    }

    /// The same form for another type: `wrap` may refuse.
    func mapped<Other: Sendable>(
        as type: String? = nil, _ wrap: @escaping @Sendable (Value) -> Other?,
        back: @escaping @Sendable (Other) -> Value
    ) -> ValueSchema<Other> {
        ValueSchema<Other>(
            type: type ?? self.type, section: section,
            read: { node, reading in read(node, reading).flatMap(wrap) }, write: { write(back($0)) })
    }

    /// A sequence of values. `minimum` 1 refuses an empty one.
    static func list<Element: Sendable>(
        of element: ValueSchema<Element>, _ plural: String, minimum: Int = 0, limit: Int = 100_000
    ) -> ValueSchema where Value == [Element] {
        ValueSchema(
            type: "list of \(plural)",
            section: element.section.map { NestedOutline(suffix: "[]" + $0.suffix, section: $0.section) },
            read: { node, reading in
                if node.isNull, minimum == 0 { return [] }
                guard case .sequence(let items) = node.content else {
                    reading.error(at: node, "expected a list of \(plural), found \(node.found)")
                    return nil
                }
                guard items.count >= minimum else {
                    reading.error(at: node, "the list of \(plural) is empty")
                    return nil
                }
                guard items.count <= limit else {
                    reading.error(at: node, "at most \(limit) \(plural), found \(items.count)")
                    return nil
                }
                return items.compactMap { element.read($0, reading) }
            }, write: { "[\($0.map(element.write).joined(separator: ", "))]" })
    }

    /// One value, or a list of them.
    static func oneOrMore<Element: Sendable>(of element: ValueSchema<Element>, _ plural: String) -> ValueSchema
    where Value == [Element] {
        let list = ValueSchema.list(of: element, plural, minimum: 1)
        return ValueSchema(
            type: "\(element.type), or a list of them", section: element.section,
            read: { node, reading in
                if case .sequence = node.content { return list.read(node, reading) }
                return element.read(node, reading).map { [$0] }
            }, write: { $0.count == 1 ? element.write($0[0]) : list.write($0) })
    }

    /// `off`, or a value.
    static func offOr<Wrapped: Sendable>(_ form: ValueSchema<Wrapped>) -> ValueSchema where Value == Wrapped? {
        ValueSchema(
            type: "\(form.type), or off", section: form.section,
            read: { node, reading in
                if let text = node.text, ["off", "false", "no"].contains(text) { return .some(nil) }
                return form.read(node, reading).map(Optional.some)
            }, write: { $0.map(form.write) ?? "off" })
    }

    /// The keys of a section.
    static func section(_ section: Section<Value>) -> ValueSchema {
        ValueSchema(
            type: "section", section: NestedOutline(suffix: "", section: section.outline),
            read: { section.read($0, $1) }, write: { _ in "" })
    }
}

/// "a list", "an address"; a choice has no article.
func article(_ noun: String) -> String {
    if noun.contains(" | ") { return noun }
    return noun.first.map("aeiou".contains) == true ? "an \(noun)" : "a \(noun)"
}
