// Owns looking up host names for loops that must not wait: one thread, one lookup after the other, a bounded queue.
internal import Synchronization
public import Topology

/// Asks the system's name service on a thread of its own. Safe from every thread.
public final class Resolver: Sendable {
    /// The most lookups that wait; more are refused.
    public static let limit = 1_024

    /// What a lookup came to: at least one address in the system's order of preference, or what the service said.
    public typealias Answer = Result<[SocketAddress], SystemError>

    private let host: LoopHost<Void>
    private let waiting = Atomic<Int>(0)

    /// Starts the thread.
    // Inlined into another module, it makes the optimiser of Swift 6.3 fail its own check of ownership.
    @inline(never)
    public init() throws(SystemError) {
        var buffers = LoopBuffers.modest
        buffers.smallCount = 1
        buffers.largeCount = 1
        host = try LoopHost.start(name: "resolver", io: .epoll, buffers: buffers) { _ throws(SystemError) in }
    }

    /// Ends the thread once the lookup that it is at has come back; the others are dropped without an answer. Does not
    /// wait: a name service may take half a minute to say no.
    deinit { host.requestStop() }

    /// Looks an address up. `completion` runs on the thread of `loop`, at a later turn, also for a numeric address.
    ///
    /// - Returns: false when too many lookups wait; the completion will not run.
    public func resolve(
        _ address: Address, on loop: Mailbox, completion: @escaping @Sendable (Answer) -> Void
    ) -> Bool {
        guard waiting.add(1, ordering: .relaxed).newValue <= Self.limit else {
            waiting.subtract(1, ordering: .relaxed)
            return false
        }
        let accepted = host.post { [weak self] _ in
            guard let self else { return }
            self.waiting.subtract(1, ordering: .relaxed)
            let answer = Self.lookUp(address)
            loop.post { completion(answer) }
        }
        if !accepted { waiting.subtract(1, ordering: .relaxed) }
        return accepted
    }

    private static func lookUp(_ address: Address) -> Answer {
        do throws(SystemError) {
            let found = try SocketAddress.resolve(address)
            // A Unix path that does not fit is the one case without an address and without an error.
            return found.isEmpty ? .failure(SystemError(code: 22, action: "resolve \(address)")) : .success(found)
        } catch {
            return .failure(error)
        }
    }
}
