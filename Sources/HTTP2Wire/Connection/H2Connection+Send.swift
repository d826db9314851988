// Owns what the shell sends: heads, bodies within the windows, trailers, and a client's new streams.
public import HTTPWire

/// What the sending of a head or of trailers came to.
public enum SendOutcome: Hashable, Sendable {
    case sent
    /// Nothing was written: the writer needs so many bytes.
    case needsRoom(Int)
    /// The stream is over, or its side of it.
    case closed
    /// The text is no head.
    case invalid
}

/// What the opening of a stream came to.
public enum OpenOutcome: Hashable, Sendable {
    case opened(StreamHandle)
    case needsRoom(Int)
    /// The peer takes no stream now, or none of that kind: another connection is to be used.
    case unavailable
    case invalid
}

/// What was sent of a body.
public struct SentData: Hashable, Sendable {
    /// How many bytes.
    public var count: Int
    /// Whether the end of the stream was sent behind them.
    public var isEnded: Bool

    public init(count: Int, isEnded: Bool) {
        self.count = count
        self.isEnded = isEnded
    }
}

/// The key of a WebSocket that a client has asked for.
struct Tunnel: Sendable {
    var stream: UInt32
    var key: [UInt8]
}

extension H2Connection {
    /// The most streams that a client opens before the peer has said how many it takes.
    private static let assumedStreams = 100

    /// The largest frame that is written: what every peer takes, so that no stream holds up others for long.
    private var maximumFrame: Int { min(peer.maximumFrameSize, H2Settings.leastFrameSize) }

    /// Sends the head of a response: a text of HTTP/1.1 as `ResponseRewriter` writes it. What has no meaning in HTTP/2 is left
    /// out.
    @_lifetime(writer: copy writer)
    public mutating func sendHead(
        _ stream: StreamHandle, _ text: Span<UInt8>, endsStream: Bool, _ scratch: inout HeadScratch,
        into writer: inout OutputWriter
    ) -> SendOutcome {
        guard failure == nil, streams.holds(stream), streams[stream].isLocalOpen, !streams[stream].hasSentHead else {
            return .closed
        }
        guard scratch.scan(text, hasFirstLine: true) else { return .invalid }
        if let room = missingRoom(scratch.blockRoom(text), writer.room) { return .needsRoom(room) }
        flush(into: &writer)
        guard let written = scratch.writeResponse(text, &encoder) else { return .invalid }
        let isInterim = written.status < 200
        let ends = endsStream && !isInterim
        writer.appendBlock(
            stream.id, scratch.block.span.extracting(first: written.count), endsStream: ends,
            maximumFrame: maximumFrame)
        streams[stream].hasSentHead = !isInterim
        if ends { endLocal(stream) }
        return .sent
    }

    /// Whether a client may open a stream.
    public var canOpen: Bool {
        guard role == .client, failure == nil, !shutdown.hasBegun, peerLastStream == nil else { return false }
        return streams.count < peer.maximumConcurrentStreams ?? Self.assumedStreams
            && nextStream < FrameHeader.maximumStream
    }

    /// Opens a stream with a request: a text of HTTP/1.1 as `RequestRewriter` writes it. One that asks for WebSocket becomes an
    /// extended CONNECT (RFC 8441), if the peer takes those.
    @_lifetime(writer: copy writer)
    public mutating func open(
        _ text: Span<UInt8>, isSecure: Bool, endsStream: Bool, _ scratch: inout HeadScratch,
        into writer: inout OutputWriter
    ) -> OpenOutcome {
        guard canOpen else { return .unavailable }
        guard scratch.scan(text, hasFirstLine: true) else { return .invalid }
        if scratch.asksForTunnel(text), !peer.enablesConnectProtocol { return .unavailable }
        if let room = missingRoom(scratch.blockRoom(text), writer.room) { return .needsRoom(room) }
        flush(into: &writer)
        guard let written = scratch.writeRequest(text, &encoder, isSecure: isSecure) else { return .invalid }
        let ends = endsStream && !written.isTunnel
        writer.appendBlock(
            nextStream, scratch.block.span.extracting(first: written.count), endsStream: ends,
            maximumFrame: maximumFrame)
        var stream = H2Stream(
            id: nextStream, sendWindow: peer.initialWindowSize, receiveWindow: streamReceiveWindow)
        stream.isLocalOpen = !ends
        stream.hasSentHead = true
        stream.isHead = written.isHead
        stream.isTunnel = written.isTunnel
        if written.isTunnel, let key = written.key {
            tunnels.append(Tunnel(stream: nextStream, key: key.map { text[$0] }))
        }
        nextStream += 2
        return .opened(streams.insert(stream))
    }

