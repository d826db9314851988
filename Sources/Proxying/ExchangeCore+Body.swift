// Owns what becomes of a request's body: sent on, kept for a retry, kept until there is a connection.
public import HTTPWire
public import Topology

extension ExchangeCore {
    /// A piece of the request's body came.
    ///
    /// - Parameters:
    ///   - count: its bytes, framing included.
    ///   - isEnd: whether it is the last.
    ///   - mayKeep: whether there is room to keep it beyond what a connection will take.
    public mutating func requestBody(_ count: Int, isEnd: Bool, mayKeep: Bool, now: Tick) -> BodyDisposition {
        guard phase != .over, phase != .idle else { return BodyDisposition() }
        if awaitsContinue { progress.beginBody(now) }
        request.bytes += count
        progress.receivedFromClient(now)
        if isEnd { request.isComplete = true }
        let wasReplayable = request.isReplayable
        if !mayKeep || request.bytes > policy.replayLimit { request.isReplayable = false }
        // What no backend got is kept in any case: it is all there is.
        guard isWithBackend else { return BodyDisposition(keeps: true) }
        progress.handedToBackend(now)
        let keeps = request.isReplayable || Mutation.seeds(.replaysPartOfABody) && wasReplayable
        let dropsKept = wasReplayable && !keeps && !Mutation.seeds(.hoardsBodies)
        return BodyDisposition(forwards: true, keeps: keeps, dropsKept: dropsKept)
    }

    /// The request's body is not what its framing says: the client's fault.
    public mutating func requestMalformed(_ error: WireError) -> ExchangeStep {
        end(OwnAnswer(error.status, error.reason))
    }

    /// Whether the client's body is wanted now, as far as the request is concerned; backpressure comes on top.
    public var wantsBody: Bool { isWithBackend && !request.isComplete }

    /// The proxy receives the request's body from now on, or does not because the backend takes no more.
    public mutating func receivesRequest(_ isReceiving: Bool, now: Tick) {
        if isReceiving { progress.resumeRequest(now) } else { progress.pauseRequest(now) }
    }

    /// The proxy receives the answer from now on, or does not because the client takes no more.
    public mutating func receivesResponse(_ isReceiving: Bool, now: Tick) {
        progress.receivesResponse(isReceiving, now)
    }

    /// The backend's kernel took bytes of the request.
    public mutating func backendTook(now: Tick) { progress.backendTook(now) }

    /// The client's kernel took bytes of the answer.
    public mutating func clientTook(now: Tick) {
        if !Mutation.seeds(.stallsFromTheFirstByte) { progress.toClient = now }
    }
}
