// Owns our side of the comparison with other implementations of HPACK, which the script `hpack_oracle` drives.
import Foundation
import HTTP2Wire
import HTTPWire
import Testing

/// Where the script puts its cases; without it the test is not run.
private let folder = ProcessInfo.processInfo.environment["MERIDIAN_HPACK_CASES"]

@Suite("HPACK as others understand it", .enabled(if: folder != nil))
struct HPACKOracleTests {
    /// Reads what the others wrote, and writes the same heads for them to read.
    @Test("The cases of the script")
    func cases() throws {
        let place = URL(fileURLWithPath: try #require(folder))
        let input = [UInt8](try Data(contentsOf: place.appending(path: "theirs")))
        var output: [UInt8] = []
        var decoder = HPACKDecoder()
        var encoder = HPACKEncoder()
        var block: [UInt8] = []
        var heads = 0
        var position = 0
        while position < input.count {
            let kind = input[position]
            let count = number(input, position + 1)
            let payload = input[(position + 5)..<(position + 5 + count)]
            position += 5 + count
            switch UnicodeScalar(kind) {
            case "C":
                decoder = HPACKDecoder(tableLimit: 65_536)
                encoder = HPACKEncoder(tableLimit: 65_536)
            case "S": encoder.setPeerLimit(number(Array(payload), 0))
            case "B": block = Array(payload)
            default:
                let head = HPACKHead(reading: Array(payload))
                if let fault = head.fault(in: block, by: &decoder) {
                    Issue.record("head \(heads): \(fault)\n\(block)")
                    return
                }
                let written = head.encoded(by: &encoder)
                for shift in [0, 8, 16, 24] { output.append(UInt8(truncatingIfNeeded: written.count >> shift)) }
                output += written
                heads += 1
            }
        }
        try Data(output).write(to: place.appending(path: "ours"))
        #expect(heads > 0)
    }
}

private func number(_ bytes: [UInt8], _ start: Int) -> Int {
    (0..<4).reduce(0) { $0 | Int(bytes[start + $1]) << (8 * $1) }
}

extension HPACKHead {
    /// Reads fields, each as two lengths of four bytes and the bytes of its name and its value.
    init(reading bytes: [UInt8]) {
        var position = 0
        while position < bytes.count {
            let name = number(bytes, position)
            let value = number(bytes, position + 4)
            let start = position + 8
            fields.append((Array(bytes[start..<(start + name)]), Array(bytes[(start + name)..<(start + name + value)])))
            position = start + name + value
        }
    }
}
