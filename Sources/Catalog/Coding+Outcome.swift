// Owns the bytes of outcomes: a snapshot carries those that are remembered for retries.
internal import Topology

extension CatalogOutcome: Persisted {
    func write(to writer: inout ByteWriter) {
        switch self {
        case .applied(let index, let changed):
            writer.put(changed)
            writer.put(index)
        case .refused(let refusal):
            writer.put(byte: 2)
            writer.put(refusal)
        }
    }

    init(from reader: inout ByteReader) throws(CatalogFormatError) {
        switch try reader.byte() {
        case 0: self = .applied(index: try reader.number(), changed: false)
        case 1: self = .applied(index: try reader.number(), changed: true)
        case 2: self = .refused(try CatalogRefusal(from: &reader))
        case let tag: throw .unknownTag(tag, of: "outcome")
        }
    }
}

extension CatalogRefusal: Persisted {
    func write(to writer: inout ByteWriter) {
        writer.put(byte: tag)
        switch self {
        case .unknownService(let service), .noPrimary(let service), .noDatacenters(let service),
            .epochsExhausted(let service), .wouldStopService(let service), .wouldRemoveMost(let service),
            .noSwitch(let service):
            writer.put(service)
        case .unknownDatacenter(let datacenter, let service), .targetTakesNoTraffic(let datacenter, let service),
            .wouldStopPrimary(let datacenter, let service):
            writer.put(datacenter)
            writer.put(service)
        case .unknownEndpoint(let address, let datacenter, let service):
            writer.put(address)
            writer.put(datacenter)
            writer.put(service)
        case .listedTwice(let text), .valueOutOfRange(let text): writer.put(text)
        case .weightOutOfRange(let weight): writer.put(Int64(weight))
        case .expiryInThePast, .frozen, .idempotencyKeyReused, .leaseChangedRecently: break
        case .indexMismatch(let number), .termIsOver(let number), .alreadyApplied(let number): writer.put(number)
        case .epochMismatch(let epoch): writer.put(epoch)
        case .textTooLong(let text, let limit), .tableFull(let text, let limit):
            writer.put(text)
            writer.put(Int64(limit))
        case .registrationChanged(let digest): writer.put(optional: digest) { $0.put($1) }
        case .unknownMember(let id): writer.put(id)
        }
    }

    private var tag: UInt8 {
        switch self {
        case .unknownService: 0
        case .unknownDatacenter: 1
        case .unknownEndpoint: 2
        case .noPrimary: 3
        case .noDatacenters: 4
        case .listedTwice: 5
        case .weightOutOfRange: 6
        case .expiryInThePast: 7
        case .indexMismatch: 8
        case .epochMismatch: 9
        case .epochsExhausted: 10
        case .targetTakesNoTraffic: 11
        case .wouldStopService: 12
        case .wouldStopPrimary: 13
        case .wouldRemoveMost: 14
        case .frozen: 15
        case .termIsOver: 16
        case .noSwitch: 17
        case .registrationChanged: 18
        case .valueOutOfRange: 19
        case .unknownMember: 20
        case .leaseChangedRecently: 21
        case .idempotencyKeyReused: 22
        case .textTooLong: 23
        case .tableFull: 24
        case .alreadyApplied: 25
        }
    }

    init(from reader: inout ByteReader) throws(CatalogFormatError) {
        switch try reader.byte() {
        case 0: self = .unknownService(try reader.name())
        case 1: self = .unknownDatacenter(try reader.name(), service: try reader.name())
        case 2:
            self = .unknownEndpoint(
                try Address(from: &reader), datacenter: try reader.name(), service: try reader.name())
        case 3: self = .noPrimary(try reader.name())
        case 4: self = .noDatacenters(try reader.name())
        case 5: self = .listedTwice(try reader.text(limit: Catalog.maximumReasonLength))
        case 6: self = .weightOutOfRange(Int(try reader.number(Int64.self)))
        case 7: self = .expiryInThePast
        case 8: self = .indexMismatch(current: try reader.number())
        case 9: self = .epochMismatch(current: try Epoch(from: &reader))
        case 10: self = .epochsExhausted(try reader.name())
        case 11: self = .targetTakesNoTraffic(try reader.name(), service: try reader.name())
        case 12: self = .wouldStopService(try reader.name())
        case 13: self = .wouldStopPrimary(try reader.name(), service: try reader.name())
        case 14: self = .wouldRemoveMost(try reader.name())
        case 15: self = .frozen
        case 16: self = .termIsOver(current: try reader.number())
        case 17: self = .noSwitch(try reader.name())
        case 18:
            self = .registrationChanged(
                current: try reader.optional { reader throws(CatalogFormatError) in try reader.number() })
        case 19: self = .valueOutOfRange(try reader.text(limit: Catalog.maximumReasonLength))
        case 20: self = .unknownMember(try reader.name())
        case 21: self = .leaseChangedRecently
        case 22: self = .idempotencyKeyReused
        case 23: self = .textTooLong(field: try reader.shortText(), limit: Int(try reader.number(Int64.self)))
        case 24: self = .tableFull(try reader.shortText(), limit: Int(try reader.number(Int64.self)))
        case 25: self = .alreadyApplied(index: try reader.number())
        case let tag: throw .unknownTag(tag, of: "refusal")
        }
    }
}

extension ByteReader {
    fileprivate mutating func shortText() throws(CatalogFormatError) -> String {
        try text(limit: Catalog.maximumNameLength)
    }
}
