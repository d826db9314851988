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
            ("/a/..%2fb", "/a/..%2Fb"), ("/..%5c..%5cb", "/..%5C..%5Cb"), ("/%41%7a%7E%5F%2D%30", "/Az~_-0"),
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

    @Test("Every path that has another normal form is known to need normalising")
    func detection() {
        let pieces = ["/", ".", "..", "a", "%2e", "%41", "%2F", "//", "/.", "a.b", ";"]
        for first in pieces {
            for second in pieces {
                for third in pieces {
                    let path = "/" + first + second + third
                    let request = ParsedRequest("GET \(path) HTTP/1.1\r\nHost: a\r\n\r\n")
                    let isChanged = String(decoding: normalizePath(path), as: UTF8.self) != path
                    #expect(!isChanged || request.head.mayNeedNormalizing, "\(path)")
                }
            }
        }
    }

    @Test("Too little room is told")
    func room() {
        let bytes = Array("/a/%2F/b".utf8)
        for room in 0..<bytes.count {
            var output = [UInt8](repeating: 0, count: room)
            var writer = OutputWriter(output.mutableSpan)
            PathNormalizer.normalize(bytes.span, ByteRange(start: 0, count: bytes.count), into: &writer)
            let overflowed = writer.overflowed
            #expect(overflowed)
        }
    }
}
