// Owns how words are spelt: choices, switches, names and plain texts.
internal import Topology

extension ValueSchema
where Value: CaseIterable & RawRepresentable & Equatable, Value.RawValue == String, Value.AllCases: Sendable {
    /// One of the words of an enumeration.
    static var choice: ValueSchema { words(Value.allCases.map { ($0.rawValue, $0) }) }
}

extension ValueSchema {
    /// One of a few words, each for a value.
    static func words(_ words: [(word: String, value: Value)]) -> ValueSchema where Value: Equatable {
        let all = words.map(\.word).joined(separator: " | ")
        let listed = words.map(\.word).joined(separator: ", ")
        return ValueSchema(
            type: all, section: nil,
            read: { node, reading in
                if let text = node.text, let found = words.first(where: { $0.word == text }) { return found.value }
                let near = node.text.flatMap { Suggestion.nearest(to: $0, among: words.map(\.word)) }
                let hint = near.map { "; did you mean '\($0)'?" } ?? ""
                reading.error(at: node, "expected one of \(listed), found \(node.found)\(hint)")
                return nil
            }, write: { value in words.first { $0.value == value }?.word ?? "" })
    }
}

extension ValueSchema where Value == Bool {
    /// `on` or `off`; `true`, `yes`, `false` and `no` are read, too.
    static var toggle: ValueSchema {
        .scalar(
            "on | off",
            parse: { text throws(InvalidValue) in
                switch text {
                case "on", "true", "yes": return true
                case "off", "false", "no": return false
                default: throw InvalidValue("expected on or off")
                }
            }, write: { $0 ? "on" : "off" })
    }
}

extension ValueSchema where Value == String {
    /// A text of 1 to `limit` bytes without control characters.
    static func text(_ type: String = "text", limit: Int = 4096) -> ValueSchema {
        .scalar(
            type,
            parse: { text throws(InvalidValue) in
                guard (1...limit).contains(text.utf8.count), text.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else {
                    throw InvalidValue("expected 1 to \(limit) bytes of text without control characters")
                }
                return text
            }, write: { $0 })
    }

    /// The path of a file or folder.
    static var file: ValueSchema { .text("file path") }

    /// A token (RFC 9110 §5.6.2): the name of a header, cookie or method.
    static func token(_ type: String) -> ValueSchema {
        .scalar(
            type,
            parse: { text throws(InvalidValue) in
                guard isToken(text) else { throw InvalidValue("expected \(article(type)) (RFC 9110 token)") }
                return text
            }, write: { $0 })
    }

    static func isToken(_ text: String) -> Bool {
        (1...256).contains(text.utf8.count)
            && text.utf8.allSatisfy { byte in
                switch byte {
                case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
                default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
                }
            }
    }
}

extension ValueSchema where Value: Name {
    /// A name by `NameRule`.
    static func name(_ type: String = "name") -> ValueSchema {
        .scalar(
            type,
            parse: { text throws(InvalidValue) in
                guard NameRule.allows(text) else {
                    throw InvalidValue(
                        "expected a name of 1-\(NameRule.maximumLength) of a-z A-Z 0-9 . _ - that begins with a letter "
                            + "or digit")
                }
                return Value(text)
            }, write: { $0.text })
    }

    /// A name that is defined here; a second definition of it is a problem.
    static func definition(of kind: NameKind) -> ValueSchema { name().noting { $2.define(kind, $0.text, at: $1) } }

    /// A name that must be defined somewhere.
    static func reference(to kind: NameKind) -> ValueSchema {
        name("name of a \(kind.rawValue)").noting { $2.use(kind, $0.text, at: $1) }
    }
}

extension ValueSchema {
    /// The same form, that also tells the reading about each value.
    func noting(_ note: @escaping @Sendable (Value, YAMLNode, Reading) -> Void) -> ValueSchema {
        var form = self
        form.read = { node, reading in
            let value = read(node, reading)
            if let value { note(value, node, reading) }
            return value
        }
        return form
    }
}
