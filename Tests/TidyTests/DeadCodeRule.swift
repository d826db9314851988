// Owns the search for declarations that nothing in the sources uses.

/// Looks at all sources at once. A name is dead when it stands nowhere but where it is declared, in what is declared by that
/// name, and in what is dead itself. What tests alone use is dead, too. A name that many things share is taken for used,
/// so the search finds too little and hardly ever too much.
struct DeadCode {
    /// Witnesses of protocols that are not ours: their callers are in the standard library or a dependency.
    static let witnesses: Set<String> = [
        // The standard library.
        "description", "debugDescription", "customMirror", "hash", "rawValue", "allCases", "id", "next", "makeIterator",
        "startIndex", "endIndex", "index", "errorDescription", "stringValue", "intValue", "encode",
        "unicodeScalarLiteral",
        "codingPath", "userInfo", "allKeys", "decodeNil", "encodeNil", "nestedContainer", "nestedUnkeyedContainer",
        "superDecoder", "superEncoder", "AllCases", "RawValue", "Element", "Index", "Iterator",
        // The runtime, swift-argument-parser and swift-log.
        "main", "run", "validate", "configuration", "log", "logLevel", "metadata", "metadataProvider",
    ]

    /// Whose callers the compiler, the linker or the runtime makes.
    static let callingAttributes: Set<String> = ["@main", "@_cdecl", "@c", "@_silgen_name", "@_expose", "override"]

    /// Enums of these have cases that are made from a value.
    static let rawTypes: Set<String> = [
        "String", "Character", "CaseIterable", "Codable", "Decodable", "CodingKey", "Int", "Int8", "Int16", "Int32",
        "Int64", "UInt", "UInt8", "UInt16", "UInt32", "UInt64", "CInt", "CUnsignedInt",
    ]

    /// A token of one of the sources.
    private struct Place: Hashable {
        let source: Int
        let index: Int
    }

    /// What is declared in one of the sources.
    private struct Declared {
        let source: Int
        let declaration: Declaration

        func holds(_ place: Place) -> Bool {
            source == place.source && declaration.body.contains(place.index) && declaration.position != place.index
        }
    }

    private let paths: [String]
    private var declared: [String: [Declared]] = [:]
    /// Where declared names stand, but for the declarations themselves.
    private var uses: [String: [Place]] = [:]

    init(_ sources: [SwiftSource]) {
        paths = sources.map(\.path)
        var sites: Set<Place> = []
        for (number, source) in sources.enumerated() {
            for declaration in source.declarations {
                declared[declaration.name, default: []].append(Declared(source: number, declaration: declaration))
                sites.insert(Place(source: number, index: declaration.position))
            }
        }
        for (number, source) in sources.enumerated() {
            for (index, token) in source.tokens.enumerated() where token.isWord {
                // An attribute may be a property wrapper of ours.
                let name = token.text.hasPrefix("@") ? String(token.text.dropFirst()) : token.text
                let place = Place(source: number, index: index)
                if declared[name] != nil, !sites.contains(place) { uses[name, default: []].append(place) }
            }
        }
    }

    /// The declarations that nothing uses, in the order of the sources. Of what lies within another one, only that.
    var violations: [Violation] {
        var dead: [String: [Declared]] = [:]
        var bodies: [Declared] = []
        while true {
            let found = declared.keys.filter { dead[$0] == nil && !isUsed($0, but: bodies) }
            if found.isEmpty { break }
            for name in found {
                dead[name] = declared[name, default: []].filter { !$0.declaration.isCalledFromOutside }
                bodies += dead[name, default: []]
            }
        }
        return bodies.filter { item in
            let place = Place(source: item.source, index: item.declaration.position)
            return !item.declaration.isExtension && !bodies.contains { $0.holds(place) }
        }
        .sorted { ($0.source, $0.declaration.position) < ($1.source, $1.declaration.position) }
        .map { item in
            let message = "nothing in Sources uses `\(item.declaration.name)`"
            return Violation(path: paths[item.source], line: item.declaration.line, message: message)
        }
    }

    private func isUsed(_ name: String, but bodies: [Declared]) -> Bool {
        if Self.witnesses.contains(name) { return true }
        let own = declared[name, default: []]
        // Only extended: the type is somebody else's.
        if own.allSatisfy(\.declaration.isExtension) { return true }
        return uses[name, default: []].contains { place in
            !own.contains { $0.holds(place) } && !bodies.contains { $0.holds(place) }
        }
    }
}

/// A name and where it is declared.
struct Declaration: Equatable {
    let name: String
    let line: Int
    /// Which token the name is.
    let position: Int
    /// The tokens from the name to the closing brace; the name alone when there is no brace.
    let body: Range<Int>
    /// Whether something that is no Swift of ours may use it.
    var isCalledFromOutside = false
    /// It only adds to what is declared elsewhere.
    var isExtension = false
}

extension SwiftSource {
    private static let types: Set<String> = [
        "struct", "class", "enum", "protocol", "actor", "typealias", "associatedtype",
    ]
    private static let members: Set<String> = ["func", "var", "let"]
    private static let keywords: Set<String> = [
        "func", "var", "let", "subscript", "init", "struct", "class", "enum", "protocol", "actor", "in", "self", "_",
    ]
    private static let modifiers: Set<String> = [
        "public", "private", "fileprivate", "internal", "package", "open", "static", "class", "final", "mutating",
        "nonmutating", "override", "lazy", "weak", "unowned", "indirect", "nonisolated", "required", "convenience",
        "borrowing", "consuming", "unsafe", "set", "prefix", "postfix", "infix", "dynamic",
    ]

