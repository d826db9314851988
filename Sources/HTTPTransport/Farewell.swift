// Owns how a connection to a peer that may still be sending is left: read on for a while, and then closed.
internal import Proactor
internal import Topology
internal import Transport

/// Closing a connection on which bytes are unread makes the kernel reset it (RFC 9112 section 9.6), which the peer's
/// operator finds among the errors. So what still comes is read and dropped until the peer closes, or time is up.
///
/// Its stream holds it.
final class Farewell: StreamHandler, TimerHandler {
    /// Bytes that are read and dropped; whoever sends more is not going to end.
    private static let limit = 4 << 20

    private let stream: ByteStream
    private var timer: LoopTimer?
    private var dropped = 0

    /// - Parameters:
    ///   - saysEnd: whether the peer is told that nothing more will come. Whoever does so first is left with a TIME_WAIT.
    ///   - time: how long the peer is given.
    static func begin(_ detached: consuming DetachedStream, _ loop: EventLoop, saysEnd: Bool, time: Duration) {
        let farewell = Farewell(detached.stream)
        let timer = loop.makeTimer(farewell)
        farewell.timer = timer
        timer.set(loop.now + time)
        detached.stream.setHandler(farewell)
        if saysEnd { detached.stream.shutdownWrite() }
        detached.stream.receiveContinuously()
    }

    private init(_ stream: ByteStream) { self.stream = stream }

    func stream(_ stream: Stream, received buffer: consuming LoopBuffer) {
        dropped += buffer.count
        if dropped > Self.limit { end() }
    }

    func streamEnded(_ stream: Stream) { end() }
    func stream(_ stream: Stream, sent count: Int) {}
    func stream(_ stream: Stream, failed failure: StreamFailure) { end() }
    func timerExpired(_ timer: LoopTimer) { end() }

    private func end() {
        timer?.invalidate()
        timer = nil
        stream.close()
    }
}
