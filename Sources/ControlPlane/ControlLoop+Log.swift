// Owns what the control loop polls for the node's log, because no event reports a change of it.
internal import Logging
internal import Proactor
internal import Topology

extension ControlLoop {
    /// Called ten times a second.
    func lookAtLog() {
        let now = MonotonicClock.now
        let leader = ledger.standing.leader
        failover.show(log.follow(leases.strictServices(), leader: leader, now: now))
        for service in failover.endWithoutLease(at: now) { log.withoutLeaseEnded(service, now: now) }
        log.look(now: now)
    }
}
