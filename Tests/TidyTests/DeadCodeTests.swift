// Owns the tests of the search for dead code: on snippets, and over the sources.
import Testing

@Suite("Nothing is declared that nothing uses")
struct DeadCodeTests {
    /// Sources, and the names that are found in them.
    static let snippets: [([String], [String])] = [
        (["func a() {}"], ["a"]), (["func a() {}\nlet b = a()"], ["b"]), (["func a() {}", "a()"], []),
        (["struct A { let b = 1; var c: Int { b } }"], ["A"]),
        (["struct A { static func make() -> A { A() } }"], ["A"]),
        (["struct A { static func make() -> A { A() } }\nlet b = 1\nb(A.self)"], ["make"]),
        // What is used by itself, or by what is dead, is dead.
        (["func a(_ b: Int) { a(b - 1) }"], ["a"]),
        (["func a() { b() }\nfunc b() { c() }\nfunc c() {}"], ["a", "b", "c"]),
        (["func a() { b() }\nfunc b() { a() }"], []),
        (["final class A {}\nfinal class B { var c: [A] = []; let d = 1 }"], ["A", "B"]),
        (["struct A {}\nextension A { func b() {} }"], ["A"]), (["extension Int { func b() {} }"], ["b"]),
        (["extension A.B { func c() {} }\nstruct A { struct B {} }\nA()"], ["B"]),
        (["@propertyWrapper struct A {}\n@A var b = 1\nb"], []),
        (["struct A { var b: Int { c }; var c: Int { 1 } }\nA()"], ["b", "c"]),
        (["enum A { case b, c(d: Int), e }\nfunc f(_ a: A) -> Bool { a == .b }\nf(x)"], ["c", "e"]),
        (["indirect enum A { case b(A)\n case c }\nlet d = A.c"], ["b", "d"]),
        (["enum A: String { case b, c }\nlet d = A(rawValue: x)"], ["d"]),
        (["enum A: CaseIterable { case b }\nlet d = A.allCases"], ["d"]),
        (["enum A { case `default`, c }\nlet d = A.c"], ["default", "d"]),
        // A switch has cases, too.
        (["func a(_ b: Int) { switch b { case c: break\n default: break } }\na(1)"], []),
        (["enum A { case b; func c() { switch self { case .b: break } } }\nA.b.c()"], []),
        (["protocol A { func b() }\nstruct C: A { func b() {} }\nC()"], ["b", "b"]),
        (["protocol A { func b() }\nstruct C: A { func b() {} }\nC().b()"], []),
        (["class A { func b() {} }\nclass C: A { override func b() {} }\nC()"], ["b"]),
        (["@main struct A { static func main() {} }"], []),
        (["@_cdecl(\"x\") public func a() {}"], []),
        (["struct A: CustomStringConvertible { var description: String { \"\" } }\nA()"], []),
        (["static func == (a: A, b: A) -> Bool { true }"], []),
        (["func a() {}\nfunc a(_ b: Int) {}"], ["a", "a"]), (["let a = 1\nprint(\"\\(a)\")"], []),
        (["let a = 1\nprint(\"a\") // a"], ["a"]), (["typealias A = Int\nlet _ = 1"], ["A"]),
        (["class func a() {}\nfinal class B {}"], ["a", "B"]), (["let (a, b) = (1, 2)"], []),
        (["x.let(y)\nfor case let z in w {}\nz"], []), (["private(set) public var a = 1"], ["a"]),
        (["@inline(__always) @_lifetime(copy b) mutating func a(b: B) {}"], ["a"]),
        (["init() {}\nsubscript(a: Int) -> Int { a }"], []), (["func set() {}"], ["set"]),
    ]

    @Test("A snippet", arguments: snippets.indices)
    func snippet(_ index: Int) {
        let (texts, names) = Self.snippets[index]
        let sources = texts.map { SwiftSource(path: "Sources/A/B.swift", text: $0) }
        let found = DeadCode(sources).violations.map { $0.message.split(separator: "`")[1] }
        #expect(found == names.map { Substring($0) }, "\(texts)")
    }

    @Test("A violation says where")
    func place() {
        let source = SwiftSource(path: "Sources/A/B.swift", text: "let a = b\n\nfunc b() {}")
        #expect(
            DeadCode([source]).violations.map(\.description) == ["Sources/A/B.swift:1: nothing in Sources uses `a`"])
    }

    /// Files that have dead code still, each with what is to become of it.
    static let exceptions: [String: String] = [
        "Sources/HTTPTransport/HTTPResponder.swift": "goes with the responder that ServerStream replaces",
        "Sources/Transport/ByteStream.swift": "ALPN waits for listeners that end TLS",
        "Sources/Proactor/EventLoop.swift": "counters that only tests of the loop read",
        "Sources/RaftRuntime/Transport/PeerEnvironment.swift": "the warning of a certificate waits for who logs it",
        "Sources/TLS/TLSContext.swift": "the warning of a certificate waits for who logs it",
        "Sources/RaftRuntime/Storage/LogStorage.swift": "a judgement that only tests read",
        "Sources/RaftRuntime/Transport/PeerStatistics.swift": "counters that only tests read",
        "Sources/HTTPWire/FieldTable.swift": "the declared length, which only HTTP/2 reads",
    ]

    /// Targets that no other imports yet, each with who will.
    static let unused: [String: String] = ["HTTP2Wire": "HTTPTransport, once it speaks HTTP/2"]

    @Test("The sources")
    func sources() {
        let found = DeadCode(SourceTree.swiftFiles.filter { $0.target != nil }).violations
        let violations = found.filter { violation in
            Self.exceptions[violation.path] == nil
                && !Self.unused.keys.contains { violation.path.hasPrefix("Sources/\($0)/") }
        }
        #expect(violations.isEmpty, "\n\(violations.map(\.description).joined(separator: "\n"))")
        let clean = Self.exceptions.keys.sorted().filter { path in !found.contains { $0.path == path } }
        let used = SourceTree.swiftFiles.flatMap { file in
            file.target == nil ? [] : file.imports.map(\.text).filter { Self.unused[$0] != nil && $0 != file.target }
        }
        #expect(used.isEmpty, "these targets are used now, take them off the list: \(used)")
        #expect(clean.isEmpty, "these files have no dead code any more, take them off the list: \(clean)")
    }
}
