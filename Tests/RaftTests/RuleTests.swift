// Owns the tests of rules that show only with messages made by hand: V1, V2, V6, C3, C7, the policy, ranks and rounds.
import Raft
import Testing
import Topology

struct RuleTests {
    /// V1 (thesis §4.2.3): neither mode deposes a leader that was heard within the shortest election timeout.
    @Test(arguments: [VoteRequest.Mode.raft, .collect])
    func leaderThatWasHeardIsNotDeposed(_ mode: VoteRequest.Mode) {
        let voter = SingleCore()
        _ = voter.hear(.heartbeat(Heartbeat(round: 1, commit: .zero)), term: 2)
        voter.now = voter.now + .milliseconds(999)
        #expect(voter.hear(.preVote(request(position(2, 9), mode: mode)), term: 3, from: 2).verdicts == [.leaderAlive])
        #expect(voter.hear(.vote(request(position(2, 9), mode: mode)), term: 3, from: 2).verdicts == [.leaderAlive])
        #expect(voter.core.term == Term(2))
        voter.now = voter.now + .milliseconds(2)
        #expect(voter.hear(.vote(request(position(2, 9), mode: mode)), term: 3, from: 2).verdicts == [.granted])
    }

    /// V2 (Raft §5.2): the one vote of a term outlives a restart, and is given again only to the same candidate.
    @Test func voteOutlivesARestart() {
        let voter = SingleCore { $0.hardState = HardState(term: Term(4), votedFor: Cluster.name(1)) }
        #expect(voter.hear(.vote(request(position(3, 9), mode: .collect)), term: 4, from: 2).verdicts == [.voted])
        #expect(voter.hear(.vote(request(position(3, 9), mode: .collect)), term: 4, from: 1).verdicts == [.granted])
    }

    /// V6: a voter that no longer has the log that it reported gives no entries away.
    @Test func holderWithAnotherLogAnswersAMiss() {
        let node = SingleCore(terms: [Term(1)])
        _ = node.hear(.vote(request(position(1, 1), mode: .collect)), term: 2)
        let other = Fetch(previous: position(1, 1), target: position(1, 3))
        let miss = FetchReply(target: other.target, previous: other.previous, content: .miss)
        #expect(node.hear(.fetch(other), term: 2).messages == [node.message(.fetchReply(miss), term: 2)])
    }

    /// C3: the best log has the greatest last term, however much longer another one is.
    @Test func bestLogIsOfTheGreaterTerm() {
        let node = SingleCore(policy: .paxos)
        _ = node.tickAtDeadline()
        func promise(_ last: LogPosition) -> VoteReply {
            VoteReply(requestTerm: Term(5), verdict: .granted, last: last, snapshot: .zero, bytesSinceCommit: 0)
        }
        _ = node.hear(
            .preVoteReply(
                VoteReply(
                    requestTerm: Term(2), verdict: .stale, last: .zero, snapshot: .zero, bytesSinceCommit: 0)), term: 4)
        node.sync()
        _ = node.tickAtDeadline()
        _ = node.hear(.preVoteReply(promise(position(1, 90))), term: 4)
        #expect(node.core.term == Term(5))
        _ = node.hear(.voteReply(promise(position(3, 2))), term: 5, from: 2)
        _ = node.hear(.voteReply(promise(position(1, 90))), term: 5, from: 1)
        let fetched = node.give(.persisted(PersistToken(2))).messages
        let fetch = Fetch(previous: position(1, 1), target: position(3, 2))
        #expect(fetched.contains(node.message(.fetch(fetch), term: 5, to: 2)))
    }

    /// C7: others wait for a collecting candidate, but only once in a term.
    @Test func collectingRestartsTheTimerOnceATerm() {
        let node = SingleCore()
        _ = node.hear(.vote(request(position(1, 1), mode: .collect)), term: 2)
        let first = node.core.nextDeadline
        node.now = node.now + .milliseconds(500)
        _ = node.hear(.collecting, term: 2)
        let second = node.core.nextDeadline
        #expect(second > first)
        node.now = node.now + .milliseconds(500)
        _ = node.hear(.collecting, term: 2)
        #expect(node.core.nextDeadline == second)
    }

    /// Policy 1: a node of top priority that lags a little collects at once; one that lags far behind leaves it to the
    /// others.
    @Test(arguments: [(256 << 10, true), (256 << 10 + 1, false)])
    func topPriorityCollectsWhereItLagsALittle(_ lag: Int, _ collects: Bool) {
        let members = (0..<3).map { Cluster.member($0, rank: $0) }
        let node = SingleCore(configuration: Configuration(cluster: 7, members: members))
        _ = node.tickAtDeadline()
        let behind = VoteReply(
            requestTerm: Term(2), verdict: .logBehind, last: position(1, 5), snapshot: .zero, bytesSinceCommit: lag)
        _ = node.hear(.preVoteReply(behind), term: 1, from: 1)
        let asked = node.hear(.preVoteReply(behind), term: 1, from: 2).messages.compactMap { message in
            if case .preVote(let request) = message.body { request.mode } else { nil }
        }
        #expect(asked == (collects ? [.collect, .collect] : []))
    }

    /// Rank r waits r × 0.5 × the timeout longer.
    @Test(arguments: 0..<4)
    func rankDelaysTheElection(_ rank: Int) {
        let members = [Cluster.member(0, rank: rank), Cluster.member(1), Cluster.member(2)]
        let node = SingleCore(configuration: Configuration(cluster: 7, members: members))
        let wait = node.core.nextDeadline - .zero
        let least = Duration.seconds(1) + .milliseconds(500) * rank
        #expect(wait >= least && wait <= least + .seconds(1))
    }

    /// Each commit repeats the round, which is answered once; the next round is answered again.
    @Test func roundIsAnsweredOnce() {
        let node = SingleCore()
        let beat = { (round: UInt64, term: UInt64) in
            node.hear(.heartbeat(Heartbeat(round: round, commit: .zero)), term: term).messages.count
        }
        #expect([beat(1, 2), beat(1, 2), beat(2, 2), beat(2, 2), beat(1, 3)] == [1, 0, 1, 0, 1])
    }
}
