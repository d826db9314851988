// Tests the bytes in which leases are asked for and granted: what is written can be read, and garbage cannot.
import Catalog
import Switching
import Testing
import Topology

@testable import ControlPlane

@Suite("The bytes of leases")
struct LeaseCodingTests {
    private static let shop = ServiceName("shop")
    private static let epoch = Epoch(formation: 1_700_000_000)
    private static let request = LeaseRequest(
        process: .max, number: 7, appliedIndex: 812,
        acknowledgements: [EpochAcknowledgement(service: shop, epoch: epoch)])
    private static let grant = LeaseGrant(
        process: 3, number: 7, lease: .milliseconds(1_200), without: [shop, ServiceName("orders")])

    @Test func whatIsWrittenIsRead() {
        #expect(LeaseRequest(Self.request.encoded) == Self.request)
        #expect(LeaseRequest(LeaseRequest(process: 1, number: 2, appliedIndex: 3).encoded)?.acknowledgements == [])
        #expect(LeaseGrant(Self.grant.encoded) == Self.grant)
        let acknowledgement = EpochAcknowledgement(service: Self.shop, epoch: Self.epoch)
        #expect(EpochAcknowledgement(acknowledgement.encoded) == acknowledgement)
    }

    /// Every beginning of the bytes, and the bytes with one more.
    @Test func whatIsCutOrGoesOnIsNotRead() {
        let (request, grant) = (Self.request.encoded, Self.grant.encoded)
        for count in request.indices { #expect(LeaseRequest(Array(request.prefix(count))) == nil) }
        for count in grant.indices { #expect(LeaseGrant(Array(grant.prefix(count))) == nil) }
        #expect(LeaseRequest(request + [0]) == nil)
        #expect(LeaseGrant(grant + [0]) == nil)
    }

    /// A lease that lasts forever, for no time or for a negative time is invalid.
    @Test func impossibleLeasesAreNotRead() {
        for lease in [Duration.zero, .seconds(-1), .seconds(301)] {
            #expect(LeaseGrant(LeaseGrant(process: 1, number: 1, lease: lease).encoded) == nil)
        }
    }
}
