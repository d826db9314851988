// Owns the snapshot: the whole catalog as bytes that are the same on every node that applied the same log.
internal import Topology

extension Catalog {
    /// `MCAT`, little-endian.
    private static let mark: UInt32 = 0x5441_434D
    /// The level that is written. Level 1, which is still read, did not say who froze automatic moves.
    private static let level: UInt16 = 2

    /// The catalog as bytes: mark, format level, length, content, and the `StableHash` of all of that.
    ///
    /// Equal catalogs give equal bytes. Bounded by the tables' limits. O(size).
    public var snapshot: [UInt8] {
        var content = ByteWriter()
        write(to: &content)
        var writer = ByteWriter()
        writer.put(Self.mark)
        writer.put(Self.level)
        writer.put(UInt64(content.bytes.count))
        writer.put(content: content)
        writer.put(writer.digest)
        return writer.bytes
    }

    /// Reads what `snapshot` gave.
    ///
    /// - Throws: for any other bytes; the checksum is verified before anything else is used.
    public init(snapshot bytes: [UInt8]) throws(CatalogFormatError) {
        var reader = ByteReader(bytes)
        guard try reader.number(UInt32.self) == Self.mark else { throw .notACatalog }
        let level: UInt16 = try reader.number()
        guard level >= 1, level <= Self.level else { throw .unknownLevel(level) }
        let length: UInt64 = try reader.number()
        let head = bytes.count - reader.remaining
        guard reader.remaining >= 8, length <= UInt64(reader.remaining - 8) else { throw .truncated }
        let end = head + Int(length)
        var trailer = ByteReader(bytes, from: end)
        let checksum: UInt64 = try trailer.number()
        try trailer.finish()
        guard checksum == bytes.withDigest(of: end) else { throw .corrupt }
        var content = ByteReader(bytes, from: head, to: end)
        try self.init(from: &content, level: level)
        try content.finish()
    }

    private func write(to writer: inout ByteWriter) {
        writer.put(formation)
        writer.put(appliedIndex)
        writer.put(appliedTerm)
        writer.put(freeze)
        writer.put(lease.lease)
        writer.put(lease.previous)
        writer.put(optional: lease.changedAt) { $0.put($1) }
        writer.put(members)
        writer.put(records)
        writer.put(eventRing.all)
        writer.put(remembered.now)
        writer.put(remembered.all)
    }

    private init(from reader: inout ByteReader, level: UInt16) throws(CatalogFormatError) {
        self.init(formation: try reader.number())
        appliedIndex = try reader.number()
        appliedTerm = try reader.number()
        freeze = level == 1 ? FreezeRecord(isFrozen: try reader.flag()) : try FreezeRecord(from: &reader)
        lease.lease = try reader.duration()
        lease.previous = try reader.duration()
        guard LeaseSettings.range.contains(lease.lease), LeaseSettings.range.contains(lease.previous) else {
            throw .impossible("lease")
        }
        lease.changedAt = try reader.optional { reader throws(CatalogFormatError) in try UnixTime(from: &reader) }
        members = try reader.array(limit: Self.maximumMembers, "members")
        guard members.ascend(by: \.id) else { throw .impossible("order of members") }
        records = try reader.array(limit: Self.maximumServices, "services")
        guard records.ascend(by: \.registration.name) else { throw .impossible("order of services") }
        overrideCount = records.reduce(0) { $0 + $1.overrides.all.count }
        guard overrideCount <= Self.maximumOverrides else { throw .impossible("number of overrides") }
        endpointCount = records.reduce(0) { $0 + $1.registration.endpointCount }
        guard endpointCount <= Self.maximumEndpoints else { throw .impossible("number of endpoints") }
        for event in try reader.array(of: CatalogEvent.self, limit: EventRing.capacity, "events") {
            eventRing.append(event)
        }
        let now = try UnixTime(from: &reader)
        let entries = try reader.array(
            of: RememberedOutcomes.Entry.self, limit: RememberedOutcomes.capacity, "remembered outcomes")
        guard let remembered = RememberedOutcomes(entries, now: now) else { throw .impossible("remembered outcomes") }
        self.remembered = remembered
    }
}

extension Array {
    /// Whether each element's key is greater than the one before.
    fileprivate func ascend(by key: (Element) -> some Comparable) -> Bool {
        zip(self, dropFirst()).allSatisfy { key($0) < key($1) }
    }
}

extension ServiceRecord: Persisted {
    func write(to writer: inout ByteWriter) {
        writer.put(registration)
        writer.put(isRegistered)
        writer.put(optional: primary) { $0.put($1) }
        writer.put(overrides.all)
        writer.put(changedAt)
    }

    init(from reader: inout ByteReader) throws(CatalogFormatError) {
        registration = try ServiceRegistration(from: &reader)
        isRegistered = try reader.flag()
        primary = try reader.optional { reader throws(CatalogFormatError) in try PrimaryRecord(from: &reader) }
        let overrides = try reader.array(of: Override.self, limit: Catalog.maximumOverrides, "overrides")
        changedAt = try reader.number()
        if registration.refusal != nil { throw .impossible("registration") }
        if isRegistered, registration.hasPrimary, primary == nil { throw .impossible("service without its primary") }
        for override in overrides {
            guard override.target.service == registration.name else { throw .impossible("target of an override") }
            self.overrides.set(override)
        }
        // Sorted input keeps its order when inserted; otherwise it was out of order or had duplicates.
        guard self.overrides.all == overrides else { throw .impossible("order of overrides") }
    }
}

extension PrimaryRecord: Persisted {
    func write(to writer: inout ByteWriter) {
        writer.put(state.isSwitching)
        writer.put(state.origin)
        writer.put(state.target)
        writer.put(state.epoch)
        writer.put(cause)
        writer.put(index)
        writer.put(optional: home) { $0.put($1) }
        writer.put(moves)
    }

    init(from reader: inout ByteReader) throws(CatalogFormatError) {
        let isSwitching = try reader.flag()
        let origin: DatacenterName = try reader.name()
        let target: DatacenterName = try reader.name()
        let epoch = try Epoch(from: &reader)
        guard isSwitching || origin == target else { throw .impossible("primary") }
        state = isSwitching ? .switching(from: origin, to: target, epoch) : .stable(target, epoch)
        cause = try PrimaryCause(from: &reader)
        index = try reader.number()
        home = try reader.optional { reader throws(CatalogFormatError) in try reader.name() }
        moves = try reader.array(limit: Self.rememberedMoves, "moves")
    }
}

extension AutomaticMove: Persisted {
    func write(to writer: inout ByteWriter) {
        writer.put(at)
        writer.put(from)
        writer.put(to)
        writer.put(epoch)
        writer.put(wasWithinCooldown)
    }

    init(from reader: inout ByteReader) throws(CatalogFormatError) {
        at = try UnixTime(from: &reader)
        from = try reader.name()
        to = try reader.name()
        epoch = try Epoch(from: &reader)
        wasWithinCooldown = try reader.flag()
    }
}

extension RememberedOutcomes.Entry: Persisted {
    func write(to writer: inout ByteWriter) {
        writer.put(key)
        writer.put(digest)
        writer.put(outcome)
        writer.put(time)
    }

    init(from reader: inout ByteReader) throws(CatalogFormatError) {
        key = try reader.text(limit: Catalog.maximumNameLength)
        digest = try reader.number()
        outcome = try CatalogOutcome(from: &reader)
        time = try UnixTime(from: &reader)
    }
}
