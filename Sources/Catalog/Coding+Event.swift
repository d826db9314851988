// Owns the bytes of events: a snapshot carries the last ones.
internal import Topology

extension CatalogEvent: Persisted {
    func write(to writer: inout ByteWriter) {
        writer.put(index)
        writer.put(time)
        writer.put(author)
        writer.put(reason)
        writer.put(kind)
    }

    init(from reader: inout ByteReader) throws(CatalogFormatError) {
        index = try reader.number()
        time = try UnixTime(from: &reader)
        author = try reader.text(limit: Catalog.maximumNameLength)
        reason = try reader.text(limit: Catalog.maximumReasonLength)
        kind = try Kind(from: &reader)
    }
}

extension CatalogEvent.Kind: Persisted {
    func write(to writer: inout ByteWriter) {
        switch self {
        case .serviceRegistered(let service):
            writer.put(byte: 0)
            writer.put(service)
        case .serviceRetired(let service):
            writer.put(byte: 1)
            writer.put(service)
        case .weightChanged(let target, let from, let to):
            writer.put(byte: 2)
            writer.put(target)
            writer.put(optional: from) { $0.put(Int64($1)) }
            writer.put(optional: to) { $0.put(Int64($1)) }
        case .stateChanged(let target, let state):
            writer.put(byte: 3)
            writer.put(target)
            writer.put(state == .draining)
        case .primaryChanged(let service, let from, let to, let epoch, let cause):
            writer.put(byte: 4)
            writer.put(service)
            writer.put(optional: from) { $0.put($1) }
            writer.put(to)
            writer.put(epoch)
            writer.put(cause)
        case .switchBegan(let service, let from, let to, let epoch, let cause):
            writer.put(byte: 5)
            writer.put(service)
            writer.put(from)
            writer.put(to)
            writer.put(epoch)
            writer.put(cause)
        case .overrideExpired(let target, let kind):
            writer.put(byte: 6)
            writer.put(target)
            writer.put(kind == .state)
        case .frozen(let isFrozen):
            writer.put(byte: 7)
            writer.put(isFrozen)
        case .memberDescribed(let id):
            writer.put(byte: 8)
            writer.put(id)
        case .memberForgotten(let id):
            writer.put(byte: 9)
            writer.put(id)
        case .leaseChanged(let from, let to):
            writer.put(byte: 10)
            writer.put(from)
            writer.put(to)
        }
    }

    init(from reader: inout ByteReader) throws(CatalogFormatError) {
        switch try reader.byte() {
        case 0: self = .serviceRegistered(try reader.name())
        case 1: self = .serviceRetired(try reader.name())
        case 2:
            self = .weightChanged(
                try OverrideTarget(from: &reader), from: try Self.weight(&reader), to: try Self.weight(&reader))
        case 3:
            self = .stateChanged(try OverrideTarget(from: &reader), to: try reader.flag() ? .draining : .active)
        case 4:
            self = .primaryChanged(
                try reader.name(),
                from: try reader.optional { reader throws(CatalogFormatError) in try reader.name() },
                to: try reader.name(), epoch: try Epoch(from: &reader), cause: try PrimaryCause(from: &reader))
        case 5:
            self = .switchBegan(
                try reader.name(), from: try reader.name(), to: try reader.name(), epoch: try Epoch(from: &reader),
                cause: try PrimaryCause(from: &reader))
        case 6:
            self = .overrideExpired(try OverrideTarget(from: &reader), try reader.flag() ? .state : .weight)
        case 7: self = .frozen(try reader.flag())
        case 8: self = .memberDescribed(try reader.name())
        case 9: self = .memberForgotten(try reader.name())
        case 10: self = .leaseChanged(from: try reader.duration(), to: try reader.duration())
        case let tag: throw .unknownTag(tag, of: "event")
        }
    }

    private static func weight(_ reader: inout ByteReader) throws(CatalogFormatError) -> Int? {
        try reader.optional { reader throws(CatalogFormatError) in Int(try reader.number(Int64.self)) }
    }
}
