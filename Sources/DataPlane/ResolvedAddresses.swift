// Owns the resolved addresses of endpoints: names are looked up off the workers, numbers at once.
internal import Balancing
internal import Catalog
internal import Proactor
internal import Routing
internal import Synchronization
internal import Topology

/// Resolved addresses by their text. Shared by all workers; read when a table is adopted, never for a request.
final class ResolvedAddresses: Sendable {
    private let resolved = Mutex<[Address: SocketAddress]>([:])

    /// The socket address; nil while a name has not been resolved.
    func lookUp(_ address: Address) -> SocketAddress? {
        if let numeric = SocketAddress(numeric: address) { return numeric }
        return resolved.withLock { $0[address] }
    }

    /// Takes in what the resolver found.
    func enter(_ address: Address, as socket: SocketAddress) { resolved.withLock { $0[address] = socket } }

    /// Forgets all other names.
    func keep(only names: Set<Address>) {
        resolved.withLock { known in known = known.filter { names.contains($0.key) } }
    }
}
