// Owns the bodies that come: what they may be, what they cost of the windows, and when credit is given back.
import HTTPWire

extension H2Connection {
    mutating func beginData(_ stream: UInt32, _ length: Int, _ endsStream: Bool, _ now: Int64) -> H2Event? {
        guard length <= receiveWindow else { return fail(.flowControlError, "connection_window") }
        receiveWindow -= length
        // The connection's credit comes back as bytes are read, whoever they are for: no stream starves another.
        credit += length
        if credit >= limits.connectionWindow / 2 {
            let given = credit
            owe(FrameSize.small) { $0.appendWindowUpdate(0, given) }
            receiveWindow += given
            credit = 0
        }
        body = OpenBody(stream: nil, endsStream: endsStream, uncounted: length)
        guard let handle = streams.find(stream) else { return dataOfClosed(stream, now) }
        guard streams[handle].isRemoteOpen else { return streamError(handle, .streamClosed, now) }
        guard streams[handle].hasFinalHead else { return streamError(handle, .protocolError, now) }
        guard length <= streams[handle].receiveWindow else { return streamError(handle, .flowControlError, now) }
        streams[handle].receiveWindow -= length
        body?.stream = handle
        return nil
    }

    private mutating func dataOfClosed(_ stream: UInt32, _ now: Int64) -> H2Event? {
        if isIdle(stream) { return fail(.protocolError, "data_of_idle") }
        switch closed.find(stream) {
        case .resetHere: return courtesy(.closedStream, now)
        case .resetByPeer:
            owe(FrameSize.small) { $0.appendReset(stream, .streamClosed) }
            closed.note(stream, .resetHere)
            return glitch(.causedReset, now)
        case .ended: return fail(.streamClosed, "data_after_end")
        case nil: return glitch(.closedStream, now)
        }
    }

    mutating func takeData(_ range: Range<Int>, _ isLast: Bool, _ now: Int64) -> H2Event? {
        guard var open = body else { return nil }
        open.uncounted -= range.count
        open.sawData = open.sawData || !range.isEmpty
        body = isLast ? nil : open
        guard let handle = open.stream, streams.holds(handle) else { return nil }
        if let remaining = streams[handle].remaining {
            // More than was declared (RFC 9113 section 8.1.1).
            guard UInt64(range.count) <= remaining else { return streamError(handle, .protocolError, now) }
            streams[handle].remaining = remaining - UInt64(range.count)
        }
        guard isLast else { return range.isEmpty ? nil : .data(handle, range, endsStream: false) }
        // Padding is of no use to anybody, so its credit comes back at once.
        consumed(handle, open.uncounted)
        if open.endsStream {
            guard streams[handle].remaining ?? 0 == 0 else { return streamError(handle, .protocolError, now) }
            endRemote(handle)
            return .data(handle, range, endsStream: true)
        }
        if !open.sawData, let event = glitch(.emptyData, now) { return event }
        return range.isEmpty ? nil : .data(handle, range, endsStream: false)
    }

    /// Says that bytes of a stream's body are gone, so that as many may come. Of a stream that is over it says nothing.
    public mutating func consumed(_ stream: StreamHandle, _ count: Int) {
        guard count > 0, streams.holds(stream), streams[stream].isRemoteOpen else { return }
        streams[stream].credit += count
        let given = streams[stream].credit
        // Half a window at a time: one frame of thirteen bytes for many of data.
        guard given >= max(1, streamReceiveWindow / 2) else { return }
        streams[stream].credit = 0
        streams[stream].receiveWindow += given
        owe(FrameSize.small) { $0.appendWindowUpdate(stream.id, given) }
    }
}
