// Owns the ring that bounds what the catalog remembers of its changes.

/// The last events, oldest first.
///
/// They are kept in pieces: whoever displays a state holds a copy of it, and the next event then copies one piece, not
/// everything.
struct EventRing: Hashable, Sendable {
    static let capacity = 1_000
    private static let pieceCapacity = 32

    /// All but the last one are full.
    private var pieces: [[CatalogEvent]] = []
    /// How many events at the front of the first piece are forgotten.
    private var forgotten = 0

    private var count: Int {
        guard let last = pieces.last else { return 0 }
        return (pieces.count - 1) * Self.pieceCapacity + last.count - forgotten
    }

    mutating func append(_ event: CatalogEvent) {
        if let last = pieces.indices.last, pieces[last].count < Self.pieceCapacity {
            pieces[last].append(event)
        } else {
            pieces.append([event])
        }
        guard count > Self.capacity else { return }
        forgotten += 1
        if forgotten == Self.pieceCapacity {
            pieces.removeFirst()
            forgotten = 0
        }
    }

    /// All of them, oldest first.
    var all: [CatalogEvent] { Array(pieces.joined().dropFirst(forgotten)) }

    /// The events after `index`, oldest first.
    func after(_ index: UInt64) -> [CatalogEvent] {
        let first = pieces.firstIndex { $0.last.map { $0.index > index } ?? false } ?? pieces.endIndex
        let skipped = first == 0 ? forgotten : 0
        return pieces[first...].joined().dropFirst(skipped).filter { $0.index > index }
    }

    static func == (left: EventRing, right: EventRing) -> Bool { left.all == right.all }
    func hash(into hasher: inout Hasher) { hasher.combine(all) }
}
