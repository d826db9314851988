// Owns removals of members that wait for a sign of life from those that would remain.
internal import Proactor
internal import Raft
internal import Topology

/// Judges a removal by which members have answered the leader *since it was requested*. One that has just died may
/// still seem alive, and a change that the rest cannot commit would cost the group its quorum. On the control thread.
final class MemberRemovals: TimerHandler {
    /// The most removals that wait.
    static let limit = 64
    /// How often to check who has answered.
    private static let period = Duration.milliseconds(10)

    private struct Removal {
        var id: NodeID
        var force: Bool
        var since: Tick
        /// How long to wait; heartbeats are answered much sooner.
        var deadline: Tick
        var completion: (MembershipVerdict?) -> Void
    }

    private let loop: EventLoop
    /// The core while this node leads; nil when it does not.
    private let leading: () -> RaftCore?
    private var waiting: [Removal] = []
    private var timer: LoopTimer?

    init(_ loop: EventLoop, leading: @escaping () -> RaftCore?) {
        self.loop = loop
        self.leading = leading
    }

    /// - Parameter completion: runs once with the result; nil when this node no longer leads.
    func judge(_ id: NodeID, force: Bool, _ completion: @escaping (MembershipVerdict?) -> Void) {
        guard let core = leading(), waiting.count < Self.limit else { return completion(nil) }
        let now = MonotonicClock.now
        let deadline = now + core.configuration.timing.electionTimeout
        waiting.append(Removal(id: id, force: force, since: now, deadline: deadline, completion: completion))
        look()
    }

    func timerExpired(_ timer: LoopTimer) { look() }

    private func look() {
        let removals = waiting
        waiting = []
        for removal in removals { look(removal) }
        guard !waiting.isEmpty else { return }
        let timer = timer ?? loop.makeTimer(self)
        self.timer = timer
        timer.set(loop.now + Self.period)
    }

    private func look(_ removal: Removal) {
        guard let core = leading() else { return removal.completion(nil) }
        let verdict = MembershipVerdict.remove(removal.id, from: core.configuration, force: removal.force) { member in
            member == core.id || core.heard(from: member).map { $0 > removal.since } ?? false
        }
        if case .refused(let refusal) = verdict, refusal.kind == .conflict, MonotonicClock.now < removal.deadline {
            waiting.append(removal)
        } else {
            removal.completion(verdict)
        }
    }
}
