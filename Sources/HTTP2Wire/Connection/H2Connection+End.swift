// Owns how streams and the connection end: resets, goodbyes, glitches, and what time does.
import HTTPWire

extension H2Connection {
    /// The payload of the PING whose answer says that the first goodbye was read.
    static let shutdownPing: UInt64 = 0x6D65_7269_6469_616E
    /// How long that answer is waited for, in nanoseconds.
    static let shutdownPatience: Int64 = 1_000_000_000

    /// Counts a glitch; the event that it leads to ends the connection.
    mutating func glitch(_ kind: GlitchKind, cost: Int = 1, _ now: Int64) -> H2Event? {
        judge(glitches.spend(kind, cost: cost, now: now), now)
    }

    mutating func courtesy(_ kind: GlitchKind, _ now: Int64) -> H2Event? {
        judge(glitches.spendCourtesy(kind, now: now), now)
    }

    private mutating func judge(_ level: GlitchLevel, _ now: Int64) -> H2Event? {
        switch level {
        case .fine: return nil
        case .high:
            beginShutdown(now: now)
            return nil
        case .exceeded: return fail(.enhanceYourCalm, "glitches")
        }
    }

    /// Resets a stream for what the peer did with it.
    mutating func streamError(_ handle: StreamHandle, _ code: ErrorCode, _ now: Int64) -> H2Event? {
        owe(FrameSize.small) { $0.appendReset(handle.id, code) }
        remove(handle, .resetHere)
        if let event = glitch(.causedReset, now) { return event }
        return .reset(handle, code, byPeer: false)
    }

    /// Resets a stream that is open. A server that has answered and does not want the rest of the request says `.none`.
    public mutating func reset(_ stream: StreamHandle, _ code: ErrorCode) {
        guard failure == nil, streams.holds(stream) else { return }
        owe(FrameSize.small) { $0.appendReset(stream.id, code) }
        remove(stream, .resetHere)
    }

    /// The peer has sent all.
    mutating func endRemote(_ handle: StreamHandle) {
        streams[handle].isRemoteOpen = false
        if streams[handle].isClosed { remove(handle, .ended) }
    }

    /// We have sent all.
    mutating func endLocal(_ handle: StreamHandle) {
        streams[handle].isLocalOpen = false
        streams[handle].stall.clear()
        if streams[handle].isClosed { remove(handle, .ended) }
    }

    mutating func remove(_ handle: StreamHandle, _ end: StreamEnd) {
        if !tunnels.isEmpty { tunnels.removeAll { $0.stream == handle.id } }
        streams.remove(handle)
        closed.note(handle.id, end)
    }

    // MARK: Goodbyes

    /// Begins a graceful stop: no stream is refused yet that may be under way (RFC 9113 section 6.8). The second goodbye, which
    /// names the last stream, follows when the peer has read the first, or a second later.
    public mutating func beginShutdown(now: Int64) {
        guard failure == nil, !shutdown.hasBegun else { return }
        shutdown.hasBegun = true
        guard role == .server else {
            shutdown.promised = 0
            owe(FrameSize.large) { $0.appendGoAway(lastStream: 0, .none) }
            return
        }
        shutdown.secondDeadline = now + Self.shutdownPatience
        owe(FrameSize.large) { $0.appendGoAway(lastStream: FrameHeader.maximumStream, .none) }
        owe(FrameSize.large) { $0.appendPing(Self.shutdownPing, isAcknowledgement: false) }
    }

    mutating func finishShutdown() {
        shutdown.secondDeadline = nil
        let last = lastPeerStream
        shutdown.promised = last
        owe(FrameSize.large) { $0.appendGoAway(lastStream: last, .none) }
    }

    /// Whether a graceful stop has come to its end, so that the connection can be closed.
    public var isDrained: Bool { shutdown.promised != nil && streams.count == 0 && !hasOwed }
    /// Whether we have said goodbye.
    public var isShuttingDown: Bool { shutdown.hasBegun }

    mutating func takeGoAway(_ last: UInt32, _ code: ErrorCode) -> H2Event? {
        peerLastStream = min(peerLastStream ?? last, last)
        if role == .client { abandonsAbove = peerLastStream }
        return .goAway(lastStream: last, code)
    }

    /// The next stream of ours that the peer did not process.
    mutating func abandonNext() -> H2Event? {
        guard let last = abandonsAbove else { return nil }
        for slot in 0..<streams.capacity {
            guard let handle = streams.handle(at: slot), handle.id > last else { continue }
            remove(handle, .resetByPeer)
            return .reset(handle, .refusedStream, byPeer: true)
        }
        abandonsAbove = nil
        return nil
    }

    // MARK: Time

    /// When `tick` has something to do next; nil: not before something else happens.
    public var deadline: Int64? {
        guard failure == nil else { return nil }
        var earliest = settingsDeadline
        for other in [shutdown.secondDeadline, nextStallCheck, block.deadline] {
            if let other { earliest = min(earliest ?? other, other) }
        }
        return earliest
    }

    /// Does what is due; to be called until it returns nil.
    public mutating func tick(now: Int64) -> H2Event? {
        guard failure == nil else { return nil }
        if let due = settingsDeadline, now >= due { return fail(.settingsTimeout, "settings_timeout") }
        if let due = shutdown.secondDeadline, now >= due { finishShutdown() }
        if let due = block.deadline, now >= due { return fail(.enhanceYourCalm, "head_timeout") }
        guard let due = nextStallCheck, now >= due else { return nil }
        var waits = false
        for slot in 0..<streams.capacity {
            if let handle = streams.handle(at: slot), streams[handle].waitsForConnection { waits = true }
        }
        // Those that waited may be gone.
        if !waits { stall.clear() }
        if stall.isStalled(limits, isShut: sendWindow <= 0, now: now) {
            return fail(.enhanceYourCalm, "stalled_connection")
        }
        var next = stall.since
        for slot in 0..<streams.capacity {
            guard let handle = streams.handle(at: slot) else { continue }
            if streams[handle].stall.isStalled(limits, isShut: streams[handle].sendWindow <= 0, now: now) {
                owe(FrameSize.small) { $0.appendReset(handle.id, .cancel) }
                remove(handle, .resetHere)
                if let event = glitch(.stalledStream, now) { return event }
                return .reset(handle, .cancel, byPeer: false)
            }
            if let since = streams[handle].stall.since { next = min(next ?? since, since) }
        }
        nextStallCheck = next.map { $0 + limits.stallPeriod }
        return nil
    }
}
