// Owns the voter's side of a collection: the holder of the best log hands it to the candidate (Elections V5 and V6).
internal import Topology

extension RaftCore {
    /// V6: gives entries only in the term of the fetch, which the caller has checked, and only while its log is the
    /// target.
    mutating func answerFetch(_ fetch: Fetch, _ from: NodeID) {
        send(.fetchReply(reply(to: fetch)), to: from)
    }

    /// A fetch from an earlier term gets no answer: the log may have changed since the vote.
    mutating func answerStaleFetch(_ fetch: Fetch, _ message: RaftMessage) {
        guard mutations.contains(.fetchesAcrossTerms) else { return }
        let body = RaftMessage.Body.fetchReply(reply(to: fetch))
        pending.append(.send(RaftMessage(from: id, to: message.from, term: message.term, body), after: nil))
    }

    /// Names the log that it is a part of, so that the candidate sees whether that is still the best one.
    private func reply(to fetch: Fetch) -> FetchReply {
        let target = mutations.contains(.fetchesAcrossTerms) ? log.last : fetch.target
        return FetchReply(target: target, previous: fetch.previous, content: content(of: fetch))
    }

    private func content(of fetch: Fetch) -> FetchReply.Content {
        let isTarget = log.last == fetch.target || mutations.contains(.fetchesAcrossTerms)
        guard isTarget, !isCorrupt, role != .leader else { return .miss }
        if fetch.previous.index < log.before.index { return ownChunk(at: fetch.snapshotOffset) }
        if log.holds(fetch.previous) {
            let entries = log.entries(after: fetch.previous.index, cost: limits.messageBytes)
            return entries.isEmpty ? .miss : .entries(entries)
        }
        let limit = LogPosition(term: fetch.previous.term, index: min(fetch.previous.index, log.last.index))
        guard let hint = log.position(atMost: limit) else { return ownChunk(at: fetch.snapshotOffset) }
        return .conflict(hint)
    }

    private func ownChunk(at offset: Int) -> FetchReply.Content {
        guard let snapshot else { return .miss }
        return .snapshot(chunk(of: snapshot, at: offset))
    }

    /// Somebody is adopting a log. That is worth waiting for, but only once in each term.
    mutating func heardCollector(_ from: NodeID) {
        guard leader == nil, collectorTerm < term, role == .follower || role == .preCandidate else { return }
        collectorTerm = term
        if role == .preCandidate { becomeFollower() } else { restartElectionTimer() }
    }
}
