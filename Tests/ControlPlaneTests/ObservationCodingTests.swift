// Owns the proof that a node's observations reach the leader unchanged, and that garbage does nothing.
import Failover
import Switching
import Testing
import Topology

@testable import ControlPlane

@Suite struct ObservationCodingTests {
    private let report = ObservationReport(
        [
            .init(
                service: ServiceName("shop"),
                views: [
                    DatacenterView(
                        datacenter: DatacenterName("us-east"), share: HealthShare(healthy: 0, total: 12),
                        downFor: .milliseconds(2_345)),
                    DatacenterView(
                        datacenter: DatacenterName("eu-west"), share: HealthShare(healthy: 7, total: 7),
                        fitFor: .seconds(3_600)),
                ]),
            .init(service: ServiceName("empty"), views: []),
        ], madeAt: Tick(nanoseconds: 7_000_000_001))

    @Test func whatWasEncodedIsReadBack() {
        #expect(ObservationReport(report.encoded) == report)
        let empty = ObservationReport([ObservationReport.Entry](), madeAt: .zero)
        #expect(ObservationReport(empty.encoded) == empty)
    }

    @Test func aReportThatIsCutShortIsNone() {
        let bytes = report.encoded
        for length in 0..<bytes.count { #expect(ObservationReport(Array(bytes[..<length])) == nil) }
        #expect(ObservationReport(bytes + [0]) == nil)
    }

    /// Whatever a peer sends gives a report or nothing, but never a trap, and never a share out of bounds.
    @Test func rubbishIsHarmless() {
        var random = RandomBits(seed: 3)
        for _ in 0..<20_000 {
            var bytes = report.encoded
            for _ in 0...random.below(4) { bytes[random.below(bytes.count)] = UInt8(random.below(256)) }
            guard let read = ObservationReport(bytes) else { continue }
            for view in read.entries.flatMap(\.views) { #expect((0...view.share.total).contains(view.share.healthy)) }
        }
    }

    /// Reports go through peers, too, and one of them may be slow.
    @Test func anOlderReportIsNotTaken() {
        func at(_ seconds: Int) -> Tick { Tick(nanoseconds: Int64(seconds) * 1_000_000_000) }
        let a = LeaseHolder(id: NodeID("a"), incarnation: 1)
        let b = LeaseHolder(id: NodeID("b"), incarnation: 1)
        var order = ReportOrder()
        var reports = [(100, a), (99, a), (100, a), (1, b)]
        // The machine of a has restarted, and its clock began again.
        reports += [(5, a), (6, a)]
        let taken = reports.map { order.takes(at($0.0), of: $0.1) }
        #expect(taken == [true, false, true, true, true, true])
        order.forget(allBut: [b])
        let later = [(1, a), (0, b)].map { order.takes(at($0.0), of: $0.1) }
        #expect(later == [true, false])
    }
}
