// Owns the bytes in which a node tells the leader what it sees.
internal import Failover
internal import Topology

/// What one node sees of all services that have a primary. Who it is, its connection has proved.
struct ObservationReport: Hashable {
    struct Entry: Hashable {
        var service: ServiceName
        var views: [DatacenterView]
    }

    private static let version: UInt8 = 1
    /// The most services and datacenters that a peer is believed to have.
    private static let mostServices = 4_096
    private static let mostViews = 64

    var entries: [Entry]

    init(_ entries: [Entry]) { self.entries = entries }

    /// Little-endian; texts with a byte for their length, durations in milliseconds, -1 for none.
    var encoded: [UInt8] {
        var bytes: [UInt8] = [Self.version]
        func add(_ number: Int64, _ count: Int = 8) {
            for shift in 0..<count { bytes.append(UInt8(truncatingIfNeeded: number >> (8 * Int64(shift)))) }
        }
        func add(_ text: String) {
            add(Int64(text.utf8.count), 1)
            bytes += text.utf8
        }
        func add(_ duration: Duration?) { add(duration.map { $0.wholeNanoseconds / 1_000_000 } ?? -1) }
        add(Int64(entries.count), 2)
        for entry in entries {
            add(entry.service.text)
            add(Int64(entry.views.count), 1)
            for view in entry.views {
                add(view.datacenter.text)
                add(Int64(view.share.healthy))
                add(Int64(view.share.total))
                add(view.downFor)
                add(view.fitFor)
            }
        }
        return bytes
    }

    /// - Returns: nil for what `encoded` never gives.
    init?(_ bytes: [UInt8]) {
        var reader = PeerBytesReader(bytes: bytes)
        guard reader.number(1) == Int64(Self.version), let count = reader.number(2), count <= Self.mostServices else {
            return nil
        }
        entries = []
        for _ in 0..<count {
            guard let service = reader.name(), let viewCount = reader.number(1), viewCount <= Self.mostViews else {
                return nil
            }
            var views: [DatacenterView] = []
            for _ in 0..<viewCount {
                guard let view = reader.view() else { return nil }
                views.append(view)
            }
            entries.append(Entry(service: ServiceName(service), views: views))
        }
        guard reader.isAtEnd else { return nil }
    }
}

extension PeerBytesReader {
    fileprivate mutating func view() -> DatacenterView? {
        guard let datacenter = name(), let healthy = number(), let total = number(), let down = duration(),
            let fit = duration()
        else { return nil }
        return DatacenterView(
            datacenter: DatacenterName(datacenter),
            share: HealthShare(healthy: Int(clamping: healthy), total: Int(clamping: total)), downFor: down,
            fitFor: fit)
    }
}
