// Owns one HTTP request and its answer between a client and a backend: carries out what the core decides.
internal import Balancing
internal import Catalog
internal import HTTPTransport
internal import HTTPWire
internal import Proactor
internal import Proxying
internal import Routing
internal import Synchronization
internal import Topology

/// Reused by its worker, so that a request allocates nothing; what is of one request is in values that are replaced.
final class Exchange: UpstreamRequest, ServerStreamHandler {
    /// Bytes that a send takes to the kernel at once; an answer with less than that on its way is over.
    private static let promptSize = 16 << 10

    /// What is kept of one request beside what the core knows.
    struct Message: ~Copyable {
        /// The rewritten head, kept for retries.
        var head: RequestLines?
        /// What is kept of the body, to be sent or sent again.
        var kept = BufferQueue()
        var method = RequestMethod.get
        /// In what form the client takes a chunked answer.
        var chunkForm = BodyForm.framed
        /// Its position among the listener's routes; negative: none.
        var route = -1
        /// The last epoch that it was admitted under: when the gate closes it forgets.
        var epoch: Epoch?
        /// The word for the end of the exchange in the log; empty: nothing is to be said.
        var reason: StaticString = ""
    }

    var message = Message()
    /// The id of the request, taken anew for each.
    private(set) var id = MessageID()
    var logged = AccessLogNote()
    /// The way back to the client.
    var stream: (any ServerStream)? {
        get {
            switch client {
            case .some(let client): client.stream
            case .none: nil
            }
        }
        set { if let newValue { client = Client(stream: newValue) } else { client = nil } }
    }
    /// Used where it is held, by `switch`, so that a use counts no reference. Only for calls that do not come back here.
    struct Client: ~Copyable {
        let stream: any ServerStream
    }
    private(set) var client: Client?
    /// The answer is handed over, and the client's kernel has not taken all of it.
    private var isFlushing = false

    // MARK: The beginning

    /// Takes over a request whose head is at the beginning of `bytes`.
    func begin(
        _ stream: any ServerStream, _ listener: ListenerRuntime, _ head: RequestHead, _ bytes: Span<UInt8>,
        headLength: Int
    ) {
        self.stream = stream
        stream.handler = self
        worker.process.active.wrappingAdd(1, ordering: .relaxed)
        core.begin(
            RequestState(
                method: head.method, hasBody: head.framing != .none, expectsContinue: head.expectsContinue,
                wantsUpgrade: head.wantsWebSocket, takesInterim: head.minorVersion > 0, began: loop.now))
        message.method = head.method
        message.chunkForm = stream.chunkForm
        let reader = RequestReader(bytes, headLength: headLength, peer: stream.peer, isSecure: stream.isSecure)
        let requestID = reader.requestID(head, &worker.random)
        id.take(requestID, bytes)
        if let log = worker.log { log.note(reader.client, listener.name, requestID, head, bytes, in: &logged) }
        let answer = route(reader, listener, head, requestID)
        perform(answer.map { core.refused($0) } ?? core.routed(service?.policy ?? ExchangePolicy()))
    }

    /// Finds the service and rewrites the head for it.
    ///
    /// - Returns: the answer to a request that goes nowhere.
    @inline(__always)
    private func route(
        _ reader: borrowing RequestReader, _ listener: ListenerRuntime, _ head: RequestHead,
        _ requestID: borrowing RequestID
    ) -> OwnAnswer? {
        do throws(WireError) {
            guard reader.mayNeedNormalizing(head, worker) else {
                return try route(reader, listener, head, requestID, reader.path(head), forwarded: nil)
            }
            var output = loop.allocate(0)
            let forms = try reader.normalize(head, loop, into: &output)
            let (matched, forwarded) = (forms.matched, forms.forwarded)
            return try route(
                reader, listener, head, requestID, output.bytes.extracting(matched),
                forwarded: output.bytes.extracting(forwarded))
        } catch {
            worker.process.badRequests.add(1, ordering: .relaxed)
            return OwnAnswer(error.status, error.reason)
        }
    }

    private func route(
        _ reader: borrowing RequestReader, _ listener: ListenerRuntime, _ head: RequestHead,
        _ requestID: borrowing RequestID, _ path: Span<UInt8>, forwarded: Span<UInt8>?
    ) throws(WireError) -> OwnAnswer? {
        guard let (route, service) = listener.routes?.find(reader, head, path) else {
            worker.process.unrouted.add(1, ordering: .relaxed)
            return OwnAnswer(404, "no_route")
        }
        message.route = route
        service.counters.requests.wrappingAdd(1, ordering: .relaxed)
        service.recordRequest(now: loop.now)
        if service.needsHash { hash = reader.hash(head, service) }
        var refusal: WireError?
        do throws(WireError) {
            message.head = try reader.rewrite(head, service, requestID, path: forwarded, worker)
        } catch {
            refusal = error
        }
        self.service = consume service
        if let refusal { throw refusal }
        return nil
    }

    // MARK: What the core says

    override func carryOut(_ action: ExchangeAction) {
        switch action {
        case .sendRequest(let omitsExpect): sendRequest(omitsExpect: omitsExpect)
        case .answer(let answer): giveAnswer(answer)
        case .finish: finishAnswer()
        case .abortClient(let reason):
            letGo()
            let stream = stream
            end(reason.value)
            stream?.reset()
        case .cancel(let reason):
            letGo()
            end(reason.value)
        // The others are done where their bytes are, or by the base.
        default: break
        }
    }

