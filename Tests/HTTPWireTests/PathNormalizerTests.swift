// Owns the tests of a path's normal form.
import HTTPWire
import Testing

@Suite("Paths")
struct PathNormalizerTests {
    @Test(
        "Normal form (RFC 3986 5.2.4 and 6.2.2)",
        arguments: [
            ("/", "/"), ("/a", "/a"), ("/a/", "/a/"), ("/a/b", "/a/b"), ("//", "//"), ("//a//b", "//a//b"),
            ("/.", "/"), ("/./", "/"), ("/./a", "/a"), ("/a/.", "/a/"), ("/a/./b", "/a/b"), ("/a/./", "/a/"),
            ("/..", "/"), ("/../", "/"), ("/../a", "/a"), ("/../../a", "/a"), ("/a/..", "/"), ("/a/../", "/"),
            ("/a/../b", "/b"), ("/a/b/..", "/a/"), ("/a/b/../", "/a/"), ("/a/b/../c", "/a/c"),
            ("/a/b/../../../c", "/c"), ("/a/b/c/./../../g", "/a/g"), ("/a//../b", "/a/b"), ("/a/..//b", "//b"),
            ("/...", "/..."), ("/.a", "/.a"), ("/..a", "/..a"), ("/a..", "/a.."), ("/a.", "/a."), ("/.../a", "/.../a"),
            ("/%2e", "/"), ("/%2E%2e/a", "/a"), ("/a/%2e%2E/b", "/b"), ("/a/.%2e/b", "/b"), ("/a/%2e./b", "/b"),
            ("/%2e%2e%2e", "/..."), ("/%252e%252e/a", "/%252e%252e/a"), ("/a%2fb", "/a%2Fb"), ("/a%5cb", "/a%5Cb"),
            ("/%41%7a%7E%5F%2D%30", "/Az~_-0"),
            ("/%c3%a9", "/%C3%A9"), ("/%20%3f%23%25", "/%20%3F%23%25"), ("/a;b=c/../d", "/d"), ("/a;..", "/a;.."),
            ("/..;/a", "/a"), ("/a/..;/b", "/b"), ("/a/..;x=y;z/b", "/b"), ("/a/.;x/b", "/a/b"), ("/a/..;", "/"),
            ("/a/%2e%2e;/b", "/b"), ("/a/.%2E;x/b", "/b"), ("/a/..%3b/b", "/a/..%3B/b"), ("/...;/a", "/...;/a"),
            ("/.;", "/"), ("/.a;/b", "/.a;/b"),
            ("/%2E", "/"), ("/a/%2E%2E", "/"),
        ])
    func normalForm(_ path: String, _ expected: String) {
        #expect(String(decoding: normalizePath(path), as: UTF8.self) == expected)
        #expect(
            String(decoding: normalizePath(expected), as: UTF8.self) == expected, "normalising again changes nothing")
    }

    static let matched: [(path: String, forwarded: String, matched: String)] = [
        ("//admin", "//admin", "/admin"), ("/%2fadmin", "/%2Fadmin", "/admin"), ("/a//b", "/a//b", "/a/b"),
        ("/a/%2F/b", "/a/%2F/b", "/a/b"), ("/a//", "/a//", "/a/"), ("//", "//", "/"), ("///", "///", "/"),
        ("/%2F", "/%2F", "/"), ("/%2f%2f", "/%2F%2F", "/"), ("/a%2F/", "/a%2F/", "/a/"), ("/a%2fb", "/a%2Fb", "/a%2Fb"),
        ("/a%2F%2fb", "/a%2F%2Fb", "/a%2Fb"), ("/a%2F%2F", "/a%2F%2F", "/a%2F"), ("/a%2F//%2Fb", "/a%2F//%2Fb", "/a/b"),
        ("/a%5C%5Cb", "/a%5C%5Cb", "/a%5C%5Cb"), ("/a\\\\b", "/a\\\\b", "/a\\\\b"),
        ("/a%252F/b", "/a%252F/b", "/a%252F/b"),
        ("/a//../b", "/a/b", "/a/b"), ("/a/..//b", "//b", "/b"), ("/a/.//b", "/a//b", "/a/b"), ("/..//", "//", "/"),
        ("/a%2Fb/../c", "/c", "/c"), ("/a%2F/../c", "/c", "/c"), ("/a//b%2F%2Fc//", "/a//b%2F%2Fc//", "/a/b%2Fc/"),
        ("/%61//%62", "/a//b", "/a/b"), ("/a%2", "/a%2", "/a%2"), ("/a/%", "/a/%", "/a/%"),
    ]

    @Test("Repeated slashes count as one for routes, and are forwarded as they came", arguments: matched.indices)
    func matching(_ index: Int) {
        let (path, forwarded, matched) = Self.matched[index]
        var expected = PathForms(path)
        (expected.forwarded, expected.matched, expected.refused) = (forwarded, matched, nil)
        #expect(PathForms(path) == expected)
        #expect(PathForms(matched).matched == matched)
    }

    @Test(
        "A dot segment beside what some take for a slash is refused",
        arguments: [
            "/x/..%2fadmin", "/x/%2e%2e%2Fadmin", "/x%2f..", "/x%2f../", "/x%2F%2e%2E/y", "/..%5cx", "/x%5C..",
            "/.%2e%5c",
            "/x\\..", "/..\\x", "/x\\..\\y", "/\\..", "/x%2f.", "/.%2fx", "/x\\.", "/.\\x", "/x/..;y%2fz", "/x%2f..;y",
            "/a%2Fb%2F..%2Fc", "/a/%2F..", "/%5C.%2F", "/x\\%2e%2e", "/x%5c%2e.", "/..%2f..%2f..%2fetc",
        ])
    func escapes(_ path: String) {
        #expect(PathForms(path).refused == "400 dot_segment_escape")
        #expect(ParsedRequest("GET \(path) HTTP/1.1\r\nHost: a\r\n\r\n").head.mayNeedNormalizing)
    }

    @Test(
        "Elsewhere they pass",
        arguments: ["/x\\y", "/x%5Cy", "/...%2Fx", "/x%2F...", "/x%2F.y", "/..x%2Fy", "/.x\\y", "/x\\y."])
    func passing(_ path: String) { #expect(PathForms(path).forwarded == path && PathForms(path).refused == nil) }

    @Test(
        "An ordinary path is known to be one",
        arguments: [
            "/", "/a", "/a/b/", "/a.b/c.d", "/a\\b", "/a-b_c~d;e=f", "/a?//..//%2e", "/a?b=http://c", "/a/b.?/.",
        ])
    func ordinary(_ target: String) {
        for target in [target, "http://a\(target)"] {
            #expect(!ParsedRequest("GET \(target) HTTP/1.1\r\nHost: a\r\n\r\n").head.mayNeedNormalizing)
        }
    }

    @Test(
        "Others are known wherever in the target they begin",
        arguments: ["//", "/.", "/..", "%2e", "%2F", "\\..", "\\."])
    func anywhere(_ piece: String) {
        for count in 0..<20 {
            let target = "/" + String(repeating: "a", count: count) + piece + "b?c"
            for target in [target, "http://a\(target)"] {
                #expect(ParsedRequest("GET \(target) HTTP/1.1\r\nHost: a\r\n\r\n").head.mayNeedNormalizing)
            }
        }
    }

    @Test(
        "Paths that are taken as they are have no other form",
        arguments: ["/../a", "//a", "/a/..%2fb", "/%2e", "/a\\.."])
    func asIs(_ path: String) {
        let text = "GET \(path)?b HTTP/1.1\r\nHost: a\r\n\r\n"
        #expect(ParsedRequest(Array(text.utf8)).head.mayNeedNormalizing)
        let request = ParsedRequest(Array(text.utf8), paths: .asIs)
        #expect(request.verdict == .complete(text.utf8.count))
        #expect(!request.head.mayNeedNormalizing)
        #expect(request.text(request.head.path) == path)
        let nul = "GET /%00 HTTP/1.1\r\nHost: a\r\n\r\n"
        #expect(ParsedRequest(Array(nul.utf8), paths: .asIs).verdict == .refused(400, "percent_nul"))
    }

    @Test("Every path that has another normal form is known to need normalising")
    func detection() {
        let pieces = ["/", ".", "..", "a", "%2e", "%41", "%2F", "//", "/.", "a.b", ";", "\\", "%5c"]
        for first in pieces {
            for second in pieces {
                for third in pieces {
                    let path = "/" + first + second + third
                    let request = ParsedRequest("GET \(path) HTTP/1.1\r\nHost: a\r\n\r\n")
                    let forms = PathForms(path)
                    let isChanged = forms.forwarded != path || forms.matched != path || forms.refused != nil
                    #expect(!isChanged || request.head.mayNeedNormalizing, "\(path)")
                }
            }
        }
    }

    @Test("Too little room is told")
    func room() {
        let bytes = Array("/a/%2F/b".utf8)
        for room in 0..<(bytes.count + 4) {
            var output = [UInt8](repeating: 0, count: room)
            var writer = OutputWriter(output.mutableSpan)
            _ = try? PathNormalizer.normalize(bytes.span, ByteRange(start: 0, count: bytes.count), into: &writer)
            let overflowed = writer.overflowed
            #expect(overflowed)
        }
    }
}
