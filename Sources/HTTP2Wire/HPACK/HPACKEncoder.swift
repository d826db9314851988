// Owns the writing of header blocks (RFC 7541): what repeats becomes an index.
public import HTTPWire

/// Writes the blocks of one direction of a connection, in their order.
///
/// A block that was begun has to be sent whole: the other end's table follows what it says. So the room for it is asked
/// before, by `room`.
public struct HPACKEncoder: Sendable {
    /// The most bytes that a field takes beside those of its name and value, and that a block takes beside its fields.
    private static let fieldOverhead = 16
    private static let blockOverhead = 16
    /// Longer values do not come again, or are worth no memory.
    static let longestIndexed = 1024
    /// Cookies that are shorter could be guessed (RFC 7541 section 7.1.3).
    static let shortestIndexedCookie = 20

    var table: DynamicTable
    /// By the top bits of a hash, of names and of whole fields alike: the number of the latest field that had it.
    var numbers: [UInt32] = []
    /// The most memory that is spent here, whatever the other end allows.
    private let ownLimit: Int
    /// The least limit since the last block; nil when it did not change.
    private var leastLimit: Int?
    let tables = HPACKTables.shared

    /// - Parameter tableLimit: the most that the table may hold, at most 65,536.
    public init(tableLimit: Int = 4096) {
        ownLimit = min(max(tableLimit, 0), 1 << 16)
        table = DynamicTable(limit: 4096)
        if ownLimit < 4096 { setPeerLimit(4096) }
    }

    /// Takes the other end's SETTINGS_HEADER_TABLE_SIZE.
    public mutating func setPeerLimit(_ limit: Int) {
        let new = min(limit, ownLimit)
        guard new != table.limit || leastLimit != nil else { return }
        leastLimit = min(leastLimit ?? table.limit, new)
        table.setLimit(new)
    }

    /// Bytes in which a block of so many fields always fits.
    ///
    /// - Parameter bytes: those of all names and values.
    public static func room(fields: Int, bytes: Int) -> Int { blockOverhead + fields * fieldOverhead + bytes }

    /// Begins a block: says how the table's size changed (RFC 7541 section 4.2).
    @_lifetime(writer: copy writer)
    public mutating func beginBlock(into writer: inout OutputWriter) {
        guard let least = leastLimit else { return }
        if least < table.limit { HPACKInteger.write(least, mask: 0x1F, flags: 0x20, into: &writer) }
        HPACKInteger.write(table.limit, mask: 0x1F, flags: 0x20, into: &writer)
        leastLimit = nil
    }

    /// Appends a field. Its name may be in any case and is sent in lower case (RFC 9113 section 8.2).
    @_lifetime(writer: copy writer)
    public mutating func write(
        _ bytes: Span<UInt8>, name: Range<Int>, value: Range<Int>, into writer: inout OutputWriter
    ) {
        let hash = bytes.fieldHash(name)
        let known = tables.find(bytes, name, hash: hash)
        write(bytes, name, hash, known, bytes, value, &writer)
    }

    /// Appends a field whose name is an entry of the static table, such as `:path`.
    @_lifetime(writer: copy writer)
    mutating func write(staticName: Int, _ values: Span<UInt8>, _ value: Range<Int>, into writer: inout OutputWriter) {
        let entry = tables.entries[staticName]
        let name = entry.start..<(entry.start + entry.nameCount)
        let text = tables.text
        write(text.span, name, text.span.fieldHash(name), staticName, values, value, &writer)
    }

    /// Appends a status.
    @_lifetime(writer: copy writer)
    public mutating func write(status: Int, into writer: inout OutputWriter) {
        let index: UInt8
        switch status {
        case 200: index = 8
        case 204: index = 9
        case 206: index = 10
        case 304: index = 11
        case 400: index = 12
        case 404: index = 13
        case 500: index = 14
        default:
            var digits: InlineArray<3, UInt8> = [0, 0, 0]
            digits[0] = UInt8(0x30 + status / 100 % 10)
            digits[1] = UInt8(0x30 + status / 10 % 10)
            digits[2] = UInt8(0x30 + status % 10)
            write(staticName: 8, digits.span, 0..<3, into: &writer)
            return
        }
        writer.append(byte: 0x80 | index)
    }
}
