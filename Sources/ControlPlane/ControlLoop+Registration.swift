// Owns how the services of this node's settings come to be known to its group.
internal import Catalog
internal import Logging
internal import Proactor
internal import Routing
internal import Topology

extension ControlLoop {
    /// Brings the catalog in line with the settings of this node, as far as they are its to say.
    ///
    /// - Parameter before: what the settings before these said. Of a group's services only what this file changed is
    ///   proposed, and only over what its older version said: a node whose file disagrees obeys the group.
    /// - Returns: what the catalog refused, as far as that is known now.
    func register(replacing before: [ServiceRegistration]) -> [String] {
        var refused: [String] = []
        if ledger.isAlone {
            let names = Set(settings.services.map(\.name))
            // Retired first: their room may be needed.
            for service in catalog.services where !names.contains(service) { propose(.retireService(service)) }
            for registration in layout.registrations where catalog.registration(of: registration.name) != registration {
                propose(.registerService(registration), force: true) {
                    if case .decided(.refused(let reason)) = $0 { refused.append("\(reason)") }
                }
            }
            return refused
        }
        // Its file is the only one there is: it may also take the primary's datacenter away.
        let isOnlyMember = ledger.standing.members.count == 1
        for registration in layout.registrations {
            guard let old = before.first(where: { $0.name == registration.name }), old != registration else { continue }
            propose(.registerService(registration, replacing: .digest(old.digest)), force: isOnlyMember) { outcome in
                guard case .decided(.refused(let reason)) = outcome else { return }
                Logger(label: "group").warning(
                    "the group does not take the new settings of a service, and goes on by the old ones: \(reason)",
                    metadata: ["service": "\(registration.name)"])
            }
        }
        registerMissing()
        return refused
    }

    /// Defines what no node of the group has defined yet: the first one to see a service does it.
    func registerMissing() {
        guard !ledger.isAlone, ledger.standing.hasQuorum else { return }
        let now = loop.now
        for registration in layout.registrations where catalog.registration(of: registration.name) == nil {
            if let asked = registering[registration.name], now - asked < .seconds(2) { continue }
            registering[registration.name] = now
            propose(.registerService(registration, replacing: .absent)) { [weak self] outcome in
                // A leader that has only begun takes nothing yet: the next look asks again.
                if case .decided = outcome { return }
                self?.registering[registration.name] = nil
            }
        }
    }

    private func propose(
        _ change: CatalogChange, force: Bool = false,
        _ completion: @escaping (ProposalOutcome) -> Void = { _ in }
    ) {
        let command = CatalogCommand(
            change, author: "settings", proposedAt: ControlPlane.wallClock(), force: force)
        ledger.propose(command, completion)
    }
}
