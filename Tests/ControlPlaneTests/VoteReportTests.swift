// Owns the proof that votes reach the other nodes as the leader counted them, and that garbage does nothing.
import Failover
import Testing
import Topology

@testable import ControlPlane

@Suite struct VoteReportTests {
    private static let west = DatacenterName("west")
    private static let east = DatacenterName("east")
    private let report = VoteReport(
        voting: [Self.east, Self.west],
        entries: [
            .init(
                service: ServiceName("shop"),
                places: [
                    .init(datacenter: Self.west, votes: [.up, .abstains]),
                    .init(datacenter: Self.east, votes: [.down, .down]),
                ]),
            .init(service: ServiceName("empty"), places: []),
        ])

    @Test func whatWasEncodedIsReadBack() throws {
        let read = try #require(VoteReport(report.encoded))
        #expect(read == report)
        let votes = try #require(read.votes(on: Self.west, of: ServiceName("shop")))
        #expect(votes.map(\.datacenter) == [Self.east, Self.west] && votes.map(\.vote) == [.up, .abstains])
        #expect(read.votes(on: Self.west, of: ServiceName("empty")) == nil)
        #expect(read.votes(on: Self.west, of: ServiceName("none")) == nil)
        let empty = VoteReport(voting: [], entries: [])
        #expect(VoteReport(empty.encoded) == empty)
    }

    @Test func theDigestTellsReportsApart() {
        var other = report
        other.entries[0].places[0].votes[0] = .down
        #expect(VoteReport.digest(of: report.encoded) != VoteReport.digest(of: other.encoded))
        #expect(VoteReport.digest(of: []) == 0)
    }

    /// More services than fit are left out from the end; what is sent is whole.
    @Test func aLargeReportIsCutBetweenServices() throws {
        let places = (0..<64).map {
            VoteReport.Place(datacenter: DatacenterName("datacenter-\($0)"), votes: [.up, .up])
        }
        let entries = (0..<4_000).map { VoteReport.Entry(service: ServiceName("service-\($0)"), places: places) }
        let large = VoteReport(voting: [Self.east, Self.west], entries: entries)
        let bytes = large.encoded
        #expect(bytes.count <= 256 << 10)
        let read = try #require(VoteReport(bytes))
        #expect(read.entries == Array(entries.prefix(read.entries.count)) && read.entries.count > 100)
    }

    @Test func rubbishIsHarmless() {
        for length in 0..<report.encoded.count {
            if let read = VoteReport(Array(report.encoded[..<length])) { #expect(read.entries.count < 2) }
        }
        var random = RandomBits(seed: 4)
        for _ in 0..<20_000 {
            var bytes = report.encoded
            for _ in 0...random.below(4) { bytes[random.below(bytes.count)] = UInt8(random.below(256)) }
            guard let read = VoteReport(bytes) else { continue }
            for place in read.entries.flatMap(\.places) { #expect(place.votes.count == read.voting.count) }
        }
    }
}
