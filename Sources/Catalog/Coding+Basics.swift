// Owns the bytes of the catalog's small values: times, epochs, targets, overrides, registrations.
internal import Topology

extension UnixTime: Persisted {
    func write(to writer: inout ByteWriter) { writer.put(milliseconds) }
    init(from reader: inout ByteReader) throws(CatalogFormatError) { self.init(milliseconds: try reader.number()) }
}

extension Epoch: Persisted {
    func write(to writer: inout ByteWriter) { writer.put(value) }
    init(from reader: inout ByteReader) throws(CatalogFormatError) {
        guard let epoch = Epoch(value: try reader.number()) else { throw .impossible("epoch") }
        self = epoch
    }
}

extension Address: Persisted {
    func write(to writer: inout ByteWriter) {
        switch self {
        case .host(let host, let port):
            writer.put(byte: 0)
            writer.put(host)
            writer.put(port)
        case .unix(let path):
            writer.put(byte: 1)
            writer.put(path)
        }
    }

    init(from reader: inout ByteReader) throws(CatalogFormatError) {
        switch try reader.byte() {
        case 0: self = .host(try reader.text(limit: Catalog.maximumAddressLength), port: try reader.number())
        case 1: self = .unix(path: try reader.text(limit: Catalog.maximumAddressLength))
        case let tag: throw .unknownTag(tag, of: "address")
        }
    }
}

extension OverrideTarget: Persisted {
    func write(to writer: inout ByteWriter) {
        writer.put(service)
        writer.put(datacenter)
        writer.put(optional: endpoint) { $0.put($1) }
    }

    init(from reader: inout ByteReader) throws(CatalogFormatError) {
        self.init(service: try reader.name(), datacenter: try reader.name())
        endpoint = try reader.optional { reader throws(CatalogFormatError) in try Address(from: &reader) }
    }
}

extension OverrideSetting: Persisted {
    func write(to writer: inout ByteWriter) {
        switch self {
        case .weight(let weight):
            writer.put(byte: 0)
            writer.put(Int32(truncatingIfNeeded: weight))
        case .draining: writer.put(byte: 1)
        }
    }

    init(from reader: inout ByteReader) throws(CatalogFormatError) {
        switch try reader.byte() {
        case 0:
            let weight = Int(try reader.number(Int32.self))
            guard (0...256).contains(weight) else { throw .impossible("weight") }
            self = .weight(weight)
        case 1: self = .draining
        case let tag: throw .unknownTag(tag, of: "override")
        }
    }
}

extension Override: Persisted {
    func write(to writer: inout ByteWriter) {
        writer.put(target)
        writer.put(setting)
        writer.put(author)
        writer.put(reason)
        writer.put(since)
        writer.put(optional: until) { $0.put($1) }
        writer.put(index)
    }

    init(from reader: inout ByteReader) throws(CatalogFormatError) {
        target = try OverrideTarget(from: &reader)
        setting = try OverrideSetting(from: &reader)
        author = try reader.text(limit: Catalog.maximumNameLength)
        reason = try reader.text(limit: Catalog.maximumReasonLength)
        since = try UnixTime(from: &reader)
        until = try reader.optional { reader throws(CatalogFormatError) in try UnixTime(from: &reader) }
        index = try reader.number()
    }
}

extension FailoverSettings: Persisted {
    func write(to writer: inout ByteWriter) {
        for duration in [confirm, drain, hold, cooldown] { writer.put(duration) }
        writer.put(optional: failbackAfter) { $0.put($1) }
        writer.put(Int32(truncatingIfNeeded: downBelowPercent))
        writer.put(Int32(truncatingIfNeeded: minimumTargetPercent))
        writer.put(optional: lagGate) {
            $0.put($1.path)
            $0.put($1.limit)
        }
    }

    init(from reader: inout ByteReader) throws(CatalogFormatError) {
        self.init()
        confirm = try reader.duration()
        drain = try reader.duration()
        hold = try reader.duration()
        cooldown = try reader.duration()
        failbackAfter = try reader.optional { reader throws(CatalogFormatError) in try reader.duration() }
        downBelowPercent = Int(try reader.number(Int32.self))
        minimumTargetPercent = Int(try reader.number(Int32.self))
        lagGate = try reader.optional { reader throws(CatalogFormatError) in
            LagGate(path: try reader.text(limit: Catalog.maximumReasonLength), limit: try reader.duration())
        }
    }
}

extension ServiceRegistration.Endpoint: Persisted {
    func write(to writer: inout ByteWriter) {
        writer.put(address)
        writer.put(Int32(truncatingIfNeeded: weight))
    }
    init(from reader: inout ByteReader) throws(CatalogFormatError) {
        self.init(address: try Address(from: &reader), weight: Int(try reader.number(Int32.self)))
    }
}

extension ServiceRegistration.Datacenter: Persisted {
    func write(to writer: inout ByteWriter) {
        writer.put(name)
        writer.put(Int32(truncatingIfNeeded: weight))
        writer.put(endpoints)
    }
    init(from reader: inout ByteReader) throws(CatalogFormatError) {
        name = try reader.name()
        weight = Int(try reader.number(Int32.self))
        endpoints = try reader.array(limit: Catalog.maximumEndpoints, "endpoints")
    }
}

extension ServiceRegistration: Persisted {
    func write(to writer: inout ByteWriter) {
        writer.put(name)
        writer.put(hasPrimary)
        writer.put(byte: consistency == .strict ? 0 : 1)
        writer.put(datacenters)
        writer.put(failover)
    }

    init(from reader: inout ByteReader) throws(CatalogFormatError) {
        name = try reader.name()
        hasPrimary = try reader.flag()
        consistency = try reader.flag() ? .available : .strict
        datacenters = try reader.array(limit: Catalog.maximumDatacenters, "datacenters")
        failover = try FailoverSettings(from: &reader)
    }

    /// The same for equal registrations on every node and in every process: what compare-and-set and drift compare.
    public var digest: UInt64 {
        var writer = ByteWriter()
        write(to: &writer)
        return writer.digest
    }
}

extension MemberDescription: Persisted {
    func write(to writer: inout ByteWriter) {
        writer.put(id)
        writer.put(incarnation)
        writer.put(datacenter)
        writer.put(optional: admin) { $0.put($1) }
        writer.put(version)
        writer.put(formatLevel)
    }

    init(from reader: inout ByteReader) throws(CatalogFormatError) {
        id = try reader.name()
        incarnation = try reader.number()
        datacenter = try reader.name()
        admin = try reader.optional { reader throws(CatalogFormatError) in
            try reader.text(limit: Catalog.maximumReasonLength)
        }
        version = try reader.text(limit: Catalog.maximumNameLength)
        formatLevel = try reader.number()
    }
}

extension FreezeRecord: Persisted {
    func write(to writer: inout ByteWriter) {
        writer.put(isFrozen)
        writer.put(author)
        writer.put(reason)
        writer.put(since)
        writer.put(index)
    }

    init(from reader: inout ByteReader) throws(CatalogFormatError) {
        self.init(
            isFrozen: try reader.flag(), author: try reader.text(limit: Catalog.maximumNameLength),
            reason: try reader.text(limit: Catalog.maximumReasonLength), since: try UnixTime(from: &reader),
            index: try reader.number())
    }
}
