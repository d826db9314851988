// Owns how the services in this node's settings are registered with its group.
internal import Catalog
internal import Logging
internal import Proactor
internal import Routing
internal import Topology

extension ControlLoop {
    /// Brings the catalog in line with this node's settings, as far as this node may.
    ///
    /// - Parameter before: the previous settings. In a group, only what this file changed is proposed, and only if the
    ///   group still has what the old file said: a node whose file disagrees obeys the group.
    /// - Returns: what the catalog refused, as far as is known now.
    func register(replacing before: [ServiceRegistration]) -> [String] {
        var refused: [String] = []
        if ledger.isAlone {
            let names = Set(settings.services.map(\.name))
            // Services are retired first, because the others may need their room.
            for service in catalog.services where !names.contains(service) { propose(.retireService(service)) }
            for registration in layout.registrations where catalog.registration(of: registration.name) != registration {
                propose(.registerService(registration), force: true) {
                    if case .decided(.refused(let reason)) = $0 { refused.append("\(reason)") }
                }
            }
            return refused
        }
        // There is no other file, so this one may even remove the primary's datacenter.
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

    /// Registers what no node of the group has registered yet: the first node to see a service does it.
    func registerMissing() {
        guard !ledger.isAlone, ledger.standing.hasQuorum else { return }
        let now = loop.now
        for registration in layout.registrations where catalog.registration(of: registration.name) == nil {
            if let asked = registering[registration.name], now - asked < .seconds(2) { continue }
            registering[registration.name] = now
            propose(.registerService(registration, replacing: .absent)) { [weak self] outcome in
                // A leader that has just begun accepts nothing yet. The next look tries again.
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
