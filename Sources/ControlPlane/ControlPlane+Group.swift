// Owns how other threads ask the group for anything but changes of the catalog.
public import Catalog
internal import Failover
internal import Proactor
public import Topology

extension ControlPlane {
    /// Proposes a command on this node only if it leads: `.notLeader` otherwise. See `propose(_:completion:)`.
    public func proposeAsLeader(
        _ command: CatalogCommand, completion: @escaping @Sendable (ProposalOutcome) -> Void
    ) -> Bool {
        control.post { $0.proposeAsLeader(command, completion) }
    }

    /// Completes with `.readable` once `snapshot` shows everything that the group had acknowledged before the call.
    ///
    /// - Returns: false when too much waits; `completion` will not be called.
    public func confirmRead(completion: @escaping @Sendable (LeaderAnswer) -> Void) -> Bool {
        control.post { $0.confirmRead(completion) }
    }

    /// Asks the leader why the primary of a service is where it is, or says that no leader is known.
    ///
    /// - Returns: false when too much waits; `completion` will not be called.
    public func explain(_ service: ServiceName, completion: @escaping @Sendable (LeaderAnswer) -> Void) -> Bool {
        control.post { $0.explain(service, completion) }
    }

    /// Changes the group itself; the leader does it.
    ///
    /// - Parameter forwards: false: only if this node leads.
    /// - Returns: false when too much waits; `completion` will not be called.
    public func changeGroup(
        _ change: GroupChange, forwards: Bool = true, completion: @escaping @Sendable (LeaderAnswer) -> Void
    ) -> Bool {
        control.post { $0.changeGroup(change, forwards: forwards, completion) }
    }
}

/// What an operator may want of the group itself.
public struct GroupChange: Hashable, Sendable {
    public enum Wish: Hashable, Sendable {
        /// Gives an observer a vote.
        case addVoter(NodeID)
        case remove(NodeID)
        /// Makes another voter lead; nil: the best of them.
        case transfer(to: NodeID?)
    }

    public var wish: Wish
    public var author: String
    public var reason: String
    /// Removes even if the remaining voters that answer are no quorum.
    public var force: Bool

    public init(_ wish: Wish, author: String, reason: String = "", force: Bool = false) {
        self.wish = wish
        self.author = author
        self.reason = reason
        self.force = force
    }
}

extension ControlLoop {
    fileprivate func proposeAsLeader(_ command: CatalogCommand, _ completion: @escaping (ProposalOutcome) -> Void) {
        let leader = ledger.standing.leader
        guard leader == settings.node else { return completion(.notLeader(leader)) }
        propose(command, completion)
    }

    fileprivate func confirmRead(_ completion: @escaping (LeaderAnswer) -> Void) {
        guard let groupDesk else {
            return whenPublished { [ledger] in completion(.readable(ledger.catalog.appliedIndex)) }
        }
        groupDesk.questions.read { [weak self] answer in
            guard let self, case .readable = answer else { return completion(answer) }
            whenPublished { completion(answer) }
        }
    }

    fileprivate func explain(_ service: ServiceName, _ completion: @escaping (LeaderAnswer) -> Void) {
        let catalog = ledger.catalog
        let record = catalog.primaryRecord(of: service)
        func undecided(_ kind: String, _ text: String) {
            completion(.explained(FailoverReport(undecided: .init(kind: kind, text: text), of: service, record)))
        }
        guard catalog.registration(of: service) != nil else {
            return completion(.refused(.init(kind: .notFound, reason: "there is no service '\(service)'")))
        }
        guard record != nil else {
            return undecided(FailoverHold.Kind.noPrimary.rawValue, "\(FailoverHold.noPrimary)")
        }
        guard let groupDesk else {
            return undecided("alone", "the node is a group of one: nobody agrees with it, and nothing moves by itself")
        }
        groupDesk.questions.ask(.explain(service: service.text)) { answer in
            guard case .unavailable(let reason, nil) = answer else { return completion(answer) }
            undecided("no_leader", "\(reason): without a leader nothing moves")
        }
    }

    fileprivate func changeGroup(
        _ change: GroupChange, forwards: Bool, _ completion: @escaping (LeaderAnswer) -> Void
    ) {
        guard let groupDesk else {
            let reason = "the node is a group of one: its settings have no 'cluster'"
            return completion(.refused(.init(kind: .conflict, reason: reason)))
        }
        let request = LeaderQuestion.Request(author: change.author, reason: change.reason, force: change.force)
        let question: LeaderQuestion =
            switch change.wish {
            case .addVoter(let id): .addVoter(id: id.text, by: request)
            case .remove(let id): .removeMember(id: id.text, by: request)
            case .transfer(let id): .transfer(id: id?.text, by: request)
            }
        groupDesk.questions.ask(question, forwards: forwards, completion)
    }
}
