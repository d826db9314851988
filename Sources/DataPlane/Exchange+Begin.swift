// Owns the beginning of an exchange: route, rewrite, and the part of the body that came with the head.
internal import Balancing
internal import Catalog
internal import HTTPWire
internal import Proactor
internal import Routing
internal import Switching
internal import Synchronization
internal import Topology

extension Exchange {
    /// Takes over a request whose head `worker.requestHead` describes.
    func begin(_ session: HTTPSession, _ buffer: LoopBuffer, headLength: Int) {
        let head = worker.requestHead
        reset(session, head)
        var body = buffer
        body.consume(headLength)
        setRequestFraming(head.framing)
        var normalized: LoopBuffer?
        var matched: LoopBuffer?
        defer {
            if let normalized { loop.giveBack(normalized) }
            if let matched { loop.giveBack(matched) }
        }
        if head.mayNeedNormalizing {
            do throws(WireError) {
                try normalize(head, buffer, &normalized, &matched)
            } catch {
                takeBodyUnrouted(session, body)
                worker.log?.note(session, head, buffer, in: &logged)
                fail(error.status, error.reason.value)
                return
            }
        }
        guard let service = findService(session, head, buffer, matched ?? normalized) else {
            takeBodyUnrouted(session, body)
            worker.process.unrouted.add(1, ordering: .relaxed)
            worker.log?.note(session, head, buffer, in: &logged)
            fail(404, "no_route")
            return
        }
        self.service = service
        service.counters.requests.add(1, ordering: .relaxed)
        service.recordRequest(now: started)
        if service.routing.definition.endpointPolicy == .maglev { hash = hashKey(service, head, buffer) }
        if let log = worker.log { log.note(session, head, buffer, in: &logged) }
        if let error = rewrite(session, service, head, buffer, headLength, normalized) {
            takeBodyUnrouted(session, body)
            fail(error.status, error.reason.value)
            return
        }
        takeFirstBody(session, body)
        if phase == .connecting { attempt() }
    }

    @inline(__always)
    private func reset(_ session: HTTPSession, _ head: RequestHead) {
        let now = loop.now
        self.session = session
        phase = .connecting
        tried = Tried()
        attempts = 0
        paidAttempts = 0
        hash = 0
        route = -1
        method = head.method
        isOldClient = head.minorVersion == 0
        clientKeepsAlive = head.keepsAlive
        isLastRequest = !clientKeepsAlive
        wantsWebSocket = head.wantsWebSocket
        expectsContinue = head.expectsContinue
        holdDeadline = .distantFuture
        wasHeld = false
        mayReplay = true
        replayBytes = 0
        hasResponse = false
        hasAnswered = false
        status = 0
        receivesLarge = false
        started = now
        attemptBegan = now
        connected = .zero
        firstByte = .zero
        lastProgress = now
        bodyBegan = now
        bytesIn = 0
        bytesOut = 0
        worker.process.active.add(1, ordering: .relaxed)
    }

    @inline(__always)
    private func setRequestFraming(_ framing: BodyFraming) {
        requestFraming = framing
        switch framing {
        case .none, .untilClose: isRequestComplete = true
        case .length(let count):
            requestRemaining = count
            isRequestComplete = count == 0
        case .chunked:
            requestDecoder = ChunkedDecoder()
            isRequestComplete = false
        }
    }

    /// The path to forward and, when it is another, the one to match, each in a buffer of its own.
    private func normalize(
        _ head: RequestHead, _ buffer: LoopBuffer, _ normalized: inout LoopBuffer?, _ matched: inout LoopBuffer?
    ) throws(WireError) {
        guard !head.path.isEmpty else { return }
        var output = loop.allocate(PathNormalizer.room(for: head.path))
        normalized = output
        var writer = OutputWriter(output.tail)
        let forms = try PathNormalizer.normalize(buffer.bytes, head.path, into: &writer)
        output.commit(writer.count)
        if forms.matched != forms.forwarded {
            var other = loop.allocate(forms.matched.count)
            var copy = OutputWriter(other.tail)
            copy.append(output.bytes, forms.matched.lowerBound, forms.matched.upperBound)
            other.commit(copy.count)
            matched = other
            output.truncate(forms.forwarded.count)
        }
        normalized = output
    }

