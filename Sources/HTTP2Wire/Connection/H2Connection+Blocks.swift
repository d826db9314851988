// Owns header blocks: which stream they may come on, how they are put together, and what becomes of them.
import HTTPWire

extension H2Connection {
    /// CONTINUATION frames beyond this number have to bring `fairFragment` bytes on average.
    private static let fairContinuations = 8
    private static let fairFragment = 1024

    mutating func beginBlock(_ stream: UInt32, _ endsStream: Bool, _ endsHeaders: Bool, _ now: Int64) -> H2Event? {
        let purpose = role == .server ? purposeOfRequest(stream, endsStream) : purposeOfResponse(stream, endsStream)
        if case .failure(let code) = purpose { return fail(code, "headers") }
        block = OpenBlock(stream: stream, purpose: purpose, endsStream: endsStream, endsHeaders: endsHeaders)
        return nil
    }

    /// What a block from a client is (RFC 9113 section 5.1).
    private mutating func purposeOfRequest(_ stream: UInt32, _ endsStream: Bool) -> OpenBlock.Purpose {
        guard stream & 1 == 1 else { return .failure(.protocolError) }
        if stream > lastPeerStream {
            lastPeerStream = stream
            // The goodbye has named the last one: what comes later is as if it had not.
            if let promised = shutdown.promised, stream > promised { return .ignored }
            return streams.count < limits.concurrentStreams ? .request : .reset(.refusedStream)
        }
        if let handle = streams.find(stream) {
            guard streams[handle].isRemoteOpen else { return .reset(.streamClosed) }
            return endsStream ? .trailers(handle) : .reset(.protocolError)
        }
        switch closed.find(stream) {
        case .resetHere: return .ignored
        case .resetByPeer: return .reset(.streamClosed)
        case .ended: return .failure(.streamClosed)
        // Skipped by later ones, which closed it (section 5.1.1).
        case nil: return .failure(.protocolError)
        }
    }

    private func purposeOfResponse(_ stream: UInt32, _ endsStream: Bool) -> OpenBlock.Purpose {
        if let handle = streams.find(stream) {
            guard streams[handle].isRemoteOpen else { return .reset(.streamClosed) }
            guard streams[handle].hasFinalHead else { return .response(handle) }
            return endsStream ? .trailers(handle) : .reset(.protocolError)
        }
        if isIdle(stream) { return .failure(.protocolError) }
        return closed.find(stream) == .ended ? .failure(.streamClosed) : .ignored
    }

    mutating func continueBlock(_ length: Int, _ endsHeaders: Bool, _ now: Int64) -> H2Event? {
        block.endsHeaders = endsHeaders
        block.frames += 1
        let isMany = block.frames > Self.fairContinuations
        let isSmall = block.bytes.count + length < block.frames * Self.fairFragment
        return length == 0 || (isMany && isSmall) ? glitch(.continuation, now) : nil
    }

    mutating func takeFragment(
        _ input: Span<UInt8>, _ range: Range<Int>, _ isLast: Bool, _ now: Int64, _ scratch: inout HeadScratch
    ) -> H2Event? {
        let isWhole = isLast && block.endsHeaders
        if isWhole, block.bytes.isEmpty { return finishBlock(input.extracting(range), now, &scratch) }
        guard block.bytes.count + range.count <= limits.maximumBlock else {
            return fail(.enhanceYourCalm, "block_too_large")
        }
        if block.deadline == nil { block.deadline = now + limits.headTimeout }
        let start = block.bytes.count
        block.bytes.append(contentsOf: repeatElement(0, count: range.count))
        var writer = OutputWriter(block.bytes.mutableSpan, startingAt: start)
        writer.append(input, range.lowerBound, range.upperBound)
        guard isWhole else { return nil }
        block.deadline = nil
        var bytes: [UInt8] = []
        swap(&bytes, &block.bytes)
        return finishBlock(bytes.span, now, &scratch)
    }

