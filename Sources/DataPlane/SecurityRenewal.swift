// Owns what a reload does to the TLS of listeners: read before anything is changed, taken all at once.
internal import Routing
internal import Topology

/// The TLS of all listeners after a reload.
struct SecurityRenewal: Sendable {
    /// By listener.
    private(set) var securities: [ListenerName: ListenerSecurity] = [:]
    /// What is wrong with certificates in whose place the ones from before stay in use.
    private(set) var complaints: [String] = []
    private var renewed: [(security: ListenerSecurity, material: ListenerSecurity.Material)] = []

    /// Reads all files. Reads the disk.
    ///
    /// - Parameters:
    ///   - staying: listeners whose sockets are not touched.
    ///   - current: what they have now.
    /// - Throws: why a listener could not speak TLS; nothing was changed.
    init(
        _ listeners: [ListenerDefinition], staying: [ListenerName], _ current: [ListenerName: ListenerSecurity],
        _ tickets: SessionTickets
    ) throws(ListenerSecurityFailure) {
        for listener in listeners where listener.tls != nil {
            if let security = current[listener.name], staying.contains(listener.name) {
                let material = try security.read(listener)
                complaints += material.complaints
                renewed.append((security, material))
                securities[listener.name] = security
            } else {
                securities[listener.name] = try ListenerSecurity(listener, tickets)
            }
        }
    }

    /// New connections use what was read.
    func apply() { for (security, material) in renewed { security.use(material) } }
}
