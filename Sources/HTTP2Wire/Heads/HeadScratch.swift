// Owns the memory in which heads are translated, one for all connections of a worker.
public import HTTPWire

/// Memory for one head at a time, and what it says. What a connection leaves here lasts until its next call.
public struct HeadScratch: ~Copyable {
    /// The most bytes of a head: each field counts as its name, its value and 32 (RFC 9113 section 6.5.2).
    public let maximumHead: Int
    /// The most fields of a head; each crumb of a cookie is one.
    public let maximumFields: Int
    /// What the lines that HTTP/1 needs beside a head's own may take.
    static let addedBytes = 512

    /// The last request that was read, as offsets into `head`.
    public let request = RequestHead()
    /// The last response that was read, as offsets into `head`.
    public let response = ResponseHead()
    /// Stands in the text of a request that asks for WebSocket, which has no key in HTTP/2 (RFC 8441 section 5): the base64 of
    /// 16 bytes, that the caller chooses by chance where it matters.
    public var webSocketKey: [UInt8] = Array("TWVyaWRpYW4gaDIga2V5cw==".utf8)

    /// The text of the head, or the trailers, in the form of HTTP/1.1.
    public internal(set) var text: [UInt8]
    /// How many bytes of `text` are the head's.
    public internal(set) var textCount = 0
    /// Pseudo fields, which come before the text can begin.
    var pseudo: [UInt8]
    /// The crumbs of `Cookie`, which are one line in HTTP/1.1 (RFC 9113 section 8.2.3).
    var cookie: [UInt8]
    /// A block that is written.
    var block: [UInt8] = []
    /// The lines of a head that is written.
    var lines: [HeadLine] = []
    /// What is known of the head that was read last.
    var parts = HeadParts()
    let tables = HPACKTables.shared
    let requestParser: RequestHeadParser
    let responseParser: ResponseHeadParser

    /// - Parameters:
    ///   - maximumHead: at most 60 KiB are taken.
    ///   - paths: whether `request` says that its path has another normal form.
    ///   - tableLimit: the largest dynamic table of all connections that use it.
    public init(
        maximumHead: Int = 32 << 10, maximumFields: Int = 128, paths: PathRule = .normalized, tableLimit: Int = 4096
    ) {
        self.maximumHead = min(max(maximumHead, 64), 60 << 10)
        self.maximumFields = min(max(maximumFields, 1), FieldTable.capacity)
        // A field that is too much is read whole still if it fits the table.
        let room = self.maximumHead + max(tableLimit, 4096) + Self.addedBytes
        text = [UInt8](repeating: 0, count: room)
        pseudo = [UInt8](repeating: 0, count: room)
        cookie = [UInt8](repeating: 0, count: room)
        requestParser = RequestHeadParser(
            maximumHead: self.maximumHead + Self.addedBytes, maximumFields: FieldTable.capacity, paths: paths)
        responseParser = ResponseHeadParser(
            maximumHead: self.maximumHead + Self.addedBytes, maximumFields: FieldTable.capacity)
    }

    /// The text of the head or the trailers that an event came with.
    public var head: Span<UInt8> {
        @_lifetime(borrow self)
        get { text.span.extracting(first: textCount) }
    }
}

/// What a block is.
enum HeadKind: Sendable {
    case request
    case response
    case trailers
}

/// What the reading of a block came to.
enum HeadReading: Equatable {
    case complete
    /// Too many bytes or fields: the block was read to its end for the table's sake, and dropped.
    case tooLarge
    /// What RFC 9113 section 8 calls malformed, with a word for logs.
    case malformed(StaticText)
    /// A head that is to be answered with an error.
    case refused(WireError)
    /// The block cannot be read.
    case broken(HPACKFault)
    /// A block whose only use is to cost time.
    case flood
}
