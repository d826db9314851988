// Owns the bytes of a command, as an entry of the log carries them.
internal import Topology

extension CatalogCommand {
    /// Tells the catalog's commands from anything else that a log may carry.
    static let mark: UInt8 = 0xC1

    /// The lowest level that can express the command.
    public var formatLevel: UInt16 { 1 }

    /// The command as bytes: the mark, the format level, the fields. The same command gives the same bytes.
    public var encoded: [UInt8] {
        var writer = ByteWriter()
        writer.put(byte: Self.mark)
        writer.put(formatLevel)
        writer.put(change)
        writer.put(author)
        writer.put(reason)
        writer.put(proposedAt)
        writer.put(optional: idempotencyKey) { $0.put($1) }
        writer.put(optional: expectedIndex) { $0.put($1) }
        writer.put(force)
        return writer.bytes
    }

    /// Reads what `encoded` gave; any other bytes give an error. Texts that are a little too long are read, so that
    /// `Catalog.apply` refuses them with a reason.
    public init(decoding bytes: [UInt8]) throws(CatalogFormatError) {
        var reader = ByteReader(bytes)
        guard try reader.byte() == Self.mark else { throw .notACatalog }
        let level: UInt16 = try reader.number()
        guard level >= 1, level <= CatalogFormat.level else { throw .unknownLevel(level) }
        change = try CatalogChange(from: &reader)
        author = try reader.text(limit: 4 * Catalog.maximumNameLength)
        reason = try reader.text(limit: 4 * Catalog.maximumReasonLength)
        proposedAt = try UnixTime(from: &reader)
        idempotencyKey = try reader.optional { reader throws(CatalogFormatError) in
            try reader.text(limit: 4 * Catalog.maximumNameLength)
        }
        expectedIndex = try reader.optional { reader throws(CatalogFormatError) in try reader.number() }
        force = try reader.flag()
        try reader.finish()
    }
}

extension PrimaryCause: Persisted {
    func write(to writer: inout ByteWriter) {
        switch self {
        case .registration: writer.put(byte: 0)
        case .removedFromSettings: writer.put(byte: 1)
        case .operatorRequest: writer.put(byte: 2)
        case .automatic: writer.put(byte: 3)
        case .failback: writer.put(byte: 4)
        }
    }

    init(from reader: inout ByteReader) throws(CatalogFormatError) {
        switch try reader.byte() {
        case 0: self = .registration
        case 1: self = .removedFromSettings
        case 2: self = .operatorRequest
        case 3: self = .automatic
        case 4: self = .failback
        case let tag: throw .unknownTag(tag, of: "cause")
        }
    }
}

extension ExpectedRegistration: Persisted {
    func write(to writer: inout ByteWriter) {
        switch self {
        case .any: writer.put(byte: 0)
        case .absent: writer.put(byte: 1)
        case .digest(let digest):
            writer.put(byte: 2)
            writer.put(digest)
        }
    }

    init(from reader: inout ByteReader) throws(CatalogFormatError) {
        switch try reader.byte() {
        case 0: self = .any
        case 1: self = .absent
        case 2: self = .digest(try reader.number())
        case let tag: throw .unknownTag(tag, of: "expected registration")
        }
    }
}

extension CatalogChange: Persisted {
    func write(to writer: inout ByteWriter) {
        switch self {
        case .registerService(let registration, let expected):
            writer.put(byte: 0)
            writer.put(registration)
            writer.put(expected)
        case .retireService(let service):
            writer.put(byte: 1)
            writer.put(service)
        case .setWeight(let weight, let target, let until):
            writer.put(byte: 2)
            writer.put(Int64(weight))
            writer.put(target)
            writer.put(optional: until) { $0.put($1) }
        case .resetWeight(let target):
            writer.put(byte: 3)
            writer.put(target)
        case .setState(let state, let target, let until):
            writer.put(byte: 4)
            writer.put(state == .draining)
            writer.put(target)
            writer.put(optional: until) { $0.put($1) }
        case .setPrimary(let service, let datacenter, let epoch, let cause, let term):
            writer.put(byte: 5)
            writer.put(service)
            writer.put(datacenter)
            writer.put(optional: epoch) { $0.put($1) }
            writer.put(cause)
            writer.put(term)
        case .expireOverride(let target, let kind, let until):
            writer.put(byte: 6)
            writer.put(target)
            writer.put(kind == .state)
            writer.put(until)
        case .setFrozen(let isFrozen):
            writer.put(byte: 7)
            writer.put(isFrozen)
        case .completeSwitch(let service, let epoch):
            writer.put(byte: 8)
            writer.put(service)
            writer.put(epoch)
        case .describeMember(let member):
            writer.put(byte: 9)
            writer.put(member)
        case .forgetMember(let id, let incarnation):
            writer.put(byte: 10)
            writer.put(id)
            writer.put(incarnation)
        case .setLease(let lease):
            writer.put(byte: 11)
            writer.put(lease)
        }
    }

    init(from reader: inout ByteReader) throws(CatalogFormatError) {
        switch try reader.byte() {
        case 0:
            self = .registerService(
                try ServiceRegistration(from: &reader), replacing: try ExpectedRegistration(from: &reader))
        case 1: self = .retireService(try reader.name())
        case 2:
            let weight = Int(try reader.number(Int64.self))
            self = .setWeight(weight, of: try OverrideTarget(from: &reader), until: try Self.end(&reader))
        case 3: self = .resetWeight(of: try OverrideTarget(from: &reader))
        case 4:
            let state = try reader.flag() ? OperatingState.draining : .active
            self = .setState(state, of: try OverrideTarget(from: &reader), until: try Self.end(&reader))
        case 5:
            self = .setPrimary(
                of: try reader.name(), to: try reader.name(),
                expectedEpoch: try reader.optional { reader throws(CatalogFormatError) in try Epoch(from: &reader) },
                cause: try PrimaryCause(from: &reader), term: try reader.number())
        case 6:
            let target = try OverrideTarget(from: &reader)
            let kind = try reader.flag() ? OverrideSetting.Kind.state : .weight
            self = .expireOverride(of: target, setting: kind, until: try UnixTime(from: &reader))
        case 7: self = .setFrozen(try reader.flag())
        case 8: self = .completeSwitch(of: try reader.name(), epoch: try Epoch(from: &reader))
        case 9: self = .describeMember(try MemberDescription(from: &reader))
        case 10: self = .forgetMember(try reader.name(), incarnation: try reader.number())
        case 11: self = .setLease(try reader.duration())
        case let tag: throw .unknownTag(tag, of: "change")
        }
    }

    private static func end(_ reader: inout ByteReader) throws(CatalogFormatError) -> UnixTime? {
        try reader.optional { reader throws(CatalogFormatError) in try UnixTime(from: &reader) }
    }
}