    /// Sends trailers, each line with its CRLF, and with them the end of the stream.
    @_lifetime(writer: copy writer)
    public mutating func sendTrailers(
        _ stream: StreamHandle, _ lines: Span<UInt8>, _ scratch: inout HeadScratch, into writer: inout OutputWriter
    ) -> SendOutcome {
        guard failure == nil, streams.holds(stream), streams[stream].isLocalOpen, streams[stream].hasSentHead else {
            return .closed
        }
        guard scratch.scan(lines, hasFirstLine: false) else { return .invalid }
        if let room = missingRoom(scratch.blockRoom(lines), writer.room) { return .needsRoom(room) }
        flush(into: &writer)
        guard let written = scratch.writeTrailers(lines, &encoder) else { return .invalid }
        writer.appendBlock(
            stream.id, scratch.block.span.extracting(first: written.count), endsStream: true,
            maximumFrame: maximumFrame)
        endLocal(stream)
        return .sent
    }

    /// Sends as much of a body as the windows and the writer take. When a window stopped it, its opening is told by
    /// `H2Event.writable`.
    ///
    /// - Parameter endsStream: whether nothing follows these bytes; with none, the end alone is sent.
    @_lifetime(writer: copy writer)
    public mutating func sendData(
        _ stream: StreamHandle, _ bytes: Span<UInt8>, endsStream: Bool, now: Int64, into writer: inout OutputWriter
    ) -> SentData {
        guard failure == nil, streams.holds(stream), streams[stream].isLocalOpen, streams[stream].hasSentHead else {
            return SentData(count: 0, isEnded: false)
        }
        flush(into: &writer)
        guard !hasOwed else { return SentData(count: 0, isEnded: false) }
        var start = 0
        while start < bytes.count {
            let window = min(streams[stream].sendWindow, sendWindow)
            let count = min(bytes.count - start, window, maximumFrame, writer.room - FrameHeader.size)
            guard count > 0 else { break }
            let isLast = start + count == bytes.count
            writer.appendData(stream.id, bytes, start..<(start + count), endsStream: isLast && endsStream)
            start += count
            streams[stream].sendWindow -= count
            sendWindow -= count
            glitches.earnCourtesy()
        }
        let isWhole = start == bytes.count
        noteProgress(stream, start, isWhole: isWhole, now: now)
        guard isWhole, endsStream else { return SentData(count: start, isEnded: false) }
        if bytes.isEmpty {
            guard writer.room >= FrameSize.empty else { return SentData(count: 0, isEnded: false) }
            writer.appendData(stream.id, bytes, 0..<0, endsStream: true)
        }
        endLocal(stream)
        return SentData(count: start, isEnded: true)
    }

    /// Watches whether windows hold back what waits.
    private mutating func noteProgress(_ stream: StreamHandle, _ sent: Int, isWhole: Bool, now: Int64) {
        let isStreamShut = !isWhole && streams[stream].sendWindow <= 0
        let isConnectionShut = !isWhole && sendWindow <= 0
        streams[stream].waitsForConnection = isConnectionShut
        if isStreamShut {
            streams[stream].isBlocked = true
            streams[stream].stall.wait(sent, now: now)
        } else if isWhole || !isConnectionShut {
            streams[stream].stall.clear()
        }
        if isConnectionShut {
            isBlocked = true
            stall.wait(sent, now: now)
        } else {
            stall.clear()
        }
        if isStreamShut || isConnectionShut, nextStallCheck == nil { nextStallCheck = now + limits.stallPeriod }
    }

    /// The room that is needed for a block and all that is owed before it, when there is not enough.
    private func missingRoom(_ block: Int, _ room: Int) -> Int? {
        let needed = owedCount + FrameSize.block(block, maximumFrame: maximumFrame)
        return room < needed ? needed : nil
    }

    /// The answer to the key of a stream's request for WebSocket.
    func acceptFor(_ stream: UInt32) -> [UInt8] {
        tunnels.first { $0.stream == stream }.map { WebSocketAccept.answer($0.key) } ?? []
    }
}
