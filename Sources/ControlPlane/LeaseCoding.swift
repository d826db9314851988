// Owns the encoding of messages about routing leases and acknowledgements.
internal import Catalog
internal import Switching
internal import Topology

/// Appends numbers, little-endian, and names, each after a byte for its length.
private struct PeerBytesWriter {
    var bytes: [UInt8]

    init(version: UInt8) { bytes = [version] }

    mutating func add(_ number: UInt64, _ count: Int = 8) {
        for shift in 0..<count { bytes.append(UInt8(truncatingIfNeeded: number >> (8 * UInt64(shift)))) }
    }

    mutating func add(_ name: some Name) {
        add(UInt64(name.text.utf8.count), 1)
        bytes += name.text.utf8
    }
}

/// The version of these forms.
private let version: UInt8 = 1

extension PeerBytesReader {
    fileprivate mutating func unsigned() -> UInt64? { number().map { UInt64(bitPattern: $0) } }
    fileprivate mutating func service() -> ServiceName? { name().map(ServiceName.init) }

    fileprivate mutating func acknowledgement() -> EpochAcknowledgement? {
        guard let service = service(), let number = unsigned(), let epoch = Epoch(value: number) else { return nil }
        return EpochAcknowledgement(service: service, epoch: epoch)
    }

    /// A list of at most as many elements as there may be services.
    fileprivate mutating func list<Element>(_ element: (inout PeerBytesReader) -> Element?) -> [Element]? {
        guard let count = number(2), count <= Catalog.maximumServices else { return nil }
        var elements: [Element] = []
        for _ in 0..<count {
            guard let next = element(&self) else { return nil }
            elements.append(next)
        }
        return elements
    }
}

extension EpochAcknowledgement {
    var encoded: [UInt8] {
        var writer = PeerBytesWriter(version: version)
        write(to: &writer)
        return writer.bytes
    }

    fileprivate func write(to writer: inout PeerBytesWriter) {
        writer.add(service)
        writer.add(epoch.value)
    }

    /// - Returns: nil for what `encoded` never gives.
    init?(_ bytes: [UInt8]) {
        var reader = PeerBytesReader(bytes: bytes)
        guard reader.number(1) == Int64(version), let read = reader.acknowledgement(), reader.isAtEnd else {
            return nil
        }
        self = read
    }
}

extension LeaseRequest {
    var encoded: [UInt8] {
        var writer = PeerBytesWriter(version: version)
        writer.add(process)
        writer.add(number)
        writer.add(appliedIndex)
        writer.add(UInt64(acknowledgements.count), 2)
        for each in acknowledgements { each.write(to: &writer) }
        return writer.bytes
    }

    /// - Returns: nil for what `encoded` never gives.
    init?(_ bytes: [UInt8]) {
        var reader = PeerBytesReader(bytes: bytes)
        guard reader.number(1) == Int64(version), let process = reader.unsigned(), let number = reader.unsigned(),
            let index = reader.unsigned(), let list = reader.list({ $0.acknowledgement() }), reader.isAtEnd
        else { return nil }
        self.init(process: process, number: number, appliedIndex: index, acknowledgements: list)
    }
}

extension LeaseGrant {
    var encoded: [UInt8] {
        var writer = PeerBytesWriter(version: version)
        writer.add(process)
        writer.add(number)
        writer.add(UInt64(bitPattern: lease.wholeNanoseconds))
        writer.add(UInt64(without.count), 2)
        for each in without { writer.add(each) }
        return writer.bytes
    }

    /// - Returns: nil for what `encoded` never gives.
    init?(_ bytes: [UInt8]) {
        var reader = PeerBytesReader(bytes: bytes)
        guard reader.number(1) == Int64(version), let process = reader.unsigned(), let number = reader.unsigned(),
            let lease = reader.number(), (1...300_000_000_000).contains(lease),
            let without = reader.list({ $0.service() }), reader.isAtEnd
        else { return nil }
        self.init(process: process, number: number, lease: .nanoseconds(lease), without: without)
    }
}
