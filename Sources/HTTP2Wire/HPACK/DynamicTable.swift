// Owns the dynamic table (RFC 7541 section 2.3.2): fields in the order they came, the oldest gone first.
import HTTPWire

/// A table whose fields lie in one ring of bytes, each in one piece as `name: value`. Its memory grows with what it holds, up
/// to twice its limit: with that much a piece always finds room.
struct DynamicTable: Sendable {
    /// What a field costs beside its bytes (RFC 7541 section 4.1).
    static let overhead = 32

    struct Entry: Sendable {
        var start: UInt32
        var nameCount: UInt16
        var valueCount: UInt16
        /// The first entry of the static table with the same name; 0 where there is none.
        var staticName: UInt8

        /// The size that the RFC counts.
        var size: Int { Int(nameCount) + Int(valueCount) + DynamicTable.overhead }
        /// The bytes of `name: value`.
        var length: Int { Int(nameCount) + 2 + Int(valueCount) }
    }

    /// The most that the sizes of all fields may sum up to.
    private(set) var limit: Int
    private(set) var size = 0
    private(set) var count = 0
    /// Fields that were ever inserted; the newest has this number, and the first had 1.
    private(set) var inserted = 0
    /// The bytes of the fields.
    private(set) var text: [UInt8] = []
    /// Where the next field goes if it fits there.
    private var end = 0
    /// The field of a number is at its remainder by the count, which is a power of two.
    private var entries: [Entry] = []

    init(limit: Int) { self.limit = limit }

    /// The field of a number, which must be among the last `count`.
    @inline(__always)
    func entry(_ number: Int) -> Entry { entries[number & (entries.count - 1)] }

    /// Changes the limit; what is too much goes (RFC 7541 section 4.3).
    mutating func setLimit(_ limit: Int) {
        self.limit = limit
        evict(to: limit)
    }

    private mutating func evict(to limit: Int) {
        while size > limit {
            size -= entry(inserted - count + 1).size
            count -= 1
        }
    }

    /// Inserts a field; one larger than the table only empties it (RFC 7541 section 4.4).
    ///
    /// - Returns: whether it is in the table.
    @discardableResult
    mutating func insert(
        _ names: Span<UInt8>, _ name: Range<Int>, _ values: Span<UInt8>, _ value: Range<Int>, staticName: Int,
        lowercases: Bool = false
    ) -> Bool {
        let needed = name.count + value.count + Self.overhead
        guard needed <= limit else {
            clear()
            return false
        }
        evict(to: limit - needed)
        let length = name.count + 2 + value.count
        let start = place(length)
        var area = text.mutableSpan
        // Only its own bytes: those behind may be the oldest field's.
        var writer = OutputWriter(area._mutatingExtracting(start..<(start + length)))
        if lowercases {
            writer.append(lowercasing: names, name.lowerBound, name.upperBound)
        } else {
            writer.append(names, name.lowerBound, name.upperBound)
        }
        writer.append(": ")
        writer.append(values, value.lowerBound, value.upperBound)
        end = start + length
        size += needed
        count += 1
        inserted += 1
        if count > entries.count { growEntries() }
        entries[inserted & (entries.count - 1)] = Entry(
            start: UInt32(start), nameCount: UInt16(name.count), valueCount: UInt16(value.count),
            staticName: UInt8(staticName))
        return true
    }

    /// Forgets all fields.
    mutating func clear() {
        size = 0
        count = 0
        end = 0
    }

    /// Where a piece of some bytes fits.
    private mutating func place(_ length: Int) -> Int {
        if count == 0 { end = 0 }
        let oldest = count == 0 ? 0 : Int(entry(inserted - count + 1).start)
        if count > 0, end <= oldest {
            // The fields go round the end.
            if oldest - end >= length { return end }
        } else {
            if text.count - end >= length { return end }
            if oldest >= length { return 0 }
        }
        grow(by: length)
        return end
    }

    /// Moves the fields to the beginning of twice the memory.
    private mutating func grow(by length: Int) {
        var bytes = 0
        for number in (inserted - count + 1)..<(inserted + 1) { bytes += entry(number).length }
        var room = max(512, text.count)
        while room < bytes + length || room <= text.count { room *= 2 }
        var larger = [UInt8](repeating: 0, count: room)
        var writer = OutputWriter(larger.mutableSpan)
        for number in (inserted - count + 1)..<(inserted + 1) {
            let slot = number & (entries.count - 1)
            let start = Int(entries[slot].start)
            entries[slot].start = UInt32(writer.count)
            writer.append(text.span, start, start + entries[slot].length)
        }
        end = writer.count
        text = larger
    }

    /// Doubles the places of fields; the newest has none yet.
    private mutating func growEntries() {
        let old = entries
        entries = [Entry](
            repeating: Entry(start: 0, nameCount: 0, valueCount: 0, staticName: 0), count: max(16, old.count * 2))
        for number in (inserted - count + 1)..<inserted {
            entries[number & (entries.count - 1)] = old[number & (old.count - 1)]
        }
    }
}
