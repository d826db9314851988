// Owns the encoding of a node's observations for the leader.
internal import Failover
internal import Topology

/// What one node sees of all services with a primary. Its connection has proved which node it is.
struct ObservationReport: Hashable {
    struct Entry: Hashable {
        var service: ServiceName
        var views: [DatacenterView]
        /// How far behind the data of the node's own datacenter was, if the service has a lag gate.
        var lag: [LagSample] = []
    }

    private static let version: UInt8 = 3
    /// The most services and datacenters that are accepted from a peer.
    private static let mostServices = 4_096
    private static let mostViews = 64
    private static let mostSamples = 64

    /// The digest of the votes that the node has; the leader sends votes only if they differ.
    var knownVotes: UInt64
    /// When it was made, by the node's own clock. Reports may take different ways, and the leader ignores those older
    /// than what it has.
    var madeAt: Tick
    var entries: [Entry]

    init(_ entries: [Entry], madeAt: Tick, knownVotes: UInt64 = 0) {
        self.entries = entries
        self.madeAt = madeAt
        self.knownVotes = knownVotes
    }

    /// Little-endian; texts with a byte for their length, durations in milliseconds, -1 for none.
    var encoded: [UInt8] {
        var writer = ReportWriter()
        writer.put(Int64(Self.version), 1)
        writer.put(Int64(bitPattern: knownVotes))
        writer.put(madeAt.nanoseconds)
        writer.put(Int64(entries.count), 2)
        for entry in entries {
            writer.put(entry.service.text)
            writer.put(Int64(entry.views.count), 1)
            for view in entry.views {
                writer.put(view.datacenter.text)
                writer.put(Int64(view.share.healthy))
                writer.put(Int64(view.share.total))
                writer.put(view.downFor)
                writer.put(view.fitFor)
            }
            writer.put(Int64(entry.lag.count), 1)
            for sample in entry.lag {
                writer.put(sample.lag)
                writer.put(sample.age)
            }
        }
        return writer.bytes
    }

    /// - Returns: nil for what `encoded` never gives.
    init?(_ bytes: [UInt8]) {
        var reader = PeerBytesReader(bytes: bytes)
        guard reader.number(1) == Int64(Self.version), let known = reader.number(), let made = reader.number(),
            let count = reader.number(2), count <= Self.mostServices
        else { return nil }
        knownVotes = UInt64(bitPattern: known)
        madeAt = Tick(nanoseconds: made)
        entries = []
        for _ in 0..<count {
            guard let entry = reader.entry(mostViews: Self.mostViews, mostSamples: Self.mostSamples) else { return nil }
            entries.append(entry)
        }
        guard reader.isAtEnd else { return nil }
    }
}

extension PeerBytesReader {
    fileprivate mutating func entry(mostViews: Int, mostSamples: Int) -> ObservationReport.Entry? {
        guard let service = name(), let viewCount = number(1), viewCount <= mostViews else { return nil }
        var entry = ObservationReport.Entry(service: ServiceName(service), views: [])
        for _ in 0..<viewCount {
            guard let view = view() else { return nil }
            entry.views.append(view)
        }
        guard let sampleCount = number(1), sampleCount <= mostSamples else { return nil }
        for _ in 0..<sampleCount {
            guard let lag = duration().flatMap(\.self), let age = duration().flatMap(\.self) else { return nil }
            entry.lag.append(LagSample(lag: lag, age: age))
        }
        return entry
    }

    private mutating func view() -> DatacenterView? {
        guard let datacenter = name(), let healthy = number(), let total = number(), let down = duration(),
            let fit = duration()
        else { return nil }
        return DatacenterView(
            datacenter: DatacenterName(datacenter),
            share: HealthShare(healthy: Int(clamping: healthy), total: Int(clamping: total)), downFor: down,
            fitFor: fit)
    }
}
