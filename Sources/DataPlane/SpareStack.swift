// Owns a stack of objects that are used again: taking and keeping one moves its reference, and counts none.

/// Last in, first out. Its memory is as large as it was ever needed.
struct SpareStack<Element: AnyObject> {
    /// Those from `count` on are empty.
    private var places: ContiguousArray<Element?> = []
    private(set) var count = 0

    /// The one that is taken next.
    var last: Element? { count > 0 ? places[count - 1] : nil }

    @inline(__always)
    mutating func push(_ element: consuming Element) {
        if count < places.count { places[count] = element } else { places.append(element) }
        count += 1
    }

    @inline(__always)
    mutating func pop() -> Element? {
        guard count > 0 else { return nil }
        count -= 1
        return places[count].take()
    }

    /// Takes one out, wherever it is.
    mutating func remove(_ element: Element) {
        guard let index = places[..<count].firstIndex(where: { $0 === element }) else { return }
        places.remove(at: index)
        count -= 1
    }

    /// Takes all out.
    mutating func removeAll() -> [Element] {
        defer { self = SpareStack() }
        return places.compactMap { $0 }
    }
}
