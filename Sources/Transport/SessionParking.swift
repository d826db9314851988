// Owns when a session lets go of its memory for records: after a second in which no bytes came or went.
internal import Proactor
internal import TLS
internal import Topology

/// Parks a session that idles. While it is busy this costs a store for each buffer: the timer runs out once a second and
/// looks how long ago the last one was.
final class SessionParking: TimerHandler {
    static let idleness = Duration.seconds(1)

    private let session: TLSSession
    private weak var loop: EventLoop?
    private var timer: LoopTimer?
    private var last = Tick.zero

    init(_ session: TLSSession) { self.session = session }

    /// Whether nothing has come or gone since the session was parked, or at all.
    var isParked: Bool { timer == nil }

    /// Bytes have come or go.
    @inline(__always)
    func note(_ loop: EventLoop) {
        last = loop.now
        if isParked { start(loop) }
    }

    private func start(_ loop: EventLoop) {
        self.loop = loop
        let timer = loop.makeTimer(self)
        timer.set(last + Self.idleness)
        self.timer = timer
    }

    func timerExpired(_ timer: LoopTimer) {
        guard let loop else { return end() }
        let due = last + Self.idleness
        if loop.now < due { return timer.set(due) }
        // A part of a record that has come is read on from the memory that it is in.
        if session.park() || !session.isIntact { end() } else { timer.set(loop.now + Self.idleness) }
    }

    /// The connection is over, or idles: the timer is of no more use.
    func end() {
        timer?.invalidate()
        timer = nil
    }
}
