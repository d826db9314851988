// Owns the tests of how field names are recognised: exactly, in any case, and nothing else.
import HTTPWire
import Testing

@Suite("Field names")
struct FieldNameTests {
    static let names: [(String, FieldName)] = [
        ("host", .host), ("connection", .connection), ("content-length", .contentLength),
        ("transfer-encoding", .transferEncoding), ("expect", .expect), ("upgrade", .upgrade), ("te", .te),
        ("trailer", .trailer), ("keep-alive", .keepAlive), ("proxy-connection", .proxyConnection), ("via", .via),
        ("forwarded", .forwarded), ("x-forwarded-for", .forwardedFor), ("x-forwarded-host", .forwardedHost),
        ("x-forwarded-proto", .forwardedProto), ("x-request-id", .requestID), ("cookie", .cookie),
        ("server", .server), ("date", .date), ("authorization", .authorization), ("max-forwards", .maxForwards),
        ("x-real-ip", .forwardedOther), ("x-forwarded-port", .forwardedOther), ("x-forwarded-", .forwardedOther),
        ("x-forwarded-prefix", .forwardedOther), ("meridian-epoch", .meridian),
    ]

    /// What a response's field of that name is taken for. Responses refuse fewer names than requests.
    static func recognised(_ name: [UInt8]) -> FieldName? {
        let bytes = Array("HTTP/1.1 200 OK\r\n".utf8) + name + Array(":\r\n\r\n".utf8)
        let head = ResponseHead()
        switch ResponseHeadParser().parse(bytes.span, method: .get, lenient: false, into: head) {
        case .complete: return head.fields.count == 1 ? head.fields[0].known : nil
        case .needMore: return nil
        case .failed(let error):
            // An empty value is no framing: the name was recognised.
            switch error.reason.description {
            case "content_length": return .contentLength
            case "transfer_encoding": return .transferEncoding
            default: return nil
            }
        }
    }

    static let tokens = Array("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ!#$%&'*+-.^_`|~".utf8)

    /// Whether only the beginning of the name is significant.
    private func isOpen(_ name: String) -> Bool {
        let isKnown = ["x-forwarded-for", "x-forwarded-host", "x-forwarded-proto"].contains(name)
        return name.hasPrefix("meridian-") || (name.hasPrefix("x-forwarded-") && !isKnown)
    }

    @Test("In any case (RFC 9110 5.1)", arguments: names.indices)
    func anyCase(_ index: Int) {
        let (name, expected) = Self.names[index]
        #expect(Self.recognised(Array(name.utf8)) == expected)
        #expect(Self.recognised(Array(name.uppercased().utf8)) == expected)
    }

    @Test("A name with one other character, in any place, is another name", arguments: names.indices)
    func neighbours(_ index: Int) {
        let (name, expected) = Self.names[index]
        let bytes = Array(name.utf8)
        let significant = isOpen(name) ? (expected == .meridian ? 9 : 12) : bytes.count
        for place in 0..<significant {
            for token in Self.tokens {
                var other = bytes
                other[place] = token
                let isSame = String(decoding: other, as: UTF8.self).lowercased() == name
                let found = Self.recognised(other)
                #expect((found == expected) == isSame, "\(String(decoding: other, as: UTF8.self)) is \(found as Any)")
            }
        }
    }

    @Test("A name that is longer or shorter is another name", arguments: names.indices)
    func lengths(_ index: Int) {
        let (name, expected) = Self.names[index]
        #expect(Self.recognised(Array("x\(name)".utf8)) != expected)
        #expect(Self.recognised(Array(name.dropFirst().utf8)) != expected)
        if !isOpen(name) {
            #expect(Self.recognised(Array("\(name)x".utf8)) != expected)
            #expect(Self.recognised(Array("\(name)-\(name)".utf8)) != expected)
        }
    }
}
