// Owns the keys by which clients of this process resume TLS sessions, and when they change.
internal import Synchronization
internal import TLS
internal import Topology

/// The keys of all listeners. A group of nodes does not share them: a client resumes where it was before.
final class SessionTickets: Sendable {
    /// nil when the system gave no random bytes: then nothing is resumed.
    let ring: TicketKeyRing?
    private let changed: Mutex<Tick>

    init(now: Tick) {
        ring = (try? TicketKeys.random()).map { TicketKeyRing($0) }
        changed = Mutex(now)
    }

    /// Changes the keys when the newest has been in use for as long as a ticket lives.
    func rotateIfDue(now: Tick) {
        guard let ring else { return }
        changed.withLock { changed in
            guard now - changed >= TicketKeyRing.lifetime, let fresh = try? TicketKey.random() else { return }
            ring.keys = ring.keys.rotated(fresh)
            changed = now
        }
    }
}
