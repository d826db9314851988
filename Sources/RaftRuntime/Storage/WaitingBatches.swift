// Owns the batches that wait for the disk, and how long the oldest has waited.
internal import Raft

/// A queue with limits. Batches that were taken count as waiting until they are durable.
struct WaitingBatches: Sendable {
    /// Limits of the queue and of the groups taken from it.
    struct Limits: Hashable, Sendable {
        var batches = 65_536
        var bytes = 512 << 20
        /// The limit of one group, which one write and one fdatasync make durable.
        var groupBatches = 1_024
        var groupBytes = 8 << 20
    }

    let limits: Limits
    private var waiting: [(batch: PersistBatch, cost: Int, since: Int64)] = []
    private var bytes = 0
    private var takenBytes = 0
    /// Since when the group that is being written has waited.
    private var takenSince: Int64?

    init(_ limits: Limits) { self.limits = limits }

    var isEmpty: Bool { waiting.isEmpty }
    /// When the oldest batch that is not durable came; nil when all are.
    var oldest: Int64? { takenSince ?? waiting.first?.since }

    /// Adds a batch. A batch of any size fits into an empty queue.
    ///
    /// - Returns: false when the queue is full.
    mutating func add(_ batch: PersistBatch, at now: Int64) -> Bool {
        let cost = 64 + batch.entries.reduce(0) { $0 + $1.cost } + (batch.snapshot?.bytes.count ?? 0)
        let isRoomy = waiting.count < limits.batches && cost <= limits.bytes - bytes - takenBytes
        guard isRoomy || oldest == nil else { return false }
        waiting.append((batch, cost, now))
        bytes += cost
        return true
    }

    /// The next group: everything that waits, within the limits, but at least one batch.
    mutating func take() -> [PersistBatch] {
        var (count, sum) = (0, 0)
        for each in waiting.prefix(limits.groupBatches) {
            guard count == 0 || sum + each.cost <= limits.groupBytes else { break }
            sum += each.cost
            count += 1
        }
        let group = waiting.prefix(count).map(\.batch)
        takenSince = waiting.first?.since
        takenBytes = sum
        bytes -= sum
        waiting.removeFirst(count)
        return group
    }

    /// The group that was taken is durable.
    mutating func finish() {
        takenSince = nil
        takenBytes = 0
    }
}