    @inline(__always)
    private func findService(
        _ session: HTTPSession, _ head: RequestHead, _ buffer: LoopBuffer, _ normalized: LoopBuffer?
    ) -> ServiceRuntime? {
        let listener = session.listener
        guard let routes = listener.routes else { return nil }
        let bytes = buffer.bytes
        let host = bytes.extracting(head.authority.range)
        let method = bytes.extracting(head.methodRange.range)
        let found: Int?
        if let normalized {
            found = routes.match(host: host, path: normalized.bytes, method: method) { condition in
                Self.satisfies(condition, head, buffer)
            }
        } else {
            found = routes.match(host: host, path: bytes.extracting(head.path.range), method: method) {
                condition in
                Self.satisfies(condition, head, buffer)
            }
        }
        guard let found, found < listener.services.count else { return nil }
        route = found
        return listener.services[found]
    }

    private static func satisfies(_ condition: HeaderCondition, _ head: RequestHead, _ buffer: LoopBuffer) -> Bool {
        let bytes = buffer.bytes
        for index in 0..<head.fields.count {
            let field = head.fields[index]
            let name = bytes.extracting(field.name.range)
            if condition.isSatisfied(by: name, value: bytes.extracting(field.value.range)) { return true }
        }
        return false
    }

    /// Writes the head that the backend gets into `self.head`.
    @inline(__always)
    private func rewrite(
        _ session: HTTPSession, _ service: ServiceRuntime, _ head: RequestHead, _ buffer: LoopBuffer,
        _ headLength: Int, _ normalized: LoopBuffer?
    ) -> WireError? {
        let client = session.client
        let identity = (worker.random.next(), worker.random.next())
        noteRequestID(head, buffer, identity)
        let requestID = requestID
        let via = worker.via
        let serviceLines = service.gate?.fenceLines ?? []
        fenceLength = serviceLines.count
        fenceGeneration = service.gate?.order.generation ?? 0
        let fallbackHost = service.nameBytes
        let path = normalized ?? buffer
        var edits = RequestEdits(
            client: client.span, serviceLines: serviceLines.span, fallbackHost: fallbackHost.span,
            normalizedPath: normalized == nil ? nil : path.bytes, via: via.isEmpty ? nil : via.span,
            requestID: requestID.span)
        edits.trustsClient = session.trustsClient
        edits.passesUnderscores = worker.configuration.passesUnderscores
        var output = loop.allocate(RequestRewriter.room(for: head, headLength: headLength, edits))
        var writer = OutputWriter(output.tail)
        let error = RequestRewriter.write(head, buffer.bytes, edits, into: &writer)
        let count = writer.count
        output.commit(count)
        self.head = output
        return error
    }

    /// Keeps the request's id, the client's or ours, for the answer and the log.
    @inline(__always)
    private func noteRequestID(_ head: RequestHead, _ buffer: LoopBuffer, _ identity: (UInt64, UInt64)) {
        if let given = head.fields.value(of: .requestID) {
            let bytes = buffer.bytes
            if bytes.isRequestID(given) {
                requestID.copy(bytes, given.range)
                return
            }
        }
        requestID.write(identity.0, identity.1)
    }

    private func hashKey(_ service: ServiceRuntime, _ head: RequestHead, _ buffer: LoopBuffer) -> UInt64 {
        let bytes = buffer.bytes
        var hash = StableHash()
        let client = session?.client ?? []
        switch service.routing.definition.hashKey {
        case .source: hash.combine(client.span)
        case .header(let name):
            let wanted = Array(name.lowercased().utf8)
            for index in 0..<head.fields.count where Self.isNamed(wanted, bytes, head.fields[index].name) {
                hash.combine(bytes.extracting(head.fields[index].value.range))
                return hash.value
            }
            hash.combine(client.span)
        case .cookie(let name):
            if let value = Self.cookie(name, head, bytes) {
                hash.combine(bytes.extracting(value))
            } else {
                hash.combine(client.span)
            }
        }
        return hash.value
    }

    private static func isNamed(_ wanted: [UInt8], _ bytes: Span<UInt8>, _ range: ByteRange) -> Bool {
        guard wanted.count == Int(range.count) else { return false }
        for index in 0..<wanted.count {
            let byte = bytes[range.lower + index]
            if (byte &- 0x41 < 26 ? byte | 0x20 : byte) != wanted[index] { return false }
        }
        return true
    }

    /// The value of a cookie (RFC 6265 section 4.2).
    private static func cookie(_ name: String, _ head: RequestHead, _ bytes: Span<UInt8>) -> Range<Int>? {
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

    /// A request that goes nowhere: a body that is all here is used up, else the connection closes after the answer.
    private func takeBodyUnrouted(_ session: HTTPSession, _ body: LoopBuffer) {
        if isRequestComplete { session.keepRest(body) } else { loop.giveBack(body) }
    }
}
