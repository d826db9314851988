// Owns what is read of a request's head once: its client, its route, its hash, the lines that go on.
internal import Balancing
internal import HTTPWire
internal import Proactor
internal import Routing
internal import Switching
internal import Topology

/// Lives as long as the head's bytes are at hand. It holds nothing that is counted: what it needs beside them is passed.
struct RequestReader: ~Copyable, ~Escapable {
    private let bytes: Span<UInt8>
    private let headLength: Int
    private let peer: IPAddress?
    private let isSecure: Bool
    let client: PeerText

    @inline(__always)
    @_lifetime(copy bytes)
    init(_ bytes: Span<UInt8>, headLength: Int, peer: IPAddress?, isSecure: Bool) {
        self.bytes = bytes
        self.headLength = headLength
        self.peer = peer
        self.isSecure = isSecure
        client = PeerText(peer)
    }

    /// The client's id, or one of ours.
    @inline(__always)
    func requestID(_ head: RequestHead, _ random: inout RandomBits) -> RequestID {
        RequestID(given: head.fields.value(of: .requestID), bytes, high: random.next(), low: random.next())
    }

    // MARK: The route

    /// Whether the path may be in another form than the one that is matched and forwarded.
    @inline(__always)
    func mayNeedNormalizing(_ head: RequestHead, _ worker: Worker) -> Bool {
        head.mayNeedNormalizing && !head.path.isEmpty && !worker.configuration.keepsPaths
    }

    /// The path as it came.
    @inline(__always)
    @_lifetime(copy self)
    func path(_ head: RequestHead) -> Span<UInt8> { bytes.extracting(head.path.range) }

    /// The path's forms, in a buffer of their own.
    func normalize(
        _ head: RequestHead, _ loop: EventLoop, into output: inout LoopBuffer
    ) throws(WireError) -> NormalizedPath {
        output = loop.allocate(PathNormalizer.room(for: head.path))
        var writer = OutputWriter(output.tail)
        let forms = try PathNormalizer.normalize(bytes, head.path, into: &writer)
        let count = writer.count
        output.commit(count)
        return forms
    }

    /// The first route that matches.
    @inline(__always)
    func findRoute(_ head: RequestHead, _ routes: borrowing ListenerRuntime.Routes, path: Span<UInt8>) -> Int? {
        let found = routes.matcher.match(
            host: bytes.extracting(head.authority.range), path: path, method: bytes.extracting(head.methodRange.range)
        ) { satisfies(head, $0) }
        guard let found, found < routes.targets.count else { return nil }
        return found
    }

    private func satisfies(_ head: RequestHead, _ condition: HeaderCondition) -> Bool {
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
    @inline(__always)
    func rewrite(
        _ head: RequestHead, _ service: ServiceRuntime, _ requestID: borrowing RequestID, path: Span<UInt8>?,
        _ worker: Worker
    ) throws(WireError) -> RequestLines {
        // The lines and the name are copied only if they are there: most services have neither.
        guard let gate = service.gate else {
            return try addVia(head, service, requestID, path: path, fence: Span(), fenceGeneration: 0, worker)
        }
        let fence = gate.fenceLines
        return try addVia(
            head, service, requestID, path: path, fence: fence.span, fenceGeneration: gate.order.generation, worker)
    }

    @inline(__always)
    private func addVia(
        _ head: RequestHead, _ service: ServiceRuntime, _ requestID: borrowing RequestID, path: Span<UInt8>?,
        fence: Span<UInt8>, fenceGeneration: UInt64, _ worker: Worker
    ) throws(WireError) -> RequestLines {
        switch worker.via {
        case .some(let via):
            return try addHost(
                head, service, requestID, path: path, fence: fence, via: via.bytes.span,
                fenceGeneration: fenceGeneration, worker)
        case .none:
            return try addHost(
                head, service, requestID, path: path, fence: fence, via: nil, fenceGeneration: fenceGeneration, worker)
        }
    }

    @inline(__always)
    private func addHost(
        _ head: RequestHead, _ service: ServiceRuntime, _ requestID: borrowing RequestID, path: Span<UInt8>?,
        fence: Span<UInt8>, via: Span<UInt8>?, fenceGeneration: UInt64, _ worker: Worker
    ) throws(WireError) -> RequestLines {
        if !head.authority.isEmpty {
            return try write(
                head, requestID, path: path, fence: fence, via: via, fallbackHost: Span(),
                fenceGeneration: fenceGeneration, worker)
        }
        let name = service.nameBytes
        return try write(
            head, requestID, path: path, fence: fence, via: via, fallbackHost: name.span,
            fenceGeneration: fenceGeneration, worker)
    }

    private func write(
        _ head: RequestHead, _ requestID: borrowing RequestID, path: Span<UInt8>?,
        fence: Span<UInt8>, via: Span<UInt8>?, fallbackHost: Span<UInt8>, fenceGeneration: UInt64, _ worker: Worker
    ) throws(WireError) -> RequestLines {
        var edits = RequestEdits(
            client: client.span, serviceLines: fence, fallbackHost: fallbackHost, normalizedPath: path,
            via: via, requestID: requestID.span(in: bytes))
        edits.isSecure = isSecure
        edits.trustsClient = worker.trusts(peer)
        edits.passesUnderscores = worker.configuration.passesUnderscores
        var output = worker.loop.allocate(RequestRewriter.room(for: head, headLength: headLength, edits))
        var writer = OutputWriter(output.tail)
        let error = RequestRewriter.write(head, bytes, edits, into: &writer)
        let count = writer.count
        output.commit(count)
        if let error { throw error }
        return RequestLines(output, fenceLength: fence.count, fenceGeneration: fenceGeneration)
    }

    // MARK: The hash

    /// What the service's requests are spread by.
    func hash(_ head: RequestHead, _ service: ServiceRuntime) -> UInt64 {
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
            let value = cookie(head, name)
            if let value { hash.combine(bytes.extracting(value)) } else { hash.combine(client.span) }
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
    private func cookie(_ head: RequestHead, _ name: String) -> Range<Int>? {
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
