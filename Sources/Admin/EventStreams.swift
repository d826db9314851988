// Owns the clients that follow the events: sends each of them new events as soon as the state has them.
internal import Catalog
internal import ControlPlane
internal import HTTPTransport
internal import Proactor
internal import Topology

/// Streams of server-sent events. Belongs to the admin thread.
final class EventStreams: TimerHandler {
    /// The most clients at a time.
    static let limit = 64
    /// How often to check whether the state has changed.
    static let period = Duration.milliseconds(100)

    private struct Follower {
        var writer: ServerSentEventWriter
        /// The index of the last event that was sent to it.
        var index: UInt64
    }

    private let control: ControlPlane
    private let loop: EventLoop
    private var followers: [Int: Follower] = [:]
    private var nextNumber = 0
    private var timer: LoopTimer?

    init(_ control: ControlPlane, loop: EventLoop) {
        self.control = control
        self.loop = loop
    }

    /// Answers with the events after `index`, and with each new one, until the client goes.
    func follow(_ responder: HTTPResponder, after index: UInt64) {
        guard followers.count < Self.limit else {
            responder.respond(.problem(503, "\(Self.limit) clients follow the events already"))
            return
        }
        let number = nextNumber
        nextNumber += 1
        let writer = ServerSentEventWriter(responder, loop: loop) { [weak self] in self?.followers[number] = nil }
        guard writer.isOpen else { return }
        // An index beyond the state comes from before the node was restarted without its data, when counting began
        // again.
        let known = control.snapshot?.catalog.appliedIndex ?? 0
        followers[number] = Follower(writer: writer, index: index > known ? 0 : index)
        send(to: number)
        let timer = timer ?? loop.makeTimer(self)
        self.timer = timer
        timer.set(loop.now + Self.period)
    }

    func timerExpired(_ timer: LoopTimer) {
        for number in Array(followers.keys) { send(to: number) }
        if !followers.isEmpty { timer.set(loop.now + Self.period) }
    }

    private func send(to number: Int) {
        guard let catalog = control.snapshot?.catalog, let follower = followers[number],
            follower.index < catalog.appliedIndex
        else { return }
        for event in catalog.events(after: follower.index) {
            let sent = ServerSentEvent(data: EventDocument(event).text, event: "change", id: "\(event.index)")
            guard follower.writer.send(sent) else { return }
        }
        followers[number]?.index = catalog.appliedIndex
    }
}
