// Owns the reading of header blocks (RFC 7541): field by field, into memory of the caller.
public import HTTPWire

/// Why a block cannot be read. Each is an error of the connection (COMPRESSION_ERROR, RFC 9113 section 4.3): the tables of
/// both ends differ from there on.
public enum HPACKFault: Error, Hashable, Sendable {
    /// The block ends within a field.
    case truncated
    /// An integer is larger than anything that it could mean.
    case integer
    /// There is no field of that index.
    case index
    /// A string's code is none.
    case huffman
    /// The table's size was changed where or as it may not be (RFC 7541 sections 4.2 and 6.3).
    case tableSize
}

/// One field that was read, as `name: value` in the writer.
public struct HPACKField: Hashable, Sendable {
    public var nameCount: Int
    public var valueCount: Int
    /// The first entry of the static table that has this name; 0 when its name was spelled out first.
    public var staticName: Int
    /// Whether it must not be indexed on its further way either (RFC 7541 section 6.2.3).
    public var isNeverIndexed: Bool
}

/// What one step of reading came to.
public enum HPACKStep: Hashable, Sendable {
    case field(HPACKField)
    /// The block is over.
    case end
    case failed(HPACKFault)
}

/// Reads the blocks of one direction of a connection, in their order.
public struct HPACKDecoder: Sendable {
    private var table: DynamicTable
    /// The most that an update may say.
    private var limit: Int
    /// The limit was lowered below what the table has: the next block has to begin with an update (RFC 7541 section 4.2).
    private var owesUpdate = false
    private var updates = 0
    private var isAtStart = true
    private let tables = HPACKTables.shared

    /// - Parameter tableLimit: what SETTINGS_HEADER_TABLE_SIZE says, at most 65,536.
    public init(tableLimit: Int = 4096) {
        limit = min(max(tableLimit, 0), 1 << 16)
        // Until the other end says otherwise, the table has its usual size.
        table = DynamicTable(limit: 4096)
    }

    /// The room that a writer needs beyond all that is wanted of a field, so that one that fits the table is read whole.
    public var slack: Int { max(limit, table.limit) + 2 }

    /// Changes what an update may say, once the other end has acknowledged the SETTINGS that say so.
    public mutating func setLimit(_ limit: Int) {
        self.limit = min(max(limit, 0), 1 << 16)
        owesUpdate = self.limit < table.limit
    }

    /// Must come before the first step of each block.
    public mutating func beginBlock() {
        updates = 0
        isAtStart = true
    }

    /// Reads the next field from `position` on and appends it as `name: value`.
    ///
    /// When it did not fit, the writer says so; with room for `slack` bytes such a field is larger than the table.
    ///
    /// - Parameter discards: leaves out to append what only repeats the table. What is appended then is of no use.
    @_lifetime(writer: copy writer)
    public mutating func next(
        _ block: Span<UInt8>, _ position: inout Int, discards: Bool = false, into writer: inout OutputWriter
    ) -> HPACKStep {
        while position < block.count {
            let first = block[position]
            if first & 0xE0 == 0x20 {
                if let fault = updateSize(block, &position) { return .failed(fault) }
                continue
            }
            if isAtStart {
                if owesUpdate { return .failed(.tableSize) }
                isAtStart = false
            }
            if first & 0x80 != 0 { return readIndexed(block, &position, discards, &writer) }
            return readLiteral(block, &position, first, discards, &writer)
        }
        return .end
    }

    private mutating func updateSize(_ block: Span<UInt8>, _ position: inout Int) -> HPACKFault? {
        var fault: HPACKFault?
        guard let size = HPACKInteger.read(block, &position, mask: 0x1F, &fault) else { return fault }
        updates += 1
        guard isAtStart, updates <= 2, size <= limit else { return .tableSize }
        table.setLimit(size)
        owesUpdate = false
        return nil
    }

