// Owns the tests of the mailbox: order, waking, the limit, and hosts on threads of their own.
import Synchronization
import Testing
import Topology

@testable import Proactor

extension EventLoopContract {
    @Test(arguments: backends)
    func mailOfEachThreadArrivesWholeAndInOrder(_ io: IOKind) throws {
        let loop = try EventLoop(io: io, buffers: .modest)
        let arrived = Mutex<[[Int]]>(Array(repeating: [], count: 4))
        let mailbox = loop.mailbox
        let threads = try (0..<4).map { thread in
            try LoopThread.start(name: "poster \(thread)") {
                for number in 0..<5_000 {
                    while !mailbox.post({ arrived.withLock { $0[thread].append(number) } }) {}
                }
            }
        }
        let limit = MonotonicClock.now + .seconds(20)
        while arrived.withLock({ $0.contains { $0.count < 5_000 } }), MonotonicClock.now < limit {
            loop.turn(limit: .milliseconds(100))
        }
        for thread in threads { thread.join() }
        for thread in 0..<4 { #expect(arrived.withLock { $0[thread] } == Array(0..<5_000)) }
        loop.end()
    }

    @Test(arguments: backends)
    func mailWakesASleepingLoop(_ io: IOKind) throws {
        // Each question is asked only after the answer to the one before, so the loop sleeps between them.
        let host = try LoopHost.start(name: "sleeper", io: io, buffers: .modest) { _ throws(SystemError) in Counter() }
        let done = Signal()
        for round in 1...200 {
            let accepted = host.post { counter in
                counter.count += 1
                done.raise(counter.count)
            }
            #expect(accepted)
            #expect(done.wait() == round)
        }
        host.stop()
    }

    @Test(arguments: backends)
    func aFullMailboxRefuses(_ io: IOKind) throws {
        let loop = try EventLoop(io: io, buffers: .modest)
        let ran = Mutex(0)
        for _ in 0..<Mailbox.limit { #expect(loop.mailbox.post { ran.withLock { $0 += 1 } }) }
        #expect(!loop.mailbox.post { ran.withLock { $0 += 1_000_000 } })
        loop.turn(limit: .seconds(1))
        #expect(ran.withLock { $0 } == Mailbox.limit)
        // Mail that mail posts runs too, in a later turn, and wakes the loop for it.
        let mailbox = loop.mailbox
        mailbox.post { mailbox.post { ran.withLock { $0 = -1 } } }
        for _ in 0..<3 where ran.withLock({ $0 != -1 }) { loop.turn(limit: .seconds(1)) }
        #expect(ran.withLock { $0 } == -1)
        loop.end()
    }

    @Test(arguments: backends)
    func aHostStopsWithConnectionsOpen(_ io: IOKind) async throws {
        await #expect(processExitsWith: .success) { [name = io.rawValue as String] in
            try EventLoopContract.stopWithConnectionsOpen(try #require(IOKind(rawValue: name)))
        }
    }

    /// Runs in a process of its own, where nobody else opens sockets.
    private static func stopWithConnectionsOpen(_ io: IOKind) throws {
        let before = openSockets()
        do {
            let bound = try ListeningSocket.bind(#require(SocketAddress(numeric: .host("127.0.0.1", port: 0))))[0]
            let done = Signal()
            let host = try LoopHost.start(name: "server", io: io, buffers: .modest) { loop throws(SystemError) in
                let greeter = Greeter(loop: loop, greeted: done)
                _ = loop.accept(on: bound, handler: greeter)
                return greeter
            }
            let peer = try RawPeer(to: bound.address)
            try #require(done.wait() == 1)
            host.stop()
            try #require(peer.next() == .bytes([7]))
            try #require(peer.next() == .ended)
        }
        try #require(openSockets() == before)
    }

    @Test(arguments: backends)
    func aHostTellsWhyItDidNotStart(_ io: IOKind) {
        let refusal = SystemError(code: 98, action: "set up")
        let error = #expect(throws: SystemError.self) {
            _ = try LoopHost.start(name: "failing", io: io) { _ throws(SystemError) -> Counter in throw refusal }
        }
        #expect(error == refusal)
    }
}

private final class Counter { var count = 0 }

/// Greets each connection, holds it open, and has a timer armed.
private final class Greeter: AcceptHandler, StreamHandler, TimerHandler {
    private let loop: EventLoop
    private let greeted: Signal
    private var streams: [Stream] = []
    private var timer: LoopTimer?

    init(loop: EventLoop, greeted: Signal) {
        self.loop = loop
        self.greeted = greeted
        timer = loop.makeTimer(self)
        timer?.set(loop.now + .seconds(60))
    }

    func acceptor(_ acceptor: Acceptor, accepted connection: AcceptedConnection) {
        guard let stream = try? loop.adopt(connection, handler: self) else { return }
        streams.append(stream)
        stream.receiveContinuously()
        var greeting = loop.allocate(1)
        greeting.append([7].span)
        stream.send(greeting)
    }
    func acceptor(_ acceptor: Acceptor, failed error: SystemError) {}
    func acceptorClosed(_ acceptor: Acceptor) {}
    func timerExpired(_ timer: LoopTimer) {}
    func stream(_ stream: Stream, received buffer: consuming LoopBuffer) {}
    func streamEnded(_ stream: Stream) {}
    func stream(_ stream: Stream, sent count: Int) { greeted.raise(1) }
    func stream(_ stream: Stream, failed failure: StreamFailure) {}
}
