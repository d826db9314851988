// Owns the rest of what a node in a group does, besides catalog and failover: questions to the leader, and its own
// record.
internal import Catalog
internal import Failover
internal import Proactor
internal import Raft
internal import RaftRuntime
internal import Topology

/// The affairs of the group other than the catalog's. On the control thread.
final class GroupDesk {
    let questions: LeaderQuestions
    private let ledger: GroupLedger
    private var records = MemberRecords()

    init(_ loop: EventLoop, _ keeper: FailoverKeeper, _ switches: SwitchDesk, _ settings: ControlSettings) {
        ledger = keeper.ledger
        questions = LeaderQuestions(loop, ledger, node: settings.node) { [unowned keeper, unowned switches] service in
            var report = keeper.report(on: service)
            let waits = switches.waits(of: service)
            if !waits.isEmpty { report?.waits = waits }
            return report
        }
    }

    /// Called ten times a second: makes the group know what this node is, and forget members that left.
    func look(_ settings: ControlSettings, now: Tick, wallClock: UnixTime) {
        guard let core = ledger.member?.driver?.member, core.leader != nil else { return }
        let own = core.configuration.members.first { $0.id == core.id && $0.incarnation == core.incarnation }
        let description = own.map {
            MemberDescription(
                id: $0.id, incarnation: $0.incarnation, datacenter: settings.datacenter,
                admin: settings.advertisedAdmin, version: settings.version)
        }
        let members = (core.configuration.members + (core.configuration.outgoing ?? [])).map {
            (id: $0.id, incarnation: $0.incarnation)
        }
        let changes = records.changes(
            own: description, members: members, ledger.catalog, leads: ledger.leads, now: now)
        for change in changes {
            let command = CatalogCommand(change, author: "group", proposedAt: wallClock)
            ledger.propose(command) { [weak self] outcome in
                if case .decided(.refused) = outcome { self?.records.wasRefused(change) }
            }
        }
    }
}