    @inline(__always)
    @_lifetime(writer: copy writer)
    private func readIndexed(
        _ block: Span<UInt8>, _ position: inout Int, _ discards: Bool, _ writer: inout OutputWriter
    ) -> HPACKStep {
        var fault: HPACKFault?
        guard let index = HPACKInteger.read(block, &position, mask: 0x7F, &fault) else {
            return .failed(fault ?? .integer)
        }
        if index > HPACKTables.staticCount {
            let age = index - HPACKTables.staticCount
            guard age <= table.count else { return .failed(.index) }
            let entry = table.entry(table.inserted - age + 1)
            let start = Int(entry.start)
            if !discards { writer.append(table.text.span, start, start + entry.length) }
            return .field(
                HPACKField(
                    nameCount: Int(entry.nameCount), valueCount: Int(entry.valueCount),
                    staticName: Int(entry.staticName), isNeverIndexed: false))
        }
        guard index > 0 else { return .failed(.index) }
        let entry = tables.entries[index]
        let end = entry.start + entry.nameCount + 2 + entry.valueCount
        if !discards { writer.append(tables.text.span, entry.start, end) }
        return .field(
            HPACKField(
                nameCount: entry.nameCount, valueCount: entry.valueCount, staticName: entry.first,
                isNeverIndexed: false))
    }

    @_lifetime(writer: copy writer)
    private mutating func readLiteral(
        _ block: Span<UInt8>, _ position: inout Int, _ first: UInt8, _ discards: Bool, _ writer: inout OutputWriter
    ) -> HPACKStep {
        let isIndexed = first & 0x40 != 0
        let start = writer.count
        var fault: HPACKFault?
        guard let index = HPACKInteger.read(block, &position, mask: isIndexed ? 0x3F : 0x0F, &fault) else {
            return .failed(fault ?? .integer)
        }
        var staticName = 0
        if index == 0 {
            if let fault = readString(block, &position, &writer) { return .failed(fault) }
        } else {
            guard let found = appendName(index, discards && !isIndexed, &writer) else { return .failed(.index) }
            staticName = found
        }
        let nameEnd = writer.count
        writer.append(": ")
        if let fault = readString(block, &position, &writer) { return .failed(fault) }
        let field = HPACKField(
            nameCount: nameEnd - start, valueCount: writer.count - nameEnd - 2, staticName: staticName,
            isNeverIndexed: first & 0xF0 == 0x10)
        if !isIndexed { return .field(field) }
        if writer.overflowed {
            table.clear()
        } else {
            table.insert(
                writer.written, start..<nameEnd, writer.written, (nameEnd + 2)..<writer.count, staticName: staticName)
        }
        return .field(field)
    }

    /// Appends the name of an index.
    ///
    /// - Returns: the first entry of the static table that has it, or 0; nil when there is no such index.
    @_lifetime(writer: copy writer)
    private func appendName(_ index: Int, _ discards: Bool, _ writer: inout OutputWriter) -> Int? {
        if index <= HPACKTables.staticCount {
            let entry = tables.entries[index]
            if !discards { writer.append(tables.text.span, entry.start, entry.start + entry.nameCount) }
            return entry.first
        }
        let age = index - HPACKTables.staticCount
        guard age <= table.count else { return nil }
        let entry = table.entry(table.inserted - age + 1)
        let start = Int(entry.start)
        if !discards { writer.append(table.text.span, start, start + Int(entry.nameCount)) }
        return Int(entry.staticName)
    }

    @inline(__always)
    @_lifetime(writer: copy writer)
    private func readString(
        _ block: Span<UInt8>, _ position: inout Int, _ writer: inout OutputWriter
    ) -> HPACKFault? {
        guard position < block.count else { return .truncated }
        let isHuffman = block[position] & 0x80 != 0
        var fault: HPACKFault?
        guard let length = HPACKInteger.read(block, &position, mask: 0x7F, &fault) else { return fault }
        guard length <= block.count - position else { return .truncated }
        let start = position
        position += length
        if isHuffman {
            return tables.huffman.decode(block, start, position, into: &writer) ? nil : .huffman
        }
        writer.append(block, start, position)
        return nil
    }
}
