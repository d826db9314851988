// Owns when something last moved between client, proxy and backend.
internal import Topology

/// When something last moved on each of the four ways, and how long the client was asked for its body. What the proxy
/// did not receive is left out everywhere: such a pause is nobody's fault.
struct Progress: Sendable {
    /// When the last of the request's body came, or since when it is asked for.
    private(set) var fromClient: Tick
    /// When the backend last took something, or got something to take after it had.
    private(set) var toBackend: Tick
    /// When the last of the answer came, or since when it is received again.
    private(set) var fromBackend: Tick
    /// When the client last took something, or got something to take while nothing waited for it.
    var toClient: Tick
    /// Whether the answer is received; else the client has to take something first.
    private(set) var isReceivingResponse = true
    /// Since when the request's body is received; nil while it is not.
    private(set) var receivingSince: Tick?
    /// For how long it was received before that, in nanoseconds.
    private var received: Int64 = 0
    /// Whether the backend took something since it last got something.
    private var hasTaken = false

    init(now: Tick) {
        fromClient = now
        toBackend = now
        fromBackend = now
        toClient = now
    }

    /// The head of the request goes out: nothing that was before counts against anybody.
    mutating func beginAttempt(_ now: Tick) {
        toBackend = now
        hasTaken = false
        fromBackend = now
        isReceivingResponse = true
        fromClient = now
        if receivingSince != nil { receivingSince = now }
    }

    // MARK: The request

    /// The client may, or does, begin with its body only now.
    mutating func beginBody(_ now: Tick) {
        received = 0
        fromClient = now
        if receivingSince != nil { receivingSince = now }
    }

    mutating func resumeRequest(_ now: Tick) {
        guard receivingSince == nil else { return }
        receivingSince = now
        // The pause was ours.
        if !Mutation.seeds(.blamesClientForOurPause) { fromClient = now }
    }

    mutating func pauseRequest(_ now: Tick) {
        guard let since = receivingSince else { return }
        received += now.nanoseconds(since: since)
        receivingSince = nil
    }

    mutating func receivedFromClient(_ now: Tick) { fromClient = now }

    /// The backend got something to take. What waits is older if it has taken nothing meanwhile.
    mutating func handedToBackend(_ now: Tick) {
        if hasTaken, !Mutation.seeds(.blamesBackendForOldSilence) { toBackend = now }
        hasTaken = false
    }

    mutating func backendTook(_ now: Tick) {
        toBackend = now
        hasTaken = true
    }

    /// When the body will have been received for so long, if nothing pauses it.
    ///
    /// - Parameter time: in nanoseconds.
    func bodyDeadline(after time: Int64) -> Tick {
        receivingSince?.saturating(adding: time - received) ?? .distantFuture
    }

    // MARK: The answer

    mutating func receivedFromBackend(_ now: Tick) {
        fromBackend = now
        if Mutation.seeds(.prolongsFirstByteByInterims) { toBackend = now }
    }

    mutating func receivesResponse(_ isReceiving: Bool, _ now: Tick) {
        if isReceiving, !isReceivingResponse {
            // The pause was ours, whatever the backend owed meanwhile.
            fromBackend = now
            toBackend = now
        }
        isReceivingResponse = isReceiving
    }
}

extension Tick {
    /// The instant `count` nanoseconds later; `distantFuture` when that does not fit.
    @inline(__always)
    func saturating(adding count: Int64) -> Tick {
        let (sum, overflow) = nanoseconds.addingReportingOverflow(count)
        return overflow ? .distantFuture : Tick(nanoseconds: sum)
    }
}
