// Owns the memory in which a worker's lines wait until the log's thread writes them.
internal import HTTPWire

/// Whole lines in memory that goes round: a worker fills it, the log's thread writes it, a worker fills it again.
struct AccessLogBlock: Sendable {
    /// Bytes a block has room for.
    static let size = 128 << 10
    /// Bytes from which on a block is handed over without waiting for the clock.
    static let full = 64 << 10

    /// The memory; empty until the first line, so that a silent log costs none.
    private(set) var bytes: [UInt8] = []
    /// Bytes that are filled.
    private(set) var count = 0
    private(set) var lines = 0

    var isEmpty: Bool { count == 0 }

    /// The whole memory; lines go behind the first `count` bytes.
    private var memory: MutableSpan<UInt8> {
        @_lifetime(&self)
        mutating get {
            if bytes.isEmpty { bytes = [UInt8](repeating: 0, count: Self.size) }
            return bytes.mutableSpan
        }
    }

    /// What is filled.
    var filled: Span<UInt8> {
        @_lifetime(borrow self)
        get { bytes.span.extracting(0..<count) }
    }

    /// Appends a line. False: there was no room for it.
    mutating func append(
        _ fields: borrowing AccessLogFields, _ format: AccessLogConfiguration.Format, time: Span<UInt8>
    ) -> Bool {
        let start = count
        var writer = OutputWriter(memory, startingAt: start)
        AccessLogLine.write(fields, format, time: time, into: &writer)
        let end = writer.count
        if writer.overflowed { return false }
        count = end
        lines += 1
        return true
    }

    /// Appends another block's lines, if there is room for them.
    mutating func append(_ other: AccessLogBlock) -> Bool {
        guard other.count <= Self.size - count else { return false }
        let start = count
        var writer = OutputWriter(memory, startingAt: start)
        writer.append(all: other.filled)
        count = start + other.count
        lines += other.lines
        return true
    }

    /// How many lines end at or behind a byte.
    func linesEnding(from start: Int) -> Int {
        var lines = 0
        for index in start..<max(start, count) where bytes[index] == 0x0A { lines += 1 }
        return lines
    }

    /// Forgets the lines; the memory stays.
    mutating func clear() {
        count = 0
        lines = 0
    }
}
