// Owns what is done with each frame that comes, but for blocks and data.
import HTTPWire

extension H2Connection {
    /// Reads on from `position`, up to the next event.
    public mutating func receive(
        _ input: Span<UInt8>, _ position: inout Int, now: Int64, _ scratch: inout HeadScratch
    ) -> H2Event {
        while true {
            if failure != nil {
                position = input.count
                return .needMore
            }
            if let event = abandonNext() { return event }
            if owedCount > limits.owedBytes { return .blocked }
            if prefaceRemaining > 0 {
                guard takePreface(input, &position) else { return fail(.protocolError, "preface") }
                if prefaceRemaining > 0 { return .needMore }
            }
            switch reader.next(input, &position) {
            case .needMore: return .needMore
            case .failed(let code): return fail(code, "frame")
            case .piece(let piece):
                if let event = take(piece, input, now, &scratch) { return event }
            }
        }
    }

    /// Whether the next bytes are those of the preface.
    private mutating func takePreface(_ input: Span<UInt8>, _ position: inout Int) -> Bool {
        while prefaceRemaining > 0, position < input.count {
            let index = Preface.count - prefaceRemaining
            guard Preface.text.withUTF8Buffer({ $0[index] }) == input[position] else { return false }
            position += 1
            prefaceRemaining -= 1
        }
        return true
    }

    private mutating func take(
        _ piece: FramePiece, _ input: Span<UInt8>, _ now: Int64, _ scratch: inout HeadScratch
    ) -> H2Event? {
        if !hasPeerSettings {
            // They come first (RFC 9113 section 3.4).
            switch piece {
            case .setting, .settingsEnd: break
            default: return fail(.protocolError, "no_settings")
            }
        }
        switch piece {
        case .data(let stream, let length, let endsStream): return beginData(stream, length, endsStream, now)
        case .dataPiece(let range, let isLast): return takeData(range, isLast, now)
        case .headers(let stream, let endsStream, let endsHeaders):
            return beginBlock(stream, endsStream, endsHeaders, now)
        case .continuation(_, let length, let endsHeaders): return continueBlock(length, endsHeaders, now)
        case .fragment(let range, let isLast): return takeFragment(input, range, isLast, now, &scratch)
        case .priority: return courtesy(.priority, now)
        case .reset(let stream, let code): return takeReset(stream, code, now)
        case .setting(let identifier, let value): return takeSetting(identifier, value)
        case .settingsEnd: return endSettings(now)
        case .settingsAcknowledgement: return takeAcknowledgement(now)
        case .ping(let payload):
            owe(FrameSize.large) { $0.appendPing(payload, isAcknowledgement: true) }
            return glitch(.ping, now)
        case .pingAcknowledgement(let payload):
            guard payload == Self.shutdownPing, shutdown.secondDeadline != nil else { return glitch(.ping, now) }
            finishShutdown()
            return nil
        case .goAway(let last, let code): return takeGoAway(last, code)
        case .windowUpdate(let stream, let increment): return takeWindowUpdate(stream, Int(increment), now)
        case .priorityUpdate(let stream, let range):
            guard role == .server else { return fail(.protocolError, "priority_of_server") }
            if let handle = streams.find(stream) { streams[handle].priority = StreamPriority(input, range) }
            return courtesy(.priority, now)
        case .unknown: return glitch(.unknownFrame, now)
        }
    }

    /// Whether a stream was never opened.
    func isIdle(_ stream: UInt32) -> Bool {
        guard stream & 1 == 1 else { return true }
        return role == .server ? stream > lastPeerStream : stream >= nextStream
    }

    private mutating func takeReset(_ stream: UInt32, _ code: ErrorCode, _ now: Int64) -> H2Event? {
        guard let handle = streams.find(stream) else {
            return isIdle(stream) ? fail(.protocolError, "reset_of_idle") : courtesy(.closedStream, now)
        }
        let isEarly = role == .server && streams[handle].isLocalOpen
        remove(handle, .resetByPeer)
        if isEarly, let event = glitch(.earlyReset, now) { return event }
        return .reset(handle, code, byPeer: true)
    }

    // MARK: Settings

    private mutating func takeSetting(_ identifier: UInt16, _ value: UInt32) -> H2Event? {
        let window = peer.initialWindowSize
        settingsEntries += 1
        if let code = peer.apply(identifier, value, isOfServer: role == .client) { return fail(code, "settings") }
        encoder.setPeerLimit(peer.headerTableSize)
        let change = peer.initialWindowSize - window
        guard change != 0 else { return nil }
        var opens = false
        for slot in 0..<streams.capacity {
            guard let handle = streams.handle(at: slot) else { continue }
            let new = streams[handle].sendWindow + change
            guard new <= H2Settings.largestWindow else { return fail(.flowControlError, "settings_window") }
            streams[handle].sendWindow = new
            if streams[handle].isBlocked, new > 0 {
                streams[handle].isBlocked = false
                opens = true
            }
        }
        return opens ? .writable(nil) : nil
    }

    private mutating func endSettings(_ now: Int64) -> H2Event? {
        owe(FrameSize.empty) { $0.appendSettingsAcknowledgement() }
        let cost = 1 + settingsEntries / 16
        settingsEntries = 0
        guard hasPeerSettings else {
            hasPeerSettings = true
            return nil
        }
        return glitch(.settings, cost: cost, now)
    }

    private mutating func takeAcknowledgement(_ now: Int64) -> H2Event? {
        guard settingsDeadline != nil else { return glitch(.settings, now) }
        settingsDeadline = nil
        let change = limits.streamWindow - streamReceiveWindow
        streamReceiveWindow = limits.streamWindow
        for slot in 0..<streams.capacity {
            if let handle = streams.handle(at: slot) { streams[handle].receiveWindow += change }
        }
        return nil
    }

    // MARK: Windows

    private mutating func takeWindowUpdate(_ stream: UInt32, _ increment: Int, _ now: Int64) -> H2Event? {
        guard stream > 0 else {
            guard increment > 0 else { return fail(.protocolError, "window_update_of_zero") }
            guard sendWindow + increment <= H2Settings.largestWindow else {
                return fail(.flowControlError, "window_overflow")
            }
            sendWindow += increment
            if let event = courtesy(.windowUpdate, now) { return event }
            guard isBlocked, sendWindow > 0 else { return nil }
            isBlocked = false
            return .writable(nil)
        }
        guard let handle = streams.find(stream) else {
            return isIdle(stream) ? fail(.protocolError, "window_of_idle") : courtesy(.closedStream, now)
        }
        guard increment > 0 else { return streamError(handle, .protocolError, now) }
        let window = streams[handle].sendWindow + increment
        guard window <= H2Settings.largestWindow else { return streamError(handle, .flowControlError, now) }
        streams[handle].sendWindow = window
        if let event = courtesy(.windowUpdate, now) { return event }
        guard streams[handle].isBlocked, window > 0 else { return nil }
        streams[handle].isBlocked = false
        return .writable(handle)
    }
}
