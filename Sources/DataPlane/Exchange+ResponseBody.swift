// Owns the response's body: counted or followed, passed on where it lies, held back for slow readers.
internal import Balancing
internal import Catalog
internal import HTTPWire
internal import Proactor
internal import Routing
internal import Synchronization
internal import Topology

extension Exchange {
    /// The body's first bytes fit behind the head: one buffer, one send.
    @inline(__always)
    func relayJoined(_ body: LoopBuffer, _ output: inout LoopBuffer, _ stream: Stream) {
        let taken: Int
        let isDone: Bool
        let passed: Int
        var addsTrailers = false
        if case .length = responseFraming {
            taken = Int(min(UInt64(body.count), responseRemaining))
            responseRemaining -= UInt64(taken)
            passed = taken
            isDone = responseRemaining == 0
        } else {
            guard let followed = followChunks(body) else {
                loop.giveBack(output)
                loop.giveBack(body)
                hasAnswered = false
                fail(502, "chunked_coding")
                return
            }
            taken = followed.taken
            passed = followed.count
            addsTrailers = followed.addsTrailers
            isDone = followed.isDone
        }
        if taken < body.count { upstreamKeepsAlive = false }
        output.append(body.bytes.extracting(first: passed))
        // All of the section is in this buffer, so there is room for what is left of it.
        if addsTrailers { output.append(responseDecoder.trailerSection.span) }
        loop.giveBack(body)
        bytesOut += output.count
        stream.send(output, isAwaited: false, isLast: isDone && !clientKeepsAlive)
        if isDone { finishResponse() } else { receiveMoreResponse() }
    }

    /// The head is out; the body's first bytes follow.
    func startBody(_ body: LoopBuffer) {
        if responseFraming == .none {
            if !body.isEmpty { upstreamKeepsAlive = false }
            loop.giveBack(body)
            finishResponse()
        } else if body.isEmpty {
            loop.giveBack(body)
            receiveMoreResponse()
        } else {
            relayBody(body)
        }
    }

    /// Passes body bytes on.
    func relayBody(_ buffer: LoopBuffer) {
        guard let stream = session?.stream else {
            loop.giveBack(buffer)
            return
        }
        var body = buffer
        var isDone = false
        var trailers: LoopBuffer?
        switch responseFraming {
        case .length:
            let taken = Int(min(UInt64(body.count), responseRemaining))
            responseRemaining -= UInt64(taken)
            isDone = responseRemaining == 0
            // More than was announced: nothing of it is passed on, and the connection is of no more use.
            if taken < body.count { upstreamKeepsAlive = false }
            body.truncate(taken)
        case .chunked:
            if transfer == .untilClose {
                relayDecoded(body, stream)
                return
            }
            guard let followed = followChunks(body) else {
                loop.giveBack(body)
                countError()
                fail(502, "chunked_coding")
                return
            }
            isDone = followed.isDone
            if followed.taken < body.count { upstreamKeepsAlive = false }
            body.truncate(followed.count)
            if followed.addsTrailers { trailers = trailerSection(of: responseDecoder) }
        case .untilClose:
            if transfer == .chunk { sendChunkSize(body.count, stream) }
        case .none: break
        }
        bytesOut += body.count + (trailers?.count ?? 0)
        if body.isEmpty { loop.giveBack(body) } else { stream.send(body) }
        if let trailers { stream.send(trailers) }
        if transfer == .chunk { sendText("\r\n", stream) }
        if isDone { finishResponse() } else { receiveMoreResponse() }
    }

    /// Validates chunks without looking at their payload.
    ///
    /// - Returns: nil when they are broken.
    @inline(__always)
    private func followChunks(_ body: LoopBuffer) -> ChunkedDecoder.Passage? { try? responseDecoder.follow(body.bytes) }

    /// An HTTP/1.0 client gets the payload alone.
    private func relayDecoded(_ body: LoopBuffer, _ stream: Stream) {
        var position = 0
        var output = loop.allocate(body.count)
        loop: while true {
            switch responseDecoder.step(body.bytes, &position) {
            case .payload(let range): output.append(body.bytes.extracting(range))
            case .needMore: break loop
            case .done:
                bytesOut += output.count
                stream.send(output)
                self.loop.giveBack(body)
                finishResponse()
                return
            case .failed:
                self.loop.giveBack(output)
                self.loop.giveBack(body)
                countError()
                fail(502, "chunked_coding")
                return
            }
        }
        bytesOut += output.count
        stream.send(output)
        self.loop.giveBack(body)
        receiveMoreResponse()
    }

    private func sendChunkSize(_ size: Int, _ stream: Stream) {
        var line = loop.allocate(24)
        var writer = OutputWriter(line.tail)
        var started = false
        for shift in stride(from: 60, through: 0, by: -4) {
            let digit = UInt8(truncatingIfNeeded: (size >> shift) & 15)
            started = started || digit != 0
            if started { writer.append(byte: digit < 10 ? 0x30 + digit : 0x57 + digit) }
        }
        writer.append("\r\n")
        let count = writer.count
        line.commit(count)
        stream.send(line)
    }

    private func sendText(_ text: StaticString, _ stream: Stream) {
        var buffer = loop.allocate(16)
        var writer = OutputWriter(buffer.tail)
        writer.append(text)
        let count = writer.count
        buffer.commit(count)
        stream.send(buffer)
    }

    /// Receives more of the body unless the client is behind with what it has. A long body comes in large buffers.
    @inline(__always)
    func receiveMoreResponse() {
        guard let client = session?.stream, let upstream = upstream?.stream else { return }
        if client.unsent >= Self.highWater(loop) {
            upstream.pauseReceiving()
            client.awaitSent()
        } else if receivesLarge || isLong {
            receivesLarge = true
            upstream.receiveOnce()
        } else {
            upstream.receiveContinuously()
        }
    }

    private var isLong: Bool {
        if case .length = responseFraming { return responseRemaining > 48 << 10 }
        return bytesOut > 64 << 10
    }

    /// The client took a buffer.
    @inline(__always)
    func clientSent() {
        lastProgress = loop.now
        guard phase == .answering, let client = session?.stream, client.unsent < Self.highWater(loop) / 2 else {
            return
        }
        receiveMoreResponse()
    }

    /// The answer is wholly queued.
    @inline(__always)
    func finishResponse() {
        if transfer == .chunk, let stream = session?.stream { sendText("0\r\n\r\n", stream) }
        releaseUpstream(reusable: upstreamKeepsAlive && isRequestComplete, isWhole: true)
        end(keepsAlive: clientKeepsAlive && isRequestComplete)
    }
}
