// Owns one request and its answer: what was routed, where it went, how far both bodies are.
internal import Balancing
internal import Catalog
internal import HTTPWire
internal import Proactor
internal import Routing
internal import Synchronization
internal import Topology

/// A request on its way. Reused by its worker, so that a request allocates nothing.
///
/// Legal transitions: connecting → sending → answering → done; connecting or sending → connecting on a retry; any → done.
final class Exchange {
    /// Bytes towards one side above which the other side is not received from: fewer when buffers are short, so that
    /// those who do not read leave some to those who do.
    @inline(__always)
    static func highWater(_ loop: EventLoop) -> Int { loop.isShortOfBuffers ? 64 << 10 : 256 << 10 }
    /// Bytes of a request's body that are kept to be replayed.
    static let replayLimit = 64 << 10

    enum Phase: UInt8 { case connecting, sending, answering, done }

    let worker: Worker
    var session: HTTPSession?
    var service: ServiceRuntime?
    var choice: ServiceRuntime.Choice?
    var upstream: UpstreamConnection?
    /// Where the last attempt went, for the log.
    var lastEndpoint: EndpointRuntime?
    var phase = Phase.done
    var tried = Tried()
    var attempts = 0
    /// Those that failed and may have reached a backend.
    var paidAttempts = 0
    var hash: UInt64 = 0
    /// Its ticket while it waits in the service's line; 0: it does not.
    var lineTicket: UInt64 = 0
    /// Its ticket while it waits for the service's primary; 0: it does not.
    var heldTicket: UInt64 = 0
    private var lastTicket: UInt64 = 0
    /// Its right to write to the primary's backends; nil: it has none yet, or the service follows no primary.
    var pass: AdmissionPermit?
    /// When it gives up waiting for an endpoint that answers; `distantFuture` while none has failed it.
    var holdDeadline = Tick.distantFuture
    /// Whether it has waited for the primary.
    var wasHeld = false
    /// How long the service's own lines at the end of `head` are, and the gate's generation that they are of.
    var fenceLength = 0
    var fenceGeneration: UInt64 = 0

    // The request.
    var route = -1
    var method = RequestMethod.get
    var isOldClient = false
    var clientKeepsAlive = true
    /// Whether the client itself said that this is its last request.
    var isLastRequest = false
    var wantsWebSocket = false
    var expectsContinue = false
    /// The rewritten head, kept for retries.
    var head: LoopBuffer?
    var requestID = RequestID()
    var requestFraming = BodyFraming.none
    var requestRemaining: UInt64 = 0
    var requestDecoder = ChunkedDecoder()
    var isRequestComplete = false
    /// What was received of the body, until it is known that no retry will need it.
    var replay: [LoopBuffer] = []
    var replayBytes = 0
    var mayReplay = true
    /// Body received while there is no upstream connection to send it on.
    var waiting: [LoopBuffer] = []

    // The response.
    var partialResponse: LoopBuffer?
    /// Whether any byte of a response came on this attempt.
    var hasResponse = false
    /// Whether anything of the final answer was queued to the client.
    var hasAnswered = false
    var status = 0
    var transfer = BodyTransfer.verbatim
    var responseFraming = BodyFraming.none
    var responseRemaining: UInt64 = 0
    var responseDecoder = ChunkedDecoder()
    var upstreamKeepsAlive = false
    var receivesLarge = false

    // For limits and the log.
    var logged = AccessLogNote()
    var started = Tick.zero
    var attemptBegan = Tick.zero
    var connected = Tick.zero
    var firstByte = Tick.zero
    var lastProgress = Tick.zero
    /// From when on the body has to come at the least rate.
    var bodyBegan = Tick.zero
    var bytesIn = 0
    var bytesOut = 0

    let loop: EventLoop

    init(_ worker: Worker) {
        self.worker = worker
        loop = worker.loop
    }

    func takeTicket() -> UInt64 {
        lastTicket += 1
        return lastTicket
    }

    /// Whether the client is still to send body.
    @inline(__always)
    var wantsBody: Bool { !isRequestComplete }

    /// Forgets everything and goes back to the worker.
    @inline(__always)
    func recycle() {
        phase = .done
        lineTicket = 0
        if heldTicket != 0 {
            heldTicket = 0
            service?.counters.holding.subtract(1, ordering: .relaxed)
        }
        if pass != nil { givePassBack() }
        if let head {
            loop.giveBack(head)
            self.head = nil
        }
        if !replay.isEmpty { forgetReplay() }
        for buffer in waiting { loop.giveBack(buffer) }
        waiting.removeAll(keepingCapacity: true)
        if let partialResponse {
            loop.giveBack(partialResponse)
            self.partialResponse = nil
        }
        session = nil
        service = nil
        choice = nil
        upstream = nil
        lastEndpoint = nil
        logged.forget()
        worker.giveBack(self)
    }

    /// Takes the endpoint's count back and lets go of the connection.
    ///
    /// - Parameter isWhole: whether the answer is complete.
    @inline(__always)
    func releaseUpstream(reusable: Bool, isWhole: Bool = false) {
        if let choice {
            choice.endpoint.finishRequest()
            self.choice = nil
        }
        if let upstream {
            self.upstream = nil
            // What the kernel still has of a request would reach the primary when another has taken over.
            if pass != nil, !reusable, !(isWhole && requestFraming == .none) {
                upstream.abort()
            } else {
                upstream.release(reusable: reusable)
            }
        }
    }

    /// The answer is wholly queued, or there is none: log, count, and let the session go on.
    func end(keepsAlive: Bool, reason: StaticString = "") {
        guard phase != .done else { return }
        phase = .done
        worker.process.active.subtract(1, ordering: .relaxed)
        if let service {
            let counters = service.counters
            counters.count(status: status)
            if bytesIn > 0 { counters.bytesReceived.add(bytesIn, ordering: .relaxed) }
            counters.bytesSent.add(bytesOut, ordering: .relaxed)
            service.latency.record(Int(loop.now.nanoseconds(since: started)))
        }
        if logged.isTaken { worker.log?.finished(self, reason: reason) }
        let session = session
        let isLast = isLastRequest && isRequestComplete
        recycle()
        session?.exchangeEnded(keepsAlive: keepsAlive, isLast: isLast)
    }

    /// The client is gone: nothing more to be answered.
    func abandon(_ reason: StaticString) {
        guard phase != .done else { return }
        if status == 0 { status = 499 }
        releaseUpstream(reusable: false)
        session = nil
        end(keepsAlive: false, reason: reason)
    }

    /// Answers with an error of our own, unless an answer has begun: then the connection is cut, so that the client
    /// sees that something is missing.
    ///
    /// - Parameter detail: what the client is told beside the status, where there is no page for it.
    func fail(_ status: Int, _ reason: StaticString, detail: StaticString = "") {
        guard phase != .done, let session else { return }
        releaseUpstream(reusable: false)
        if hasAnswered {
            abandonClient(session, reason)
            return
        }
        self.status = status
        let keepsAlive = clientKeepsAlive && isRequestComplete && !isOldClient && !worker.isDraining
        session.sendError(
            status, requestID: requestID.bytes, keepsAlive: keepsAlive, headOnly: method == .head, detail: detail)
        end(keepsAlive: keepsAlive, reason: reason)
    }

    /// Cuts the client off in the middle of an answer.
    func abandonClient(_ session: HTTPSession, _ reason: StaticString) {
        self.session = nil
        end(keepsAlive: false, reason: reason)
        session.cut()
    }
}
