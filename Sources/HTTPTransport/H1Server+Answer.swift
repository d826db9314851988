// Owns what goes out on an HTTP/1 connection: a backend's answer rewritten, or one of our own.
public import HTTPWire
public import Proactor
internal import Transport

extension H1Server {
    /// Bytes up to which a body goes out with its head in one send; a larger one is passed on where it lies.
    private static let corkLimit = 15 << 10

    public func sendInterim(
        _ head: ResponseHead, _ bytes: Span<UInt8>, headLength: Int, _ edits: borrowing ResponseEdits
    ) -> Int {
        // HTTP/1.0 knows no interim answers (RFC 9110 section 15.2).
        let takesInterim = !flags.contains(.isOldClient) || HTTPMutation.seeds(.sendsInterimsToOldClients)
        guard phase == .exchanging, takesInterim else { return 0 }
        transfer = .verbatim
        let output = rewrite(head, bytes, headLength: headLength, edits, extra: 0)
        let count = output.count
        stream?.send(output)
        return count
    }

    public func respond(
        _ head: ResponseHead, _ bytes: Span<UInt8>, headLength: Int, _ edits: borrowing ResponseEdits, bodyCount: Int,
        isEnd: Bool
    ) -> Int {
        guard phase == .exchanging else { return 0 }
        chooseTransfer(head)
        let corks =
            transfer == .verbatim && bodyCount > 0 && headLength + bodyCount <= Self.corkLimit && !isEnd
            && !HTTPMutation.seeds(.sendsHeadAlone)
        let output = rewrite(head, bytes, headLength: headLength, edits, extra: corks ? bodyCount : 0)
        let count = output.count
        if corks {
            corked = consume output
        } else {
            send(output, isAwaited: false, isLast: isEnd && !isKept)
        }
        return count
    }

    /// How the body reaches this client. An early answer leaves a request half-read: the connection cannot be used again.
    private func chooseTransfer(_ head: ResponseHead) {
        transfer = .verbatim
        switch head.framing {
        case .chunked: if flags.contains(.isOldClient) { transfer = .untilClose }
        case .untilClose: transfer = flags.contains(.isOldClient) ? .untilClose : .chunk
        case .length, .none: break
        }
        let isHalfRead = !flags.contains(.isBodyComplete) && !HTTPMutation.seeds(.keepsHalfReadConnection)
        let hasNoEnd = transfer == .untilClose && !HTTPMutation.seeds(.keepsConnectionWithoutFraming)
        if hasNoEnd || isHalfRead || !isKept { flags.remove(.keepsAlive) }
    }

    /// The head that the client gets, in a buffer with room for `extra` bytes behind it.
    @inline(__always)
    private func rewrite(
        _ head: ResponseHead, _ bytes: Span<UInt8>, headLength: Int, _ edits: borrowing ResponseEdits, extra: Int,
        isUpgrade: Bool = false
    ) -> LoopBuffer {
        var delivery = ResponseDelivery()
        delivery.keepsAlive = flags.contains(.keepsAlive)
        delivery.isOldClient = flags.contains(.isOldClient)
        delivery.transfer = transfer
        delivery.isUpgrade = isUpgrade
        var output = loop.allocate(ResponseRewriter.room(for: head, headLength: headLength, edits) + extra)
        var writer = OutputWriter(output.tail)
        ResponseRewriter.write(head, bytes, edits, delivery, into: &writer)
        let count = writer.count
        output.commit(count)
        return output
    }

    public func send(_ piece: consuming LoopBuffer, isEnd: Bool) -> Int {
        guard phase == .exchanging, wire != nil else { return 0 }
        if transfer == .chunk { return sendChunk(piece, isEnd: isEnd) }
        let isLast = isEnd && !isKept
        let count = piece.count
        if var output = corked.take() {
            if output.free >= count {
                output.append(piece)
                send(output, isAwaited: false, isLast: isLast)
                return count
            }
            send(output, isAwaited: false, isLast: false)
        }
        send(piece, isAwaited: !isEnd, isLast: isLast)
        return count
    }

