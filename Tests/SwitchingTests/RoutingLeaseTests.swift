// Tests a node's lease: counted from the send time, for the services it was granted for, and for its own process only.
import Switching
import Testing
import Topology

@Suite struct RoutingLeaseTests {
    private func grant(
        _ request: LeaseRequest, lease: Duration = .seconds(6), without: [ServiceName] = []
    ) -> LeaseGrant {
        LeaseGrant(process: request.process, number: request.number, lease: lease, without: without)
    }

    @Test func aProcessStartsWithoutOne() {
        let lease = RoutingLease(process: 7, lease: .seconds(6))
        #expect(lease.end(of: shop) == .zero)
        #expect(lease.nextRequest == .zero)
    }

    @Test func countsFromWhenItAsked() {
        var lease = RoutingLease(process: 7, lease: .seconds(6))
        let request = lease.request(appliedIndex: 3, now: at(1_000))
        #expect(request == LeaseRequest(process: 7, number: 1, appliedIndex: 3))
        #expect(lease.nextRequest == at(2_500))
        check(&lease, at: 5_000, [("late", grant(request), true)])
        #expect(lease.end(of: shop) == at(1_000 + 5_940))
    }

    @Test func theGroupsLengthCountsNotItsOwn() {
        var lease = RoutingLease(process: 7, lease: .seconds(6))
        let request = lease.request(appliedIndex: 3, now: at(1_000))
        _ = lease.receive(grant(request, lease: .seconds(2)), now: at(1_001))
        #expect(lease.end(of: shop) == at(2_980))
        lease.adopt(lease: .seconds(2))
        _ = lease.request(appliedIndex: 3, now: at(2_000))
        #expect(lease.nextRequest == at(2_500))
    }

    @Test func aShorterLeaseEndsNoEarlierThanWasPromised() {
        var lease = RoutingLease(process: 7, lease: .seconds(6))
        _ = lease.receive(grant(lease.request(appliedIndex: 1, now: at(0))), now: at(1))
        _ = lease.receive(grant(lease.request(appliedIndex: 1, now: at(100)), lease: .seconds(1)), now: at(101))
        #expect(lease.end(of: shop) == at(5_940))
    }

    @Test func whatItLagsBehindIsNotRenewed() {
        let files = ServiceName("files")
        var lease = RoutingLease(process: 7, lease: .seconds(6))
        _ = lease.receive(grant(lease.request(appliedIndex: 1, now: at(0))), now: at(1))
        _ = lease.receive(grant(lease.request(appliedIndex: 1, now: at(1_500)), without: [shop]), now: at(1_501))
        #expect(lease.end(of: shop) == at(5_940) && lease.end(of: files) == at(7_440))
        _ = lease.receive(grant(lease.request(appliedIndex: 1, now: at(3_000)), without: [shop]), now: at(3_001))
        #expect(lease.end(of: shop) == at(5_940) && lease.end(of: files) == at(8_940))
        _ = lease.receive(grant(lease.request(appliedIndex: 9, now: at(4_500))), now: at(4_501))
        #expect(lease.end(of: shop) == at(10_440))
    }

    /// Grants in the order in which they arrive, and whether each is taken.
    private func check(
        _ lease: inout RoutingLease, at time: Int64, _ cases: [(name: String, grant: LeaseGrant, isTaken: Bool)]
    ) {
        for row in cases {
            let isTaken = lease.receive(row.grant, now: at(time))
            #expect(isTaken == row.isTaken, "\(row.name)")
        }
    }

    @Test func dropsWhatItDidNotAskFor() {
        var lease = RoutingLease(process: 7, lease: .seconds(6))
        let first = lease.request(appliedIndex: 1, now: at(0))
        let second = lease.request(appliedIndex: 1, now: at(1_500))
        check(
            &lease, at: 1_600,
            [
                ("another process", LeaseGrant(process: 8, number: 1, lease: .seconds(6)), false),
                ("not asked yet", LeaseGrant(process: 7, number: 3, lease: .seconds(6)), false),
                ("no length", LeaseGrant(process: 7, number: 1, lease: .zero), false),
            ])
        #expect(lease.end(of: shop) == .zero)
        check(
            &lease, at: 1_700,
            [("newest", grant(second), true), ("overtaken", grant(first), false), ("twice", grant(second), false)])
        #expect(lease.end(of: shop) == at(7_440))
    }

    @Test func remembersEightRequests() {
        var lease = RoutingLease(process: 7, lease: .seconds(6))
        let requests = (0..<9).map { lease.request(appliedIndex: 1, now: at($0)) }
        check(&lease, at: 20, [("ninth", grant(requests[0]), false), ("eighth", grant(requests[1]), true)])
        #expect(lease.end(of: shop) == at(5_941))
    }
}
