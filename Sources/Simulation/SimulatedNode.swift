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
    /// Of a request the incarnation that the sender's configuration names, of a reply the one that asked; nil where
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
    /// The real catalog, beside the registers: what the proxies go by.
    var catalog = Catalog(formation: 1)

    /// Counts the starts of its process: what was planned for an earlier one does not happen.
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
    /// What its probes say of each datacenter, where that is not the truth: up or down.
    var falseViews = [Bool?](repeating: nil, count: SimulatedProxy.datacenters.count)
    var sightings = [Sighting](repeating: Sighting(), count: SimulatedProxy.datacenters.count)
    /// The last write that the core was told is durable.
    var toldDurable = PersistToken(0)
    /// The incarnations of all nodes as its configuration names them; 0 where it does not.
    var known: [UInt64]
    /// The incarnations of all nodes that it has heard last; 0 where it has heard none.
    var heard: [UInt64]
    /// The commit that was looked at last.
    var checkedCommit = LogIndex.zero

    var isCorrupt: Bool { disk.isCorrupt || (isRunning && core.isCorrupt) }
}

extension RandomBits {
    /// A duration between both, in microseconds.
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
