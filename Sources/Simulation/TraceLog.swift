// Owns the last lines of a run's trace, for people.
internal import Raft
internal import Topology

/// A ring of lines.
struct TraceLog: Sendable {
    private var ring: [String] = []
    private var next = 0
    private let capacity: Int

    init(capacity: Int) { self.capacity = max(1, capacity) }

    mutating func add(_ at: Tick, _ text: String) {
        let microseconds = at.nanoseconds / 1_000
        let fraction = String(microseconds % 1_000)
        let line = "\(microseconds / 1_000).\(String(repeating: "0", count: 3 - fraction.count))\(fraction) ms  \(text)"
        if ring.count < capacity {
            ring.append(line)
        } else {
            ring[next] = line
            next = (next + 1) % capacity
        }
    }

    /// From the oldest to the newest.
    var lines: [String] { Array(ring[next...] + ring[..<next]) }
}

/// An event in a few words.
func describe(_ event: RaftEvent) -> String {
    switch event {
    case .received(let message): "hears \(message.from) (term \(message.term)): \(describe(message.body))"
    case .persisted(let token): "has written \(token.number)"
    case .propose(let request, let command): "is asked \(request.number): \(command.session).\(command.sequence)"
    case .snapshotTaken(let index, _): "has its snapshot at \(index)"
    default: "\(event)"
    }
}

private func describe(_ body: RaftMessage.Body) -> String {
    switch body {
    case .append(let append):
        "append after \(append.previous): \(append.entries.map(\.position.description)), commit \(append.commit)"
    case .snapshotChunk(let chunk): "snapshot \(chunk.identity.position) from byte \(chunk.offset)"
    case .fetchReply(let reply):
        switch reply.content {
        case .entries(let entries): "fetched after \(reply.previous): \(entries.map(\.position.description))"
        case .snapshot(let chunk): "fetched snapshot \(chunk.identity.position) from byte \(chunk.offset)"
        default: "\(reply)"
        }
    default: "\(body)"
    }
}
