// Owns how the conditions of a route are spelt: hosts, paths, methods and headers.
internal import Routing

extension ValueSchema where Value == String {
    /// A host name in lower case, without port and trailing dot; `*.` may stand before it.
    static var hostPattern: ValueSchema {
        .scalar(
            "host",
            parse: { text throws(InvalidValue) in
                var name = text.lowercased()
                if name.hasSuffix(".") { name.removeLast() }
                let isAddress = name.hasPrefix("[") && name.hasSuffix("]")
                let host = name.hasPrefix("*.") ? String(name.dropFirst(2)) : name
                guard HostRule.allows(isAddress ? String(host.dropFirst().dropLast()) : host),
                    isAddress == host.utf8.contains(0x3A)
                else { throw InvalidValue("expected a host name without a port, or *.example.com") }
                return name
            }, write: { $0 })
    }

    /// A method; small letters are taken for capitals.
    static var method: ValueSchema {
        .scalar(
            "method",
            parse: { text throws(InvalidValue) in
                guard isToken(text) else { throw InvalidValue("expected a method such as GET") }
                return text.uppercased()
            }, write: { $0 })
    }
}

extension ValueSchema where Value == PathPattern {
    /// A path as requests are compared with it: normalised, so one with dot segments would never match.
    static func pathPattern(_ type: String, _ wrap: @escaping @Sendable (String) -> PathPattern) -> ValueSchema {
        .scalar(
            type,
            parse: { text throws(InvalidValue) in
                guard text.hasPrefix("/"), text.utf8.count <= 4096,
                    text.utf8.allSatisfy({ (0x21...0x7E).contains($0) && $0 != 0x3F && $0 != 0x23 })
                else { throw InvalidValue("expected a path that begins with '/', percent-encoded, without a query") }
                let segments = text.split(separator: "/").map { $0.lowercased() }
                let isDot = segments.contains { [".", "..", "%2e", "%2e%2e", ".%2e", "%2e."].contains($0) }
                if isDot {
                    throw InvalidValue("dot segments are removed before paths are compared: this never matches")
                }
                return wrap(text)
            }, write: { _ in "" })
    }

    /// A regular expression for the whole path.
    static var pathRegex: ValueSchema {
        .scalar(
            "regular expression",
            parse: { text throws(InvalidValue) in
                do throws(PathRegexError) {
                    _ = try PathRegex(text)
                    return .regex(text)
                } catch {
                    throw InvalidValue("not a regular expression that routes can use: \(error)")
                }
            }, write: { _ in "" })
    }
}

extension ValueSchema where Value == [HeaderPattern] {
    /// A mapping from names of headers to values, or to `~`.
    static var headerPatterns: ValueSchema {
        let value = ValueSchema<String>.text()
        return ValueSchema(
            type: "mapping by header", section: nil,
            read: { node, reading in
                guard let fields = Fields(node, of: "headers", reading) else { return nil }
                var names: Set<String> = []
                return fields.ordered.compactMap { name, pair in
                    guard ValueSchema<String>.isToken(name) else {
                        reading.error(at: pair.key, "\(quoted(name)) is no name of a header")
                        return nil
                    }
                    guard names.insert(name.lowercased()).inserted else {
                        reading.error(at: pair.key, "the header \(quoted(name)) comes twice; case does not matter")
                        return nil
                    }
                    if pair.value.isNull { return HeaderPattern(name: name, value: nil) }
                    return value.read(pair.value, reading).map { HeaderPattern(name: name, value: $0) }
                }
            }, write: { _ in "" })
    }
}