    override var unsent: ExchangeCore.Unsent {
        ExchangeCore.Unsent(toClient: stream?.unsent ?? 0, toBackend: upstream?.unsent ?? 0)
    }

    private func giveAnswer(_ answer: OwnAnswer) {
        letGo()
        guard let stream else { return }
        worker.answer(stream, answer, id.span)
        end(answer.reason.value)
        stream.finish()
    }

    /// All of the backend's answer is handed over.
    func finishAnswer() {
        if let upstream = takeUpstream() {
            // An early answer leaves a request half sent, which must not reach a primary that is none any more.
            let isHalfSent = permit != nil && (!core.request.isComplete || upstream.unsent > 0)
            if isHalfSent, !ShellMutation.seeds(.deliversHalfSentRequest) {
                upstream.reset()
            } else {
                upstream.release()
            }
        }
        releaseChoice()
        message.epoch = permit?.epoch
        givePermitBack()
        guard let stream = takeClient() else { return }
        if stream.unsent > Self.promptSize {
            self.stream = stream
            isFlushing = true
            stream.awaitSent()
            timer?.set(core.flushDeadline())
        } else {
            end("")
            stream.finish()
        }
    }

    @inline(__always)
    private func takeClient() -> (any ServerStream)? {
        guard let client = client.take() else { return nil }
        return client.stream
    }

    override func timerExpired(_ timer: LoopTimer) {
        guard isFlushing else { return super.timerExpired(timer) }
        let due = core.flushDeadline()
        guard due <= loop.now else { return timer.set(due) }
        let stream = stream
        end("client_stalled")
        stream?.reset()
    }

    /// Logs, counts, and goes back to the worker.
    private func end(_ reason: StaticString) {
        leaveQueues()
        message.reason = reason
        if let permit { message.epoch = permit.epoch }
        worker.process.active.wrappingSubtract(1, ordering: .relaxed)
        if logged.isTaken { worker.log?.finished(self) }
        if let home = home.take() {
            let service = home.service
            service.counters.count(
                status: core.response.status, received: core.request.bytes, sent: core.response.bytes)
            service.latency.record(Int(loop.now.nanoseconds(since: core.request.began)))
        }
        givePermitBack()
        forgetKept()
        message = Message()
        logged.forget()
        isFlushing = false
        timer?.cancel()
        tried.forget()
        lastEndpoint = nil
        if client != nil { client = nil }
        worker.giveBack(self)
    }

    // MARK: The client

    func serverStreamSent(_ stream: any ServerStream) {
        core.clientTook(now: loop.now)
        if isFlushing {
            guard stream.unsent <= Self.promptSize else { return stream.awaitSent() }
            end("")
            return stream.finish()
        }
        if isResponsePaused, stream.unsent < worker.highWater / 2 { receiveResponse() }
    }

    func serverStreamEnded(_ stream: any ServerStream) { perform(core.clientEnded()) }

    func serverStreamFailed(_ stream: any ServerStream) { lose("client_reset") }

    func serverStreamInterrupted(_ stream: any ServerStream) { lose("shutdown") }

    private func lose(_ reason: StaticString) {
        if isFlushing { return end(reason) }
        perform(core.clientLost(reason))
    }

    /// Whether the backend is held back since the client does not keep up.
    var isResponsePaused = false

    // MARK: Overridden here, since extensions cannot; each is the first step of the file that owns the rest.

    override var heldBytes: Int { (message.head?.count ?? 0) + message.kept.byteCount }

    override func willTryAgain() {
        isResponsePaused = false
        stream?.pauseBody()
        core.receivesRequest(false, now: loop.now)
    }

    /// The two connections are one from now on, and the exchange is over.
    func startTunnel(
        _ client: consuming DetachedStream?, _ server: consuming DetachedStream?, _ service: ServiceRuntime
    ) {
        upstream = nil
        guard let endpoint = choice?.endpoint, var client, var server else {
            letGo()
            return end("upgrade_lost")
        }
        // The tunnel counts the endpoint's request and the client's connection until its end.
        lastEndpoint = takeChoice()
        endpoint.beginTunnel()
        worker.process.connections.add(1, ordering: .relaxed)
        let permit = permit
        self.permit = nil
        let tunnel = Tunnel(worker, client: client.stream, server: server.stream, service: service, permit: permit) {
            endpoint.endTunnel()
        }
        tunnel.start(fromClient: client.takeEarly(), fromServer: server.takeEarly())
        end("")
    }

    override func clientStreamBegan(_ stream: any ClientStream) { core.responseBegan(now: loop.now) }

    override func clientStream(
        _ stream: any ClientStream, interim head: ResponseHead, _ bytes: Span<UInt8>, headLength: Int
    ) { receiveInterim(head, bytes, headLength) }

    override func clientStream(
        _ stream: any ClientStream, responded head: ResponseHead, _ bytes: Span<UInt8>, headLength: Int,
        bodyCount: Int, isEnd: Bool
    ) { receiveHead(head, bytes, headLength, bodyCount: bodyCount, isEnd: isEnd) }

    override func clientStream(_ stream: any ClientStream, received piece: consuming LoopBuffer, isEnd: Bool) {
        receiveBody(piece, isEnd: isEnd)
    }

    override func clientStreamEnded(_ stream: any ClientStream) { endBody() }

    override func clientStreamSent(_ stream: any ClientStream) {
        core.backendTook(now: loop.now)
        if core.wantsBody { receiveRequest() }
    }
}
