// Owns the proof of what is told of the configuration file.
import Foundation
import HTTPTransport
import Testing

@testable import Admin

@Suite struct Config {
    @Test func theFileInForceIsTold() throws {
        let site = try Site()
        let answer = try site.ask("GET", "/v1/config")
        #expect(answer.status == 200)
        let document = try answer.document
        #expect(Set(document.keys) == ["path", "sha256", "text"])
        #expect(document["path"] as? String == "/etc/meridian.yaml")
        // The variable's name, and never its value.
        #expect(document["text"] as? String == "# ${TOKEN}\n" + Site.configuration)
        let digest = try #require(document["sha256"] as? String)
        #expect(digest.count == 64)
        #expect(answer[field: "etag"] == "\"\(digest)\"")
        #expect(try site.ask("POST", "/v1/config").status == 405)
    }

    @Test(
        "Digests (FIPS 180-4, NIST's examples, and each length about a block's end)",
        arguments: [
            ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
            (
                "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
            ),
            (
                String(repeating: "a", count: 1_000),
                "41edece42d63e8d9bf515a9ba6932e1c20cbc9f5a5d134645adb5db1b9737ea3"
            ),
        ])
    func digest(_ text: String, _ expected: String) {
        #expect(SHA256.hexadecimal(of: Array(text.utf8)) == expected)
    }

    @Test func digestsOfLengthsAboutABlock() throws {
        for count in [54, 55, 56, 57, 63, 64, 65, 119, 120, 128] {
            let bytes = [UInt8](repeating: 0x7A, count: count)
            let sum = Process()
            sum.executableURL = URL(filePath: "/usr/bin/sha256sum")
            let (input, output) = (Pipe(), Pipe())
            sum.standardInput = input
            sum.standardOutput = output
            try sum.run()
            try input.fileHandleForWriting.write(contentsOf: Data(bytes))
            try input.fileHandleForWriting.close()
            let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
            sum.waitUntilExit()
            #expect(text.hasPrefix(SHA256.hexadecimal(of: bytes) + " "), "\(count)")
        }
    }
}
