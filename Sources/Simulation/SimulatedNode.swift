// Owns one simulated node: its core, its disk, its clock, and what its shell holds.
internal import Catalog
internal import Raft
internal import Topology

/// A message in flight. Sender and receiver are those of the connection, not what the message claims.
struct Envelope: Sendable {
    var message: RaftMessage
    var sender: Int
    var receiver: Int
    var senderIncarnation: UInt64
    /// For a request, the incarnation that the sender's configuration names; for a reply, the one that asked; nil if
    /// there is none.
    var receiverIncarnation: UInt64?
}

struct SimulatedNode: Sendable {
    struct HeldMessage: Sendable {
        var after: PersistToken
        var envelope: Envelope
    }

    let id: NodeID
    var incarnation: UInt64
    var clock: NodeClock
    var disk = SimulatedDisk()
    var core: RaftCore
    var machine = RegisterMachine()
    /// The real catalog, next to the registers; the proxies act by it.
    var catalog = Catalog(formation: 1)

    /// Counts the starts of its process; events for an earlier one do not happen.
    var life = 0
    var isRunning = false
    var pausedUntil = Tick.zero
    /// The next tick that is planned.
    var wakeAt = Tick.distantFuture
    /// Messages that wait for the disk.
    var held: [HeldMessage] = []
    var diskLatency: Duration
    var proxy: SimulatedProxy
    var observer = SimulatedObserver()
    /// What its probes wrongly report about a datacenter: up or down.
    var falseViews = [Bool?](repeating: nil, count: SimulatedProxy.datacenters.count)
    var sightings = [Sighting](repeating: Sighting(), count: SimulatedProxy.datacenters.count)
    /// The last write that the core was told is durable.
    var toldDurable = PersistToken(0)
    /// The incarnations of all nodes as its configuration names them; 0 where it does not.
    var known: [UInt64]
    /// The incarnations of all nodes as it last heard them; 0 if it has heard none.
    var heard: [UInt64]
    /// The commit index that was checked last.
    var checkedCommit = LogIndex.zero

    var isCorrupt: Bool { disk.isCorrupt || (isRunning && core.isCorrupt) }
}

extension RandomBits {
    /// A random duration between the two, in microseconds.
    mutating func duration(_ least: Duration, _ most: Duration) -> Duration {
        let span = (most.wholeNanoseconds - least.wholeNanoseconds) / 1_000
        return least + .microseconds(Int64(below(Int(max(0, min(span, Int64(UInt32.max)))))))
    }

    mutating func chance(in million: Int) -> Bool { million > 0 && below(1_000_000) < million }

    /// The numbers below `count` in a random order.
    mutating func shuffled(_ count: Int) -> [Int] {
        var numbers = Array(0..<count)
        for place in numbers.indices.dropLast() { numbers.swapAt(place, place + below(count - place)) }
        return numbers
    }
}
