// Owns the reference of all settings, made from the schema that reads them.

/// The documentation of every key.
public enum SettingsReference {
    /// The reference as Markdown: a section and a table for each level of the file.
    public static func markdown() -> String {
        var text = """
            # Settings

            Durations are `250ms`, `2s`, `1m30s`, `1h`, `1d`; sizes `512`, `64KiB`, `10MB`; percentages `20%`.
            `${NAME}` in a value is replaced by an environment variable, `${NAME:-default}` by the default when it is
            unset or empty; `$${` is the text `${`. Inside `{ }` and `[ ]` such a value needs quotes.
            Anchors, aliases and tags are refused.

            """
        append(Draft.section.outline, path: "", to: &text)
        return text
    }

    private static func append(_ section: SectionOutline, path: String, to text: inout String) {
        text += "\n## \(path.isEmpty ? "Top level" : "`\(path)`")\n\n\(section.documentation)\n"
        if !section.keys.isEmpty {
            text += "\n| key | value | default | meaning |\n|---|---|---|---|\n"
        }
        for key in section.keys {
            let cells = ["`\(key.name)`", key.type, key.defaultText, key.documentation].map(escaped)
            text += "| \(cells.joined(separator: " | ")) |\n"
        }
        for key in section.keys {
            guard let nested = key.section else { continue }
            append(nested.section, path: (path.isEmpty ? "" : path + ".") + key.name + nested.suffix, to: &text)
        }
    }

    /// A bar ends a cell of a table.
    private static func escaped(_ cell: String) -> String {
        cell.split(separator: "|", omittingEmptySubsequences: false).joined(separator: "\\|")
    }
}