    /// Functions, properties, variables, cases of enums and types, each by its name. Operators have none.
    var declarations: [Declaration] {
        var found: [Declaration] = []
        // Whether each open brace is that of an enum, and whether its cases may be made from a value.
        var scopes: [(isEnum: Bool, isRaw: Bool)] = []
        var pending: (isEnum: Bool, isRaw: Bool)?
        for index in tokens.indices {
            switch tokens[index].text {
            case "{":
                scopes.append(pending ?? (false, false))
                pending = nil
            case "}": _ = scopes.popLast()
            case "extension": found += extensions(index)
            case "enum" where name(after: index) != nil:
                pending = (true, isRaw(index))
                found += declaration(index)
            case "case":
                guard let scope = scopes.last, scope.isEnum else { continue }
                found += cases(index, scope.isRaw)
            case let text where Self.types.contains(text) || Self.members.contains(text):
                found += declaration(index)
            default: break
            }
        }
        return found
    }

    /// The position of the name that is declared by the keyword at `index`; nil when it declares none.
    private func name(after index: Int) -> Int? {
        // `.let` and `self.class` are no keywords, nor is the label of an argument.
        if index > 0, tokens[index - 1].text == "." { return nil }
        var place = index + 1
        if place < tokens.count, tokens[place].text == "`" { place += 1 }
        guard place < tokens.count, tokens[place].isWord, !Self.keywords.contains(tokens[place].text),
            !tokens[place].text.hasPrefix("@"),
            !Self.modifiers.contains(tokens[place].text) || tokens[index].text == "case"
                || tokens[index].text == "func"
        else { return nil }
        return place
    }

    private func declaration(_ index: Int) -> [Declaration] {
        guard let place = name(after: index) else { return [] }
        let brace = Self.types.contains(tokens[index].text) ? typeBrace(place) : bodyStart(of: index)
        let isCalled = modifiers(before: index).contains { DeadCode.callingAttributes.contains($0) }
        return [
            Declaration(
                name: tokens[place].text, line: tokens[place].line, position: place, body: body(place, brace),
                isCalledFromOutside: isCalled)
        ]
    }

    /// What `extension A.B` adds to: `B`.
    private func extensions(_ index: Int) -> [Declaration] {
        guard var place = name(after: index) else { return [] }
        while place + 2 < tokens.count, tokens[place + 1].text == ".", tokens[place + 2].isWord { place += 2 }
        return [
            Declaration(
                name: tokens[place].text, line: tokens[place].line, position: place,
                body: body(place, typeBrace(place)), isExtension: true)
        ]
    }

    /// The opening brace of a type; nil for an alias, which ends with the next declaration.
    private func typeBrace(_ place: Int) -> Int? {
        var index = place + 1
        while index < tokens.count, tokens[index].text != "{" {
            if tokens[index].text == "=" && tokens[index + 1].text != "=" && tokens[index - 1].text != "=" {
                return nil
            }
            if Self.members.contains(tokens[index].text) || tokens[index].text == "}" { return nil }
            index += 1
        }
        return index < tokens.count ? index : nil
    }

    private func body(_ place: Int, _ brace: Int?) -> Range<Int> {
        guard let brace, let end = closing(brace) else { return place..<(place + 1) }
        return place..<(end + 1)
    }

    /// The modifiers and attributes before a keyword, with the attributes' arguments left out.
    private func modifiers(before index: Int) -> [String] {
        var found: [String] = []
        var place = index - 1
        while place >= 0 {
            let text = tokens[place].text
            if text == ")" {
                var depth = 0
                while place >= 0 {
                    if tokens[place].text == ")" { depth += 1 }
                    if tokens[place].text == "(" { depth -= 1 }
                    if depth == 0 { break }
                    place -= 1
                }
                place -= 1
                guard place >= 0, tokens[place].text.hasPrefix("@") || Self.modifiers.contains(tokens[place].text)
                else {
                    return found
                }
                continue
            }
            guard text.hasPrefix("@") || Self.modifiers.contains(text) else { return found }
            found.append(text)
            place -= 1
        }
        return found
    }

    /// Whether the enum at `index` inherits from something by which its cases come from a value.
    private func isRaw(_ index: Int) -> Bool {
        tokens[index...].prefix { $0.text != "{" }.contains { DeadCode.rawTypes.contains($0.text) }
    }

    /// The names of `case a, b(x: Int), c = 3`.
    private func cases(_ index: Int, _ isRaw: Bool) -> [Declaration] {
        var found: [Declaration] = []
        var keyword = index
        while let place = name(after: keyword) {
            found.append(
                Declaration(
                    name: tokens[place].text, line: tokens[place].line, position: place, body: place..<(place + 1),
                    isCalledFromOutside: isRaw))
            var next = place + 1
            if next < tokens.count, tokens[next].text == "`" { next += 1 }
            if next < tokens.count, tokens[next].text == "(" {
                var depth = 0
                repeat {
                    if tokens[next].text == "(" { depth += 1 }
                    if tokens[next].text == ")" { depth -= 1 }
                    next += 1
                } while depth > 0 && next < tokens.count
            }
            guard next < tokens.count, tokens[next].text == "," else { return found }
            keyword = next
        }
        return found
    }
}
