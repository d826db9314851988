// Owns what is read of a request's head once: its client, its route, its hash, the lines that go on.
internal import Balancing
internal import HTTPWire
internal import Proactor
internal import Routing
internal import Switching
internal import Topology

/// Lives as long as the head's bytes are at hand.
struct RequestReader: ~Copyable, ~Escapable {
    private let worker: Worker
    private let listener: ListenerRuntime
    private let head: RequestHead
    private let bytes: Span<UInt8>
    private let headLength: Int
    private let peer: IPAddress?
    let client: PeerText

    @_lifetime(copy bytes)
    init(
        _ worker: Worker, _ listener: ListenerRuntime, _ head: RequestHead, _ bytes: Span<UInt8>, headLength: Int,
        peer: IPAddress?
    ) {
        self.worker = worker
        self.listener = listener
        self.head = head
        self.bytes = bytes
        self.headLength = headLength
        self.peer = peer
        client = PeerText(peer)
    }

    /// The client's id, or one of ours.
    func requestID() -> RequestID {
        RequestID(of: head, bytes, high: worker.random.next(), low: worker.random.next())
    }

    // MARK: The route

    /// Whether the path may be in another form than the one that is matched and forwarded.
    var mayNeedNormalizing: Bool {
        head.mayNeedNormalizing && !head.path.isEmpty && !worker.configuration.keepsPaths
    }

    /// The path as it came.
    var path: Span<UInt8> {
        @_lifetime(copy self)
        get { bytes.extracting(head.path.range) }
    }

    /// The path's forms, in a buffer of their own.
    func normalize(into output: inout LoopBuffer) throws(WireError) -> NormalizedPath {
        output = worker.loop.allocate(PathNormalizer.room(for: head.path))
        var writer = OutputWriter(output.tail)
        let forms = try PathNormalizer.normalize(bytes, head.path, into: &writer)
        let count = writer.count
        output.commit(count)
        return forms
    }

    /// The first route that matches, and where it leads.
    func findRoute(_ path: Span<UInt8>) -> (route: Int, target: ListenerRuntime.Target)? {
        guard let routes = listener.routes else { return nil }
        let found = routes.match(
            host: bytes.extracting(head.authority.range), path: path, method: bytes.extracting(head.methodRange.range)
        ) { satisfies($0) }
        guard let found, found < listener.targets.count else { return nil }
        return (found, listener.targets[found])
    }

    private func satisfies(_ condition: HeaderCondition) -> Bool {
        for index in 0..<head.fields.count {
            let field = head.fields[index]
            let name = bytes.extracting(field.name.range)
            if condition.isSatisfied(by: name, value: bytes.extracting(field.value.range)) { return true }
        }
        return false
    }

    // MARK: The lines that go on

    /// Writes the head that the service's backends get.
    ///
    /// - Parameter path: the path to send; nil: as it came.
    func rewrite(
        _ service: ServiceRuntime, _ requestID: RequestID, path: Span<UInt8>?
    ) throws(WireError) -> RequestLines {
        let gate = service.gate
        let fence = gate?.fenceLines ?? []
        let via = worker.via
        let fallbackHost = service.nameBytes
        var edits = RequestEdits(
            client: client.span, serviceLines: fence.span, fallbackHost: fallbackHost.span, normalizedPath: path,
            via: via.isEmpty ? nil : via.span, requestID: requestID.span(in: bytes))
        edits.trustsClient = worker.configuration.trustsPeer(peer)
        edits.passesUnderscores = worker.configuration.passesUnderscores
        var output = worker.loop.allocate(RequestRewriter.room(for: head, headLength: headLength, edits))
        var writer = OutputWriter(output.tail)
        let error = RequestRewriter.write(head, bytes, edits, into: &writer)
        let count = writer.count
        output.commit(count)
        if let error { throw error }
        return RequestLines(output, fenceLength: fence.count, fenceGeneration: gate?.order.generation ?? 0)
    }

    // MARK: The hash

    /// What the service's requests are spread by.
    func hash(_ service: ServiceRuntime) -> UInt64 {
        var hash = StableHash()
        switch service.routing.definition.hashKey {
        case .source: hash.combine(client.span)
        case .header(let name):
            let wanted = Array(name.lowercased().utf8)
            for index in 0..<head.fields.count where isNamed(wanted, head.fields[index].name) {
                hash.combine(bytes.extracting(head.fields[index].value.range))
                return hash.value
            }
            hash.combine(client.span)
        case .cookie(let name):
            if let value = cookie(name) { hash.combine(bytes.extracting(value)) } else { hash.combine(client.span) }
        }
        return hash.value
    }

    private func isNamed(_ wanted: [UInt8], _ range: ByteRange) -> Bool {
        guard wanted.count == Int(range.count) else { return false }
        for index in 0..<wanted.count {
            let byte = bytes[range.lower + index]
            if (byte &- 0x41 < 26 ? byte | 0x20 : byte) != wanted[index] { return false }
        }
        return true
    }

    /// The value of a cookie (RFC 6265 section 4.2).
    private func cookie(_ name: String) -> Range<Int>? {
        let wanted = Array(name.utf8)
        for index in 0..<head.fields.count where head.fields[index].known == .cookie {
            var start = head.fields[index].value.lower
            let end = head.fields[index].value.upper
            while start < end {
                var stop = start
                while stop < end, bytes[stop] != 0x3B { stop += 1 }
                var matched = 0
                while matched < wanted.count, start + matched < stop, bytes[start + matched] == wanted[matched] {
                    matched += 1
                }
                let equals = start + matched
                if matched == wanted.count, equals < stop, bytes[equals] == 0x3D { return (equals + 1)..<stop }
                start = stop + 1
                while start < end, bytes[start] == 0x20 { start += 1 }
            }
        }
        return nil
    }
}
