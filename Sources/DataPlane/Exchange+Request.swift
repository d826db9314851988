// Owns sending a request: its head, what is kept of its body, and the rest as it comes.
internal import HTTPTransport
internal import HTTPWire
internal import Proactor
internal import Proxying
internal import Synchronization
internal import Topology

extension Exchange {
    /// Sends the head, and what is kept of the body.
    func sendRequest(omitsExpect: Bool) {
        guard link != nil, message.head != nil else { return }
        if let gate = permit?.gate, !ShellMutation.seeds(.sendsOldEpoch) { message.head?.renewFence(gate, loop) }
        if omitsExpect { message.head?.removeExpect(loop) }
        guard let head = message.head?.copy(loop) else { return }
        let isWhole = core.request.isComplete
        send(head, isEnd: isWhole && message.kept.isEmpty)
        if !message.kept.isEmpty, !ShellMutation.seeds(.replaysNothing), let upstream {
            sendKept(upstream, isWhole: isWhole)
        }
        if isWhole { armTimer(ExchangeCore.Unsent(toClient: 1, toBackend: 1)) } else { receiveRequest() }
    }

    @inline(__always)
    private func send(_ head: consuming LoopBuffer, isEnd: Bool) {
        switch link {
        case .some(let link):
            link.stream.send(head: head, method: message.method, isEnd: isEnd, chunkForm: message.chunkForm)
        case .none: break
        }
    }

    private func sendKept(_ upstream: any ClientStream, isWhole: Bool) {
        guard core.mayReplay else {
            worker.replayBytes -= message.kept.byteCount
            while let piece = message.kept.popFirst() { upstream.send(piece, isEnd: isWhole && message.kept.isEmpty) }
            return
        }
        let last = message.kept.count - 1
        for index in 0...last {
            _ = message.kept.withBytes(at: index) { bytes in
                var copy = loop.allocate(bytes.count)
                copy.append(bytes)
                upstream.send(copy, isEnd: isWhole && index == last)
            }
        }
    }

    // MARK: The body

    func serverStream(_ stream: any ServerStream, received piece: consuming LoopBuffer, isEnd: Bool) {
        let disposition = core.requestBody(
            piece.count, isEnd: isEnd, mayKeep: worker.replayBytes < Worker.replayLimit, now: loop.now)
        if disposition.dropsKept { forgetKept() }
        guard disposition.forwards, let upstream else {
            if disposition.keeps { keep(loop.holdable(piece)) }
            return
        }
        if disposition.keeps {
            var copy = loop.allocate(piece.count)
            copy.append(piece)
            keep(copy)
            if ShellMutation.seeds(.keepsPiecesTwice) {
                var again = loop.allocate(piece.count)
                again.append(piece)
                keep(again)
            }
        }
        upstream.send(piece, isEnd: isEnd)
        if !isEnd { receiveRequest() }
    }

    func serverStream(_ stream: any ServerStream, malformed error: WireError) {
        worker.process.badRequests.add(1, ordering: .relaxed)
        perform(core.requestMalformed(error))
    }

    /// Receives more of the body, unless the backend is behind with what it has.
    func receiveRequest() {
        guard let stream, let upstream else { return }
        let isWanted = upstream.unsent < worker.highWater
        core.receivesRequest(isWanted, now: loop.now)
        if isWanted {
            // What is kept for another attempt has to be read.
            let mayPipe = !core.request.isReplayable || ShellMutation.seeds(.pipesWhatIsKept)
            stream.receiveBody(piped: mayPipe && upstream.takesPipes)
        } else {
            stream.pauseBody()
            upstream.awaitSent()
        }
        armTimer()
    }

    private func keep(_ piece: consuming LoopBuffer) {
        worker.replayBytes += piece.count
        message.kept.append(piece)
    }

    func forgetKept() {
        guard !message.kept.isEmpty else { return }
        if !ShellMutation.seeds(.leaksReplayBytes) { worker.replayBytes -= message.kept.byteCount }
        message.kept.removeAll()
    }
}
