// Owns what the admin thread remembers until the end of a turn, so that answers in one turn share their work.
internal import HTTPTransport
internal import Proactor
internal import Topology

/// What a service's document depends on, apart from counters, which change all the time.
struct DocumentVersion: Hashable {
    var service: ServiceName
    var table: UInt64
    var index: UInt64
}

/// Answers of this turn of the loop, keyed by what they were made from. Belongs to the loop.
final class TurnMemory<Key: Hashable> {
    /// More than the different answers of any usual turn; beyond that they are made again.
    private static var capacity: Int { 64 }

    private let loop: EventLoop
    private var answers: [Key: HTTPResponse] = [:]

    init(_ loop: EventLoop) { self.loop = loop }

    func value(for key: Key) -> HTTPResponse? { answers[key] }

    func keep(_ answer: HTTPResponse, for key: Key) {
        if answers.isEmpty { loop.atEndOfTurn { [weak self] in self?.answers.removeAll(keepingCapacity: true) } }
        if answers.count < Self.capacity { answers[key] = answer }
    }
}
