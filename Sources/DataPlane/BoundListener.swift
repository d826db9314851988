// Owns a listener that is bound and not served yet: its sockets, one a worker, and its TLS.
internal import Proactor
internal import Routing

/// A listener with all that its workers need.
struct BoundListener: Sendable {
    let definition: ListenerDefinition
    let sockets: [ListeningSocket]
    /// nil: its clients speak without TLS.
    let security: ListenerSecurity?

    /// Hands each worker its socket.
    func open(on hosts: [LoopHost<Worker>]) {
        let (definition, security) = (definition, security)
        for (host, socket) in zip(hosts, sockets) { host.post { $0.open(definition, security, on: socket) } }
    }

    /// Lets the sockets go.
    func close() { for socket in sockets { socket.close() } }
}
