// Owns turning the offsets of a parsed head into text.
internal import HTTPWire
internal import Proactor

extension FieldTable {
    /// The fields as text, names in lower case.
    func texts(_ bytes: Span<UInt8>) -> [(name: String, value: String)] {
        var texts: [(name: String, value: String)] = []
        for index in 0..<count {
            texts.append((bytes.text(self[index].name).lowercased(), bytes.text(self[index].value)))
        }
        return texts
    }
}

extension [UInt8] {
    /// Appends what a receive brought.
    mutating func append(_ buffer: borrowing LoopBuffer) {
        let bytes = buffer.bytes
        for index in bytes.indices { append(bytes[index]) }
    }
}

extension Span<UInt8> {
    /// Some of the bytes as text.
    func text(_ range: ByteRange) -> String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Int(range.count))
        for index in range.range { bytes.append(self[index]) }
        return String(decoding: bytes, as: UTF8.self)
    }
}

extension HTTPRequest {
    /// The request that a head begins, without its body.
    ///
    /// - Throws: what is wrong with its path.
    init(_ head: RequestHead, _ bytes: Span<UInt8>, peer: SocketAddress?) throws(WireError) {
        self.init(
            method: bytes.text(head.methodRange), path: try Self.normalPath(head, bytes),
            query: String(bytes.text(head.query).dropFirst()), fields: head.fields.texts(bytes),
            authority: bytes.text(head.authority), peer: peer)
    }

    private static func normalPath(_ head: RequestHead, _ bytes: Span<UInt8>) throws(WireError) -> String {
        if head.isAsterisk { return "*" }
        guard head.mayNeedNormalizing else { return bytes.text(head.path) }
        var path = [UInt8](repeating: 0, count: PathNormalizer.room(for: head.path))
        var writer = OutputWriter(path.mutableSpan)
        let forms = try PathNormalizer.normalize(bytes, head.path, into: &writer)
        return String(decoding: path[forms.forwarded], as: UTF8.self)
    }
}
