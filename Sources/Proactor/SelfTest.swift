// Owns the choice of the backend: io_uring only where each operation that the loop uses was seen to work.
internal import Glibc
internal import Topology

/// What `--io` asks for.
public enum IOChoice: String, Sendable, CaseIterable {
    case auto
    case uring = "io_uring"
    case epoll
}

/// Tries a backend on loopback.
public enum SelfTest {
    /// Which backend to use, and why io_uring is not it.
    public struct Verdict: Sendable {
        public let io: IOKind
        /// Why not io_uring, when `auto` fell back; nil otherwise.
        public let fallback: String?
    }

    /// Settles `choice` for all loops of the process.
    ///
    /// - Throws: when io_uring is asked for by name and does not work here.
    public static func choose(_ choice: IOChoice) throws(SystemError) -> Verdict {
        if choice == .epoll { return Verdict(io: .epoll, fallback: nil) }
        do throws(SystemError) {
            try run(.uring)
            return Verdict(io: .uring, fallback: nil)
        } catch {
            if choice == .uring { throw error }
            return Verdict(io: .epoll, fallback: error.description)
        }
    }

    /// Accepts, connects, sends, receives in each mode, waits for room, cancels and closes once.
    static func run(_ io: IOKind) throws(SystemError) {
        var buffers = LoopBuffers.modest
        buffers.smallCount = 8
        buffers.largeCount = 4
        let loop = try EventLoop(io: io, buffers: buffers)
        guard let address = SocketAddress(numeric: .host("127.0.0.1", port: 0)) else { return }
        let socket = try ListeningSocket.bind(address)[0]
        let conversation = Conversation(loop: loop)
        let acceptor = loop.accept(on: socket, handler: conversation)
        _ = try loop.connect(to: socket.address, handler: conversation)
        let limit = MonotonicClock.now + .seconds(2)
        while conversation.step != .done, MonotonicClock.now < limit {
            loop.turn(limit: .milliseconds(50))
            conversation.look()
        }
        let reached = conversation.step
        conversation.closeAll()
        acceptor.cancel()
        for _ in 0..<200 where !conversation.acceptorIsClosed { loop.turn(limit: .milliseconds(10)) }
        guard reached == .done else { throw SystemError(code: ENOSYS, action: "\(io.rawValue) self-test, \(reached)") }
    }

    /// A short exchange with itself: continuous receive, then a single large one, then waiting for room, then FIN.
    private final class Conversation: StreamHandler, AcceptHandler {
        enum Step { case connecting, greeting, cancelling, waiting, ending, done }
        let loop: EventLoop
        var step = Step.connecting
        var client: Stream?
        var server: Stream?
        var acceptorIsClosed = false

        init(loop: EventLoop) { self.loop = loop }

        func closeAll() {
            client?.close()
            server?.close()
        }

        private func say(_ stream: Stream?) {
            var buffer = loop.allocate(16)
            buffer.append([1, 2, 3].span)
            stream?.send(buffer)
        }

        func acceptor(_ acceptor: Acceptor, accepted connection: AcceptedConnection) {
            server = try? loop.adopt(connection, handler: self)
            server?.receiveContinuously()
        }
        func acceptor(_ acceptor: Acceptor, failed error: SystemError) {}
        func acceptorClosed(_ acceptor: Acceptor) { acceptorIsClosed = true }

        func streamConnected(_ stream: Stream) {
            client = stream
            step = .greeting
            say(stream)
        }

        func stream(_ stream: Stream, received buffer: consuming LoopBuffer) {
            guard buffer.count == 3 else { return }
            if step == .greeting {
                step = .cancelling
                stream.pauseReceiving()
                stream.receiveOnce()
                say(client)
            } else if step == .cancelling {
                step = .waiting
                client?.awaitRoom()
            } else if step == .ending {
                stream.receiveContinuously()
                client?.shutdownWrite()
            }
        }

        /// The client receives nothing, so when nothing of it is in flight any more, it has heard of the room.
        func look() {
            guard step == .waiting, client?.operations == 0 else { return }
            step = .ending
            server?.receiveOnce()
            say(client)
        }

        func streamEnded(_ stream: Stream) { if step == .ending { step = .done } }
        func stream(_ stream: Stream, sent count: Int) {}
        func stream(_ stream: Stream, failed failure: StreamFailure) {}
    }
}
