// Owns the message about an unknown name in a request: what was probably meant, or which names there are.
internal import Settings

/// Such as `an unknown field "expires"; did you mean "expires_in"?`.
struct UnknownName: CustomStringConvertible {
    let description: String

    /// - Parameter noun: what kind of name it is.
    init(_ name: String, among known: [String], of noun: String) {
        let hint: String
        if let near = Suggestion.nearest(to: name, among: known) {
            hint = "did you mean \"\(near)\"?"
        } else if known.isEmpty {
            hint = "it may have none"
        } else {
            hint = "it may have " + known.map { "\"\($0)\"" }.joined(separator: ", ")
        }
        description = "an unknown \(noun) \"\(name.prefix(64))\"; \(hint)"
    }
}
