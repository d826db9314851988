// Owns the choice how one field is written: as an index, as a literal that enters the table, or as one that does not.
import HTTPWire

extension HPACKEncoder {
    /// - Parameter known: the entry of `HPACKTables` with the name, or 0.
    @inline(__always)
    @_lifetime(writer: copy writer)
    mutating func write(
        _ names: Span<UInt8>, _ name: Range<Int>, _ hash: UInt64, _ known: Int, _ values: Span<UInt8>,
        _ value: Range<Int>, _ writer: inout OutputWriter
    ) {
        let entry = tables.entries[known]
        if entry.first != 0, let index = staticIndex(entry, values, value) {
            writer.append(byte: 0x80 | UInt8(truncatingIfNeeded: index))
            return
        }
        var policy = known == 0 ? .indexed : entry.policy
        if policy == .cookie { policy = value.count < Self.shortestIndexedCookie ? .secret : .indexed }
        var fieldHash: UInt64 = 0
        if policy == .indexed {
            fieldHash = hash &+ values.fieldHash(value, lowercases: false)
            if let index = dynamicIndex(names, name, entry.first, fieldHash, values, value) {
                HPACKInteger.write(index, mask: 0x7F, flags: 0x80, into: &writer)
                return
            }
            if value.count > Self.longestIndexed || name.count + value.count + DynamicTable.overhead > table.limit / 2 {
                policy = .plain
            }
        }
        writeLiteral(names, name, hash, entry.first, policy, &writer)
        writeString(values, value, lowercases: false, &writer)
        guard policy == .indexed else { return }
        let isIn = table.insert(names, name, values, value, staticName: entry.first, lowercases: true)
        if isIn { note(hash, fieldHash) }
    }

    /// The entry of the static table that has this name and this value.
    @inline(__always)
    private func staticIndex(_ entry: HPACKTables.Entry, _ values: Span<UInt8>, _ value: Range<Int>) -> Int? {
        guard entry.valueCount > 0 else { return nil }
        for index in entry.first..<(entry.first + entry.alike) {
            let other = tables.entries[index]
            guard other.valueCount == value.count else { continue }
            let start = other.start + other.nameCount + 2
            if values.equals(value, tables.text.span, start, lowercases: false) { return index }
        }
        return nil
    }

    /// The index of a field of the dynamic table that reads the same.
    @inline(__always)
    private func dynamicIndex(
        _ names: Span<UInt8>, _ name: Range<Int>, _ first: Int, _ hash: UInt64, _ values: Span<UInt8>,
        _ value: Range<Int>
    ) -> Int? {
        guard let number = latest(hash) else { return nil }
        let entry = table.entry(number)
        let start = Int(entry.start)
        guard Int(entry.staticName) == first, Int(entry.nameCount) == name.count,
            Int(entry.valueCount) == value.count,
            values.equals(value, table.text.span, start + name.count + 2, lowercases: false)
        else { return nil }
        // One name of the static table is as good as read.
        guard first > 0 || names.equals(name, table.text.span, start, lowercases: true) else { return nil }
        return index(of: number)
    }

    private func index(of number: Int) -> Int { HPACKTables.staticCount + table.inserted - number + 1 }

    /// The number of the latest field with a hash's top bits, if it is in the table still.
    @inline(__always)
    private func latest(_ hash: UInt64) -> Int? {
        guard !numbers.isEmpty else { return nil }
        // Numbers are compared by their low 32 bits: a table that wraps them has long lost what they meant.
        let age = UInt32(truncatingIfNeeded: table.inserted) &- numbers[Int(hash >> 56)]
        return Int(age) < table.count ? table.inserted - Int(age) : nil
    }

    /// Remembers the field that was inserted last.
    private mutating func note(_ nameHash: UInt64, _ fieldHash: UInt64) {
        if numbers.isEmpty { numbers = [UInt32](repeating: 0, count: 256) }
        let number = UInt32(truncatingIfNeeded: table.inserted)
        numbers[Int(nameHash >> 56)] = number
        numbers[Int(fieldHash >> 56)] = number
    }

    /// Appends the first byte of a literal and its name, as an index where there is one.
    @_lifetime(writer: copy writer)
    private func writeLiteral(
        _ names: Span<UInt8>, _ name: Range<Int>, _ hash: UInt64, _ first: Int, _ policy: IndexingPolicy,
        _ writer: inout OutputWriter
    ) {
        var index = first
        if index == 0, let number = latest(hash) {
            let entry = table.entry(number)
            let start = Int(entry.start)
            if Int(entry.nameCount) == name.count, names.equals(name, table.text.span, start, lowercases: true) {
                index = self.index(of: number)
            }
        }
        switch policy {
        case .indexed: HPACKInteger.write(index, mask: 0x3F, flags: 0x40, into: &writer)
        case .secret: HPACKInteger.write(index, mask: 0x0F, flags: 0x10, into: &writer)
        case .plain, .cookie: HPACKInteger.write(index, mask: 0x0F, flags: 0, into: &writer)
        }
        if index == 0 { writeString(names, name, lowercases: true, &writer) }
    }

    /// Appends a string, in the shorter of its two forms.
    @_lifetime(writer: copy writer)
    private func writeString(
        _ text: Span<UInt8>, _ range: Range<Int>, lowercases: Bool, _ writer: inout OutputWriter
    ) {
        let encoded = tables.huffman.encodedCount(text, range, lowercases: lowercases)
        if encoded < range.count {
            HPACKInteger.write(encoded, mask: 0x7F, flags: 0x80, into: &writer)
            tables.huffman.encode(text, range, lowercases: lowercases, into: &writer)
            return
        }
        HPACKInteger.write(range.count, mask: 0x7F, flags: 0, into: &writer)
        if lowercases {
            writer.append(lowercasing: text, range.lowerBound, range.upperBound)
        } else {
            writer.append(text, range.lowerBound, range.upperBound)
        }
    }
}
