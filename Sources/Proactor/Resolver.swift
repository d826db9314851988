// Owns looking up host names for loops that must not wait: side by side on threads that live while there is work.
internal import Synchronization
public import Topology

/// Asks the system's name service, for several names at a time, so that one that answers late delays no other. Safe from
/// every thread.
public final class Resolver: Sendable {
    /// The most lookups that wait; more are refused.
    public static let limit = 1_024

    /// What a lookup came to: at least one address in the system's order of preference, or what the service said.
    public typealias Answer = Result<[SocketAddress], SystemError>

    private struct Job {
        var address: Address
        var completion: @Sendable (Answer) -> Void
        var loop: Mailbox
    }

    /// What the threads hold on to; the resolver itself may go before them.
    private final class Shared: Sendable {
        let queue = Mutex(LookupQueue<Job>(limit: Resolver.limit))
        let lookUp: @Sendable (Address) -> Answer
        init(_ lookUp: @escaping @Sendable (Address) -> Answer) { self.lookUp = lookUp }

        /// Carries lookups out until none is to be begun. On a thread of its own.
        func run(_ first: (job: Job, urgency: LookupUrgency)) {
            var next: (job: Job, urgency: LookupUrgency)? = first
            while let (job, urgency) = next {
                let answer = lookUp(job.address)
                let completion = job.completion
                job.loop.post { completion(answer) }
                next = queue.withLock { queue in
                    queue.finish(urgency)
                    return queue.start()
                }
            }
        }
    }

    private let shared: Shared

    public convenience init() { self.init { Self.lookUp($0) } }

    /// - Parameter lookUp: what asks; it may block.
    init(_ lookUp: @escaping @Sendable (Address) -> Answer) { shared = Shared(lookUp) }

    /// Ends each thread once the lookup that it is at has come back; the others are dropped without an answer. Does not
    /// wait: a name service may take half a minute to say no.
    deinit { shared.queue.withLock { $0.removeAll() } }

    /// Looks an address up. `completion` runs on the thread of `loop`, at a later turn, also for a numeric address. Answers
    /// come as they are known, in no order.
    ///
    /// - Returns: false when too many lookups wait; the completion will not run.
    public func resolve(
        _ address: Address, _ urgency: LookupUrgency = .first, on loop: Mailbox,
        completion: @escaping @Sendable (Answer) -> Void
    ) -> Bool {
        let job = Job(address: address, completion: completion, loop: loop)
        let (isAccepted, next) = shared.queue.withLock { queue in
            let isAccepted = queue.add(job, urgency)
            return (isAccepted, isAccepted ? queue.start() : nil)
        }
        if let next { begin(next) }
        return isAccepted
    }

    private func begin(_ next: (job: Job, urgency: LookupUrgency)) {
        do throws(SystemError) {
            try LoopThread.start(name: "resolver") { [shared] in shared.run(next) }.detach()
        } catch {
            shared.queue.withLock { $0.finish(next.urgency) }
            let completion = next.job.completion
            next.job.loop.post { completion(.failure(error)) }
        }
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
