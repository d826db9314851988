// Owns the text of the current second's `Date` field, in place: a copy of it counts no reference.
internal import HTTPWire

/// A date as text.
struct DateText {
    private var storage = InlineArray<40, UInt8>(repeating: 0)
    private var count = 0
    /// Which second since 1970-01-01 it is of.
    private(set) var second = Int64.min

    /// No second's.
    init() {}

    init(_ second: Int64) {
        var date = HTTPDate()
        let text = date.text(at: second)
        var writer = OutputWriter(storage.mutableSpan)
        writer.append(all: text.span)
        let written = writer.count
        count = written
        self.second = second
    }

    var span: Span<UInt8> {
        @_lifetime(borrow self)
        get { storage.span.extracting(0..<count) }
    }
}
