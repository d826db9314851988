// Owns the writing of documents in JSON: one line, keys sorted and in snake case.

/// An encoder that writes values as they come, without building a tree first. It costs a third of `JSONEncoder`.
///
/// It writes the same bytes as `JSONEncoder` with `convertToSnakeCase`, `sortedKeys` and `withoutEscapingSlashes`; a
/// test compares them. Documents consist of structures, lists, maps, texts, numbers and flags; other values are not
/// written.
final class DocumentWriter: Encoder {
    /// A value has no JSON form, or one that documents do not have.
    struct Unwritable: Error {}

    private enum Kind { case scalar, list, object }

    /// The value being written.
    private struct Frame {
        var kind = Kind.scalar
        /// The type of an object's keys.
        var keys: ObjectIdentifier?
        var isEmpty = true
        var firstMember = 0
    }

    /// A part of an object, `"name":value`, by its position in the bytes.
    private struct Member {
        var start: Int
        var nameEnd: Int
        var end: Int
    }

    let codingPath: [any CodingKey] = []
    let userInfo: [CodingUserInfoKey: Any] = [:]
    private var bytes: [UInt8] = []
    private var frame = Frame()
    /// The parts of all open objects, the innermost last.
    private var members: [Member] = []
    /// Whether everything could be written.
    private var isWhole = true

    private init() { bytes.reserveCapacity(2_048) }

    /// The type of the keys of maps: names of things, which are written unchanged.
    private static let mapKeys: ObjectIdentifier? = {
        let probe = DocumentWriter()
        try? [String: String]().encode(to: probe)
        return probe.frame.keys
    }()

    /// - Throws: `Unwritable`, or what the value throws.
    static func bytes(of value: some Encodable) throws -> [UInt8] {
        let writer = DocumentWriter()
        try writer.write(value)
        guard writer.isWhole else { throw Unwritable() }
        return writer.bytes
    }

    private func write(_ value: some Encodable) throws {
        let outer = frame
        frame = Frame(firstMember: members.count)
        try value.encode(to: self)
        switch frame.kind {
        case .scalar: break
        case .list: bytes.append(0x5D)
        case .object:
            sortMembers()
            bytes.append(0x7D)
        }
        frame = outer
    }

    // MARK: Lists and objects

    private func begin(_ kind: Kind, keys: ObjectIdentifier? = nil) {
        frame.kind = kind
        frame.keys = keys
        bytes.append(kind == .list ? 0x5B : 0x7B)
    }

    private func separate() {
        if !frame.isEmpty { bytes.append(0x2C) }
        frame.isEmpty = false
    }

    fileprivate func writeElement(_ value: some Encodable) throws {
        separate()
        try write(value)
    }

    fileprivate func writeMember(_ name: String, _ value: some Encodable) throws {
        separate()
        let start = bytes.count
        if frame.keys == Self.mapKeys {
            write(name)
        } else {
            bytes.append(0x22)
            DocumentForm.writeName(ofKey: name, into: &bytes)
            bytes.append(0x22)
        }
        let nameEnd = bytes.count
        bytes.append(0x3A)
        try write(value)
        members.append(Member(start: start, nameEnd: nameEnd, end: bytes.count))
    }

    /// Sorts the parts of the object that ends here by name.
    private func sortMembers() {
        defer { members.removeSubrange(frame.firstMember...) }
        let written = members[frame.firstMember...]
        guard let first = written.first?.start else { return }
        let sorted = written.sorted { [bytes] left, right in
            bytes[left.start..<left.nameEnd].lexicographicallyPrecedes(bytes[right.start..<right.nameEnd])
        }
        let parts = Array(bytes[first...])
        bytes.removeSubrange(first...)
        for member in sorted {
            if bytes.count > first { bytes.append(0x2C) }
            bytes += parts[(member.start - first)..<(member.end - first)]
        }
    }

    // MARK: Scalars

    fileprivate func write(_ text: String) { JSONText.write(text, into: &bytes) }

    fileprivate func write(number: some LosslessStringConvertible) { bytes += number.description.utf8 }

    fileprivate func write(_ number: Double) throws {
        guard number.isFinite else { throw Unwritable() }
        let digits = number.description.utf8
        bytes += digits.suffix(2).elementsEqual([0x2E, 0x30]) ? digits.dropLast(2) : digits[...]
    }

    // MARK: Encoder

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
        begin(.object, keys: ObjectIdentifier(type))
        return KeyedEncodingContainer(WrittenObject(writer: self))
    }

    func unkeyedContainer() -> any UnkeyedEncodingContainer {
        begin(.list)
        return WrittenList(writer: self)
    }

    func singleValueContainer() -> any SingleValueEncodingContainer { WrittenScalar(writer: self) }

    /// For forms that documents do not have.
    fileprivate func unfit() -> DocumentWriter {
        isWhole = false
        return DocumentWriter()
    }
}

/// Its elements write themselves, scalars too.
private struct WrittenObject<Key: CodingKey>: KeyedEncodingContainerProtocol {
    let writer: DocumentWriter
    var codingPath: [any CodingKey] { [] }

    func encodeNil(forKey key: Key) throws { throw DocumentWriter.Unwritable() }
    func encode<Value: Encodable>(_ value: Value, forKey key: Key) throws {
        try writer.writeMember(key.stringValue, value)
    }

    func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type, forKey: Key) -> KeyedEncodingContainer<Nested> {
        writer.unfit().container(keyedBy: type)
    }
    func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer { writer.unfit().unkeyedContainer() }
    func superEncoder() -> any Encoder { writer.unfit() }
    func superEncoder(forKey key: Key) -> any Encoder { writer.unfit() }
}

private struct WrittenList: UnkeyedEncodingContainer {
    let writer: DocumentWriter
    private(set) var count = 0
    var codingPath: [any CodingKey] { [] }

    init(writer: DocumentWriter) { self.writer = writer }

    func encodeNil() throws { throw DocumentWriter.Unwritable() }
    mutating func encode<Value: Encodable>(_ value: Value) throws {
        count += 1
        try writer.writeElement(value)
    }

    func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type) -> KeyedEncodingContainer<Nested> {
        writer.unfit().container(keyedBy: type)
    }
    func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer { writer.unfit().unkeyedContainer() }
    func superEncoder() -> any Encoder { writer.unfit() }
}

private struct WrittenScalar: SingleValueEncodingContainer {
    let writer: DocumentWriter
    var codingPath: [any CodingKey] { [] }

    func encodeNil() throws { throw DocumentWriter.Unwritable() }
    func encode(_ value: String) { writer.write(value) }
    func encode(_ value: Bool) { writer.write(number: value) }
    func encode(_ value: Double) throws { try writer.write(value) }
    func encode(_ value: Float) throws { throw DocumentWriter.Unwritable() }
    func encode(_ value: Int) { writer.write(number: value) }
    func encode(_ value: Int8) { writer.write(number: value) }
    func encode(_ value: Int16) { writer.write(number: value) }
    func encode(_ value: Int32) { writer.write(number: value) }
    func encode(_ value: Int64) { writer.write(number: value) }
    func encode(_ value: UInt) { writer.write(number: value) }
    func encode(_ value: UInt8) { writer.write(number: value) }
    func encode(_ value: UInt16) { writer.write(number: value) }
    func encode(_ value: UInt32) { writer.write(number: value) }
    func encode(_ value: UInt64) { writer.write(number: value) }
    /// A value that stands for another, as a tree of JSON does.
    func encode<Value: Encodable>(_ value: Value) throws { try value.encode(to: writer) }
}
