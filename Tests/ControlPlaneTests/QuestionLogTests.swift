// Tests that the leader's log tells who changed the group once that is done, and not when it was refused.
import Logging
import Raft
import Testing
import Topology

@testable import ControlPlane

@Suite("The log of changes of the group")
struct QuestionLogTests {
    private let by = LeaderQuestion.Request(author: "ada", reason: "work", force: false)

    @Test func onlyWhatWasDoneIsTold() {
        let move = LeaderQuestion.transfer(id: "n2", by: by)
        #expect(move.logLine(.refused("'n2' is no voter")) == nil)
        #expect(move.logLine(.notLeader(nil)) == nil && move.logLine(.unknown) == nil)
        let about: [String: String?] = ["member": "n2", "author": "ada", "reason": "work"]
        #expect(move.logLine(.transferred(to: NodeID("n2"))) == LogLine(.notice, "leadership was handed on", about))
        let done = RaftOutcome.applied(LogIndex(7))
        #expect(
            LeaderQuestion.addVoter(id: "n2", by: by).logLine(done)
                == LogLine(.notice, "a member was given a vote", about))
        #expect(
            LeaderQuestion.removeMember(id: "n2", by: by).logLine(done)
                == LogLine(.notice, "a member was removed", about))
        #expect(LeaderQuestion.readIndex.logLine(.readable(LogIndex(7))) == nil)
        let anybody = LeaderQuestion.transfer(id: nil, by: .init(author: "ada", reason: "", force: false))
        #expect(anybody.logLine(.transferred(to: NodeID("n3")))?.metadata == ["member": "n3", "author": "ada"])
    }
}
