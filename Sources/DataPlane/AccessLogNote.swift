// Owns what the log needs of a request's head, which is gone when the line is written.
internal import HTTPWire
internal import Routing
internal import Topology

/// Parts of a head, copied into memory that is used again for the next request.
struct AccessLogNote {
    /// The longest request line, agent or referrer that is logged.
    static let longest = 2 << 10

    /// The listener's name; empty: nothing is noted.
    private(set) var listener = ""
    /// What the ranges below are of.
    private(set) var bytes: [UInt8] = []
    private(set) var client = 0..<0
    private(set) var requestID = 0..<0
    /// Method, target and version as they came; empty: the head could not be read.
    private(set) var line = 0..<0
    private(set) var referrer = 0..<0
    private(set) var agent = 0..<0

    var isTaken: Bool { !listener.isEmpty }

    /// The number of bytes that are noted.
    var count: Int { agent.upperBound }

    /// Notes a client of which no request could be read.
    mutating func take(client: Span<UInt8>, listener: ListenerName, requestID: Span<UInt8>) {
        reserve(client.count + requestID.count)
        var writer = OutputWriter(bytes.mutableSpan)
        writer.append(all: client)
        writer.append(all: requestID)
        let end = writer.count
        self.client = 0..<client.count
        self.requestID = client.count..<end
        line = end..<end
        referrer = end..<end
        agent = end..<end
        self.listener = listener.text
    }

    /// Notes a head whose bytes are at the beginning of `source`.
    mutating func take(
        client: Span<UInt8>, listener: ListenerName, requestID: Span<UInt8>, _ head: RequestHead, _ source: Span<UInt8>
    ) {
        var referrerAt = ByteRange.none
        var agentAt = ByteRange.none
        for index in 0..<head.fields.count where head.fields[index].known == .other {
            let field = head.fields[index]
            if source.equalsIgnoringCase(field.name, "user-agent") {
                agentAt = field.value
            } else if source.equalsIgnoringCase(field.name, "referer") {
                referrerAt = field.value
            }
        }
        let lineEnd = min(head.target.upper, head.lineStart + Self.longest)
        let texts = client.count + requestID.count + Int(referrerAt.count) + Int(agentAt.count)
        reserve(texts + lineEnd - head.lineStart + 16)
        var writer = OutputWriter(bytes.mutableSpan)
        writer.append(all: client)
        writer.append(all: requestID)
        let idEnd = writer.count
        writer.append(source, head.lineStart, lineEnd)
        writer.append(head.minorVersion == 0 ? " HTTP/1.0" : " HTTP/1.1")
        let requestEnd = writer.count
        writer.append(source, referrerAt.lower, min(referrerAt.upper, referrerAt.lower + Self.longest))
        let referrerEnd = writer.count
        writer.append(source, agentAt.lower, min(agentAt.upper, agentAt.lower + Self.longest))
        let agentEnd = writer.count
        self.client = 0..<client.count
        self.requestID = client.count..<idEnd
        line = idEnd..<requestEnd
        referrer = requestEnd..<referrerEnd
        agent = referrerEnd..<agentEnd
        self.listener = listener.text
    }

    /// Forgets the request; the memory stays.
    mutating func forget() { listener = "" }

    private mutating func reserve(_ count: Int) {
        if bytes.count < count { bytes = [UInt8](repeating: 0, count: (count + 511) & ~511) }
    }
}