    /// A body without a length of its own goes out in chunks: size and CRLF around each piece.
    private func sendChunk(_ piece: consuming LoopBuffer, isEnd: Bool) -> Int {
        var queued = 0
        if !piece.isEmpty {
            var line = loop.allocate(24)
            line.appendChunkSize(piece.count)
            queued += line.count + piece.count + 2
            stream?.send(line)
            stream?.send(piece)
        }
        var tail = loop.allocate(16)
        tail.append(isEnd ? "\r\n0\r\n\r\n" : "\r\n", from: queued > 0 ? 0 : 2)
        if isEnd { queued += 5 }
        stream?.send(tail, isLast: isEnd && !isKept)
        return queued
    }

    /// In a pipe no bytes can be put behind a head in the same buffer.
    public var takesPipes: Bool {
        switch corked {
        case .some: false
        case .none: transfer != .chunk && stream?.takesPipes ?? false
        }
    }

    public func sendEnd() -> Int {
        guard phase == .exchanging, let stream else { return 0 }
        if let output = corked.take() { stream.send(output) }
        guard transfer == .chunk else { return 0 }
        return sendChunk(loop.allocate(0), isEnd: true)
    }

    public func answer(_ answer: borrowing PlainAnswer) {
        guard phase == .exchanging || phase == .head || phase == .idle else { return }
        let isUnclear = !flags.contains(.isBodyComplete) || flags.contains(.wantsUpgrade) || phase != .exchanging
        if !isKept || isUnclear { flags.remove(.keepsAlive) }
        var buffer = loop.allocate(1024 + answer.page.count + answer.requestID.count)
        var writer = OutputWriter(buffer.tail)
        ErrorResponse.write(
            status: answer.status, date: answer.date, requestID: answer.requestID, page: answer.page,
            keepsAlive: flags.contains(.keepsAlive), headOnly: flags.contains(.isHead) && phase == .exchanging,
            retryAfter: answer.retryAfter, isOldClient: flags.contains(.isOldClient), detail: answer.detail,
            into: &writer)
        let count = writer.count
        buffer.commit(count)
        corked = nil
        stream?.send(buffer)
    }

    /// Queues bytes of an answer that its handler has written itself, head and all.
    ///
    /// - Parameter keepsAlive: what its head says of the connection.
    func sendWritten(_ bytes: consuming LoopBuffer, keepsAlive: Bool) {
        if !keepsAlive { flags.remove(.keepsAlive) }
        transfer = .verbatim
        stream?.send(bytes)
    }

    public func awaitSent() { stream?.awaitSent() }

    public func upgrade(
        _ head: ResponseHead, _ bytes: Span<UInt8>, headLength: Int, _ edits: borrowing ResponseEdits
    ) -> DetachedStream? {
        guard let stream, phase == .exchanging else { return nil }
        transfer = .verbatim
        stream.send(rewrite(head, bytes, headLength: headLength, edits, extra: 0, isUpgrade: true))
        return detach()
    }

    /// Gives the connection away, with what the client sent behind its request.
    func detach() -> DetachedStream? {
        guard let stream, phase != .closed else { return nil }
        phase = .closed
        handler = nil
        let early = pending.take()
        leave()
        return DetachedStream(stream, early: early)
    }
}

extension LoopBuffer {
    /// Appends a chunk's size and CRLF (RFC 9112 section 7.1).
    mutating func appendChunkSize(_ size: Int) {
        var writer = OutputWriter(tail)
        var isLeading = true
        for shift in stride(from: 60, through: 0, by: -4) {
            let digit = UInt8(truncatingIfNeeded: (size >> shift) & 15)
            if digit != 0 { isLeading = false }
            if !isLeading { writer.append(byte: digit < 10 ? 0x30 + digit : 0x57 + digit) }
        }
        writer.append("\r\n")
        let count = writer.count
        commit(count)
    }

    /// Appends a text but for its first bytes.
    fileprivate mutating func append(_ text: StaticString, from start: Int) {
        var writer = OutputWriter(tail)
        text.withUTF8Buffer { bytes in for index in start..<bytes.count { writer.append(byte: bytes[index]) } }
        let count = writer.count
        commit(count)
    }
}
