// Owns what the gates of services that follow a primary want of a client's connection.
internal import Balancing
internal import Catalog
internal import HTTPWire
internal import Proactor
internal import Routing
internal import Switching
internal import Synchronization
internal import Topology

extension HTTPSession {
    func cut(_ gate: WorkerGate, olderThan generation: UInt64) {
        guard let exchange, let pass = exchange.pass, pass.gate === gate, pass.generation < generation else { return }
        exchange.cut()
    }

    func cutUngated(_ service: ServiceRuntime) {
        guard let exchange, exchange.service === service, exchange.pass == nil else { return }
        exchange.cutUngated()
    }
}