    private mutating func finishBlock(
        _ bytes: Span<UInt8>, _ now: Int64, _ scratch: inout HeadScratch
    ) -> H2Event? {
        var context = HeadContext()
        context.endsStream = block.endsStream
        var kind = HeadKind.trailers
        switch block.purpose {
        case .request:
            kind = .request
            context.allowsTunnel = limits.allowsConnectProtocol
        case .response(let handle):
            guard streams.holds(handle) else { break }
            kind = .response
            context.method = streams[handle].isHead ? .head : .get
            context.allowsTunnel = streams[handle].isTunnel
            if streams[handle].isTunnel { context.accept = acceptFor(handle.id) }
        default: break
        }
        let reading = scratch.read(kind, bytes, &decoder, context)
        switch reading {
        case .broken: return fail(.compressionError, "hpack")
        case .flood: return fail(.enhanceYourCalm, "head_flood")
        default: break
        }
        switch block.purpose {
        case .request: return finishRequest(reading, now, &scratch)
        case .response(let handle): return finishResponse(handle, reading, now, &scratch)
        case .trailers(let handle): return finishTrailers(handle, reading, now)
        case .ignored: return courtesy(.closedStream, now)
        case .reset(let code):
            if let handle = streams.find(block.stream) { return streamError(handle, code, now) }
            return refuse(block.stream, code, now)
        case .failure(let code): return fail(code, "headers")
        }
    }

    /// Resets a stream that the shell does not know.
    private mutating func refuse(_ stream: UInt32, _ code: ErrorCode, _ now: Int64) -> H2Event? {
        owe(FrameSize.small) { $0.appendReset(stream, code) }
        closed.note(stream, .resetHere)
        return glitch(code == .refusedStream ? .refusedStream : .causedReset, now)
    }

    private mutating func finishRequest(
        _ reading: HeadReading, _ now: Int64, _ scratch: inout HeadScratch
    ) -> H2Event? {
        var stream = H2Stream(
            id: block.stream, sendWindow: peer.initialWindowSize, receiveWindow: streamReceiveWindow)
        stream.isRemoteOpen = !block.endsStream
        stream.hasFinalHead = true
        stream.priority = scratch.parts.priority
        switch reading {
        case .complete:
            stream.isTunnel = scratch.parts.protocolName != nil
            stream.remaining = scratch.request.fields.declaredLength
            if block.endsStream, stream.remaining ?? 0 > 0 { return refuse(block.stream, .protocolError, now) }
            glitches.earnCourtesy()
            return .request(streams.insert(stream), endsStream: block.endsStream)
        case .refused(let error):
            return .refused(streams.insert(stream), error, endsStream: block.endsStream)
        case .tooLarge:
            if let event = glitch(.largeHead, cost: 5, now) { return event }
            return .refused(streams.insert(stream), WireError(431, "head_too_large"), endsStream: block.endsStream)
        default: return refuse(block.stream, .protocolError, now)
        }
    }

    private mutating func finishResponse(
        _ handle: StreamHandle, _ reading: HeadReading, _ now: Int64, _ scratch: inout HeadScratch
    ) -> H2Event? {
        guard streams.holds(handle) else { return nil }
        guard reading == .complete else { return streamError(handle, .protocolError, now) }
        let response = scratch.response
        let isAccepted = streams[handle].isTunnel && response.acceptsWebSocket
        if response.isInformational, !isAccepted {
            // An interim response ends nothing (RFC 9113 section 8.1).
            return block.endsStream ? streamError(handle, .protocolError, now) : .interim(handle)
        }
        streams[handle].hasFinalHead = true
        streams[handle].isTunnel = isAccepted
        let isWithoutBody = streams[handle].isHead || response.status == 204 || response.status == 304
        streams[handle].remaining = isWithoutBody ? 0 : response.fields.declaredLength
        if block.endsStream {
            guard streams[handle].remaining ?? 0 == 0 else { return streamError(handle, .protocolError, now) }
            endRemote(handle)
        }
        return .response(handle, endsStream: block.endsStream)
    }

    private mutating func finishTrailers(_ handle: StreamHandle, _ reading: HeadReading, _ now: Int64) -> H2Event? {
        guard streams.holds(handle) else { return nil }
        guard reading == .complete, streams[handle].remaining ?? 0 == 0 else {
            return streamError(handle, .protocolError, now)
        }
        endRemote(handle)
        return .trailers(handle)
    }
}
