// Owns what goes out on one connection of the small server: whole answers, streamed ones, and the goodbye.
internal import Proactor
internal import Topology

extension ServerConnection {
    /// Answers the request with a whole response.
    func respond(_ response: HTTPResponse) {
        guard phase == .answering else { return }
        // These have no body by definition (RFC 9110 section 6.4.1), and 204 no length either.
        let hasBody = response.status != 204 && response.status != 304
        var writer = beginHead(response)
        if hasBody { writer.add("Content-Length", "\(response.body.count)") }
        writer.end()
        output.append(writer.bytes)
        if hasBody, !isHead { output.append(response.body) }
        finishAnswer()
    }

    private func beginHead(_ response: HTTPResponse) -> MessageWriter {
        if isLastAnswer { keepsAlive = false }
        var writer = MessageWriter(status: response.status)
        writer.add("Date", server?.date.text() ?? MessageWriter.date())
        writer.add(response.fields)
        writer.add("Connection", keepsAlive ? "keep-alive" : "close")
        return writer
    }

    // MARK: Streaming

    /// Begins an answer whose end the writer tells: chunked, or for HTTP/1.0 up to the end of the connection.
    func beginStreaming(_ response: HTTPResponse, _ bodyWriter: HTTPBodyWriter) {
        guard phase == .answering else {
            bodyWriter.discard()
            return
        }
        if isOldClient { keepsAlive = false }
        var head = beginHead(response)
        if !isOldClient { head.add("Transfer-Encoding", "chunked") }
        head.end()
        output.append(head.bytes)
        guard !isHead else {
            bodyWriter.discard()
            finishAnswer()
            return
        }
        phase = .streaming
        writer = bodyWriter
        timer?.cancel()
        sendPiece(response.body)
        flush()
        // The client has gone away already; the writer must hear of it outside of the call that makes it.
        if isEnded { later { [self] in if phase == .streaming { close() } } }
    }

    /// Sends a piece of a streamed body.
    func sendPiece(_ bytes: [UInt8]) {
        guard phase == .streaming, !bytes.isEmpty else { return }
        if isOldClient {
            output.append(bytes)
        } else {
            output.append(Array("\(String(bytes.count, radix: 16))\r\n".utf8) + bytes + [0x0D, 0x0A])
        }
        flush()
    }

    /// Ends a streamed body.
    func endStreaming() {
        guard phase == .streaming else { return }
        writer = nil
        if !isOldClient { output.append(Array("0\r\n\r\n".utf8)) }
        finishAnswer()
    }

    // MARK: Sending

    /// Sends bytes that are no part of an answer.
    func send(_ bytes: [UInt8]) {
        output.append(bytes)
        flush()
    }

    private func flush() {
        guard let stream else { return }
        output.pump(stream)
        if phase == .streaming, timer?.deadline == .distantFuture { setTimer(configuration.writeTimeout) }
    }

    private func finishAnswer() {
        guard !isLastAnswer else {
            linger()
            return
        }
        phase = .idle
        flush()
        setTimer(configuration.idleTimeout)
        advance()
    }

    func stream(_ stream: Stream, sent count: Int) {
        output.pump(stream)
        switch phase {
        case .streaming:
            if unsent == 0 { timer?.cancel() } else { setTimer(configuration.writeTimeout) }
        case .lingering:
            if unsent == 0 { sayGoodbye() } else { setTimer(configuration.writeTimeout) }
        case .idle, .head: if unsent < OutputQueue.highWater { advance() }
        case .body, .answering, .closed: break
        }
    }

    /// Ends the connection once all is sent; what comes in is read and dropped until then.
    func linger() {
        guard phase != .lingering, phase != .closed else { return }
        phase = .lingering
        dropInput()
        flush()
        if unsent == 0 { sayGoodbye() } else { setTimer(configuration.writeTimeout) }
    }

    /// All is sent: says FIN and gives the client two seconds to do the same.
    private func sayGoodbye() {
        if isEnded {
            close()
        } else {
            stream?.shutdownWrite()
            setTimer(.seconds(2))
        }
    }
}
