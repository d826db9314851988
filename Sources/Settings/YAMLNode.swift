// Owns the tree of a settings file: scalars, sequences and mappings with their places.

/// One value of the file.
struct YAMLNode: Sendable {
    enum Content: Sendable {
        /// `isPlain`: neither quoted nor a block scalar nor made of environment variables.
        case scalar(String, isPlain: Bool)
        case sequence([YAMLNode])
        /// In the order of the file; may hold a key twice.
        case mapping([Pair])
    }

    struct Pair: Sendable {
        var key: YAMLNode
        var value: YAMLNode
    }

    var content: Content
    var start: Mark
    var end: Mark

    /// The scalars that a caret line marks: the rest of its first line for a scalar, one for what holds others.
    var width: Int {
        guard case .scalar = content, start.line == end.line else { return 1 }
        return max(1, end.column - start.column)
    }

    /// Whether nothing was written: an empty value, `~` or `null` (YAML 1.2.2 §10.3.2).
    var isNull: Bool {
        guard case .scalar(let text, isPlain: true) = content else { return false }
        return ["", "~", "null", "Null", "NULL"].contains(text)
    }

    /// The text of a scalar that is not null.
    var text: String? {
        guard case .scalar(let text, _) = content, !isNull else { return nil }
        return text
    }

    /// The items of a sequence; empty for anything else.
    var items: [YAMLNode] {
        guard case .sequence(let items) = content else { return [] }
        return items
    }

    /// The value of a mapping's first key of this name; nil for anything else.
    subscript(key: String) -> YAMLNode? {
        guard case .mapping(let pairs) = content else { return nil }
        return pairs.first { $0.key.text == key }?.value
    }

    /// What it is, for "expected …, found …".
    var found: String {
        switch content {
        case .scalar(let text, _): isNull ? "nothing" : quoted(text)
        case .sequence: "a list"
        case .mapping: "a mapping"
        }
    }
}
