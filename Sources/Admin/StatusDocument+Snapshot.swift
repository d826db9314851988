// Owns how the status document is put together.
internal import Catalog
internal import ControlPlane
internal import Proactor
internal import Routing
internal import Settings
internal import Topology

extension StatusDocument {
    init(_ context: AdminContext, _ snapshot: ControlSnapshot) {
        let settings = context.node.settings
        node = settings.node.id.text
        datacenter = settings.node.datacenter.text
        version = context.version
        index = snapshot.catalog.appliedIndex
        ageMs = context.control.age.wholeNanoseconds / 1_000_000
        let standing = snapshot.standing
        quorum = standing.hasQuorum
        leader = standing.leader?.text
        term = standing.term
        forming = standing.forming
        diskFull = standing.diskFull
        frozen = snapshot.catalog.isFrozen
        if frozen { freeze = FreezeDocument(snapshot.catalog.freeze) }
        uptimeS = (EventLoop.clock() - context.started).wholeNanoseconds / 1_000_000_000
        // In memory there is no log, only changes.
        let applied = snapshot.catalog.appliedIndex
        members = standing.members.map {
            Member(
                id: $0.id.text, datacenter: $0.datacenter.text, role: $0.isVoter ? "voter" : "observer",
                reachable: $0.isReachable, applied: $0.applied ?? (standing.timing == nil ? applied : nil),
                failure: $0.failure)
        }
        let votes = KnownVotes(context)
        services = snapshot.table.services.map { ServiceDocument($0, snapshot.catalog, votes, context) }
    }
}
