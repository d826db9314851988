// Owns what waits to be sent to one peer in one lane, and what is dropped when it is too much.
internal import Raft
internal import Topology

/// Two queues, first in first out each: frames that somebody waits for, which go first, and messages of Raft, of which
/// the oldest are dropped when there are too many: Raft repeats what still matters.
struct PeerQueue {
    enum Item: Hashable {
        case frame(PeerFrame)
        case message(RaftMessage)
    }

    private struct Waiting {
        var item: Item
        var cost: Int
        var since: Tick
    }

    private let limit: Int
    private let byteLimit: Int
    private var frames = Fifo<Waiting>()
    private var messages = Fifo<Waiting>()
    private var frameBytes = 0
    private var messageBytes = 0
    /// Messages dropped because there were too many, or because they were too old when a connection came.
    private var dropped: UInt64 = 0

    /// - Parameters:
    ///   - limit: the most items of each kind.
    ///   - byteLimit: the most bytes of each kind, by their cost.
    init(limit: Int, byteLimit: Int) {
        self.limit = limit
        self.byteLimit = byteLimit
    }

    var isEmpty: Bool { frames.isEmpty && messages.isEmpty }
    var count: Int { frames.count + messages.count }

    /// Adds a message; the oldest make room for it. One that is too large on its own is dropped.
    mutating func add(_ message: RaftMessage, now: Tick) {
        let cost = message.body.cost
        guard cost <= byteLimit, limit > 0 else {
            dropped += 1
            return
        }
        while messages.count >= limit || messageBytes + cost > byteLimit, let oldest = messages.removeFirst() {
            messageBytes -= oldest.cost
            dropped += 1
        }
        messages.append(Waiting(item: .message(message), cost: cost, since: now))
        messageBytes += cost
    }

    /// Adds a frame that goes before all messages. False: too many wait.
    mutating func add(_ frame: PeerFrame, cost: Int, now: Tick) -> Bool {
        guard frames.count < limit, frameBytes + cost <= byteLimit else { return false }
        frames.append(Waiting(item: .frame(frame), cost: cost, since: now))
        frameBytes += cost
        return true
    }

    /// Takes what goes next.
    mutating func next() -> Item? {
        if let waiting = frames.removeFirst() {
            frameBytes -= waiting.cost
            return waiting.item
        }
        guard let waiting = messages.removeFirst() else { return nil }
        messageBytes -= waiting.cost
        return waiting.item
    }

    /// Drops everything that waits.
    mutating func removeAll() {
        dropped += UInt64(messages.count)
        (frames, messages, frameBytes, messageBytes) = (Fifo(), Fifo(), 0, 0)
    }

    /// How many messages were dropped since the last call.
    mutating func takeDropped() -> UInt64 {
        defer { dropped = 0 }
        return dropped
    }

    /// Moves the messages of another queue behind its own; those that have waited since before `oldest` are dropped.
    mutating func take(_ other: inout PeerQueue, notBefore oldest: Tick) {
        while let waiting = other.messages.removeFirst() {
            if waiting.since >= oldest, case .message(let message) = waiting.item {
                add(message, now: waiting.since)
            } else {
                dropped += 1
            }
        }
        other.messageBytes = 0
    }
}

/// A queue over an array: what was taken out is cut off from time to time.
struct Fifo<Element> {
    private var elements: [Element?] = []
    private var first = 0

    var count: Int { elements.count - first }
    var isEmpty: Bool { count == 0 }

    mutating func append(_ element: Element) { elements.append(element) }

    mutating func removeFirst() -> Element? {
        guard first < elements.count else { return nil }
        defer {
            elements[first] = nil
            first += 1
            if first == elements.count {
                elements.removeAll(keepingCapacity: elements.count <= 64)
                first = 0
            } else if first >= 64, first * 2 >= elements.count {
                elements.removeFirst(first)
                first = 0
            }
        }
        return elements[first]
    }
}
