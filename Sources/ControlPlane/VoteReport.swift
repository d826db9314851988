// Owns the encoding of the datacenters' votes, with which the leader answers a node's report.
internal import Catalog
public import Failover
public import Topology

/// How each voting datacenter votes on each datacenter of each service that has a primary.
public struct VoteReport: Hashable, Sendable {
    struct Place: Hashable {
        var datacenter: DatacenterName
        /// In the order of `voting`.
        var votes: [DatacenterVote]
    }

    struct Entry: Hashable {
        var service: ServiceName
        var places: [Place]
    }

    private static let version: UInt8 = 1
    /// A call may carry far more. In a group with more services than fit here, some votes are not shown.
    private static let mostBytes = 256 << 10
    private static let mostEntries = 4_096
    private static let mostPlaces = 64

    /// The voting datacenters, by name.
    var voting: [DatacenterName]
    /// By name of the service.
    var entries: [Entry]

    init(voting: [DatacenterName], entries: [Entry]) {
        self.voting = voting
        self.entries = entries
    }

    /// The votes on one datacenter of a service, by voting datacenter; nil where nothing is known.
    public func votes(
        on datacenter: DatacenterName, of service: ServiceName
    ) -> [(datacenter: DatacenterName, vote: DatacenterVote)]? {
        entries.first { $0.service == service }?.places.first { $0.datacenter == datacenter }.map { place in
            zip(voting, place.votes).map { ($0, $1) }
        }
    }

    var encoded: [UInt8] {
        var writer = ReportWriter()
        writer.put(Int64(Self.version), 1)
        writer.put(Int64(voting.count), 1)
        for datacenter in voting { writer.put(datacenter.text) }
        for entry in entries {
            var part = ReportWriter()
            part.put(entry.service.text)
            part.put(Int64(entry.places.count), 1)
            for place in entry.places {
                part.put(place.datacenter.text)
                for vote in place.votes { part.put(Int64(vote.code), 1) }
            }
            if writer.bytes.count + part.bytes.count > Self.mostBytes { break }
            writer.bytes += part.bytes
        }
        return writer.bytes
    }

    /// - Returns: nil for what `encoded` never gives.
    init?(_ bytes: [UInt8]) {
        var reader = PeerBytesReader(bytes: bytes)
        guard reader.number(1) == Int64(Self.version), let count = reader.number(1), count <= Self.mostPlaces else {
            return nil
        }
        voting = []
        for _ in 0..<count {
            guard let name = reader.name() else { return nil }
            voting.append(DatacenterName(name))
        }
        entries = []
        while !reader.isAtEnd {
            guard entries.count < Self.mostEntries, let service = reader.name(), let placeCount = reader.number(1),
                placeCount <= Self.mostPlaces
            else { return nil }
            var places: [Place] = []
            for _ in 0..<placeCount {
                guard let name = reader.name() else { return nil }
                var votes: [DatacenterVote] = []
                for _ in voting {
                    guard let code = reader.number(1), let vote = DatacenterVote(code: UInt8(code)) else { return nil }
                    votes.append(vote)
                }
                places.append(Place(datacenter: DatacenterName(name), votes: votes))
            }
            entries.append(Entry(service: ServiceName(service), places: places))
        }
    }

    /// What a node sends to say which votes it has, so that they are not sent again.
    static func digest(of bytes: [UInt8]) -> UInt64 { bytes.isEmpty ? 0 : StableHash.of(bytes: bytes) }
}

extension DatacenterVote {
    fileprivate var code: UInt8 {
        switch self {
        case .up: 0
        case .down: 1
        case .abstains: 2
        }
    }

    fileprivate init?(code: UInt8) {
        switch code {
        case 0: self = .up
        case 1: self = .down
        case 2: self = .abstains
        default: return nil
        }
    }
}
