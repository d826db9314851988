// Owns what the control loop looks at for the node's log from time to time, where nothing tells it of a change.
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
