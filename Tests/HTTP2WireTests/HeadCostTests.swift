// Owns the tests of what a head may cost: a few bytes that stand for many do not make memory or time grow.
import HTTP2Wire
import HTTPWire
import Testing

@Suite("A small block does not stand for a large head")
struct HeadCostTests {
    /// A field that fills the table, and a block of references to it.
    static func bomb(_ references: Int, _ reference: [UInt8]) -> [UInt8] {
        let value = [UInt8](repeating: 0x61, count: 4000)
        let block = literals(plainGet) + bytes("4001 78 7f a1 1e") + value
        return block + [[UInt8]](repeating: reference, count: references).flatMap { $0 }
    }

    static let bombs: [(references: Int, reference: String, event: String)] = [
        // Eight of 4 KiB are too many bytes, though few fields.
        (8, "be", "refused 1 end 431 head_too_large"), (900, "be", "refused 1 end 431 head_too_large"),
        // The name of the entry again and again, each time into the table.
        (900, "7e00", "refused 1 end 431 head_too_large"), (900, "0f2f00", "refused 1 end 431 head_too_large"),
        (1100, "be", "failed ENHANCE_YOUR_CALM head_flood"), (16_000, "82", "failed ENHANCE_YOUR_CALM head_flood"),
    ]

    @Test("References to one large field", arguments: bombs)
    func references(_ references: Int, _ reference: String, _ event: String) {
        let talk = CoreTalk.greeted()
        let before = talk.scratch.text.count
        let input = headers(1, Self.bomb(references, bytes(reference)), endsStream: true)
        #expect(talk.receive(input) == [event])
        #expect(talk.scratch.text.count == before)
        guard talk.connection.failure == nil else { return }
        // The table is as the other end has it.
        let name = String(decoding: [UInt8](repeating: 0x61, count: 4000), as: UTF8.self)
        let value = reference == "7e00" ? "x: |" : "x: \(name)|"
        let next = talk.receive(headers(3, literals(plainGet) + bytes("be"), endsStream: true))
        #expect(next == ["request 3 end GET / HTTP/1.1|host: a.example|\(value)|"])
    }

    @Test("A head that is as large as may be passes, and one byte more does not")
    func exactly() {
        // Each field counts as its name, its value and 32.
        let plain = plainGet.reduce(0) { $0 + $1.0.utf8.count + $1.1.utf8.count + 32 }
        for (extra, isWhole) in [(0, true), (1, false)] {
            let talk = CoreTalk.greeted(maximumHead: 1000)
            let value = String(repeating: "y", count: 1000 - plain - 33 + extra)
            let found = talk.receive(request(1, [("x", value)]))
            #expect(found.first?.hasPrefix(isWhole ? "request 1 end" : "refused 1 end 431") == true, "\(found)")
        }
    }
}
