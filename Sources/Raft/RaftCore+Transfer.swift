// Owns the planned change of the leader (thesis §3.10).
internal import Topology

/// A transfer in progress: proposals are refused while the target catches up; then it is told to campaign.
struct Transfer: Sendable {
    var request: RaftRequestID
    var target: NodeID
    var deadline: Tick
    var wasTold = false
}

/// A transfer whose leader has stepped down: it succeeded if the target leads next.
struct HandedOver: Sendable {
    var request: RaftRequestID
    var target: NodeID
    var deadline: Tick
}

extension RaftCore {
    mutating func transfer(to wanted: NodeID?, _ request: RaftRequestID) {
        guard role == .leader, let leadership else { return refuseAsFollower(request) }
        guard leadsFully else { return refuse(request, "the leader has only begun to lead") }
        guard leadership.transfer == nil else { return refuse(request, "leadership is being handed over already") }
        if wanted == id {
            pending.append(.answer(request, .transferred(to: id)))
            return
        }
        guard let target = wanted ?? successor else { return refuse(request, "there is no other voter that answers") }
        let isVoter = configuration.members.contains { $0.id == target && $0.role == .voter }
        guard isVoter else { return refuse(request, "\(target) is no voter of the group") }
        let transfer = Transfer(request: request, target: target, deadline: now + electionTimeout)
        self.leadership?.transfer = transfer
        checkTransfer()
    }

    /// The best voter to lead next: of those that answer, the one with the longest log, then the best rank, then the
    /// lowest id.
    var successor: NodeID? {
        let candidates = configuration.members.compactMap { member -> (Member, Progress)? in
            guard member.role == .voter, let place = leadership?.place(of: member.id),
                let progress = leadership?.progress[place], progress.lastHeard + electionTimeout > now
            else { return nil }
            return (member, progress)
        }
        return candidates.min { left, right in
            (right.1.match, left.0.rank, left.0.id) < (left.1.match, right.0.rank, right.0.id)
        }?.0.id
    }

    /// Tells the target to campaign once it has the whole log; gives up after an election timeout.
    mutating func checkTransfer() {
        guard role == .leader, let transfer = leadership?.transfer else { return }
        if transfer.deadline <= now {
            leadership?.transfer = nil
            return refuse(transfer.request, "\(transfer.target) did not take over in time")
        }
        guard !transfer.wasTold, let place = leadership?.place(of: transfer.target),
            leadership?.progress[place].match == log.last.index
        else { return }
        leadership?.transfer?.wasTold = true
        send(.campaignNow, to: transfer.target)
    }

    /// A leader that must step down tells the best of the others to campaign at once.
    mutating func callSuccessor() {
        guard let successor else { return }
        send(.campaignNow, to: successor)
    }

    mutating func answerHandOver(ledBy leader: NodeID?) {
        guard let handedOver else { return }
        self.handedOver = nil
        let isDone = leader == handedOver.target
        pending.append(
            .answer(handedOver.request, isDone ? .transferred(to: handedOver.target) : .notLeader(leader)))
    }
}
