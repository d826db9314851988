// Owns what the contract's tests share: the backends to test, a recording handler, and a loop with a listener.
import Glibc
import Testing
import Topology

@testable import Proactor

/// The rules that both backends obey, each tested on both. Its tests are in the extensions, one file a subject.
@Suite(.serialized) struct EventLoopContract {
    /// The backends that this machine allows; io_uring is forbidden in many containers.
    static let backends: [IOKind] = IOKind.allCases.filter { io in
        do throws(SystemError) {
            try SelfTest.run(io)
            return true
        } catch {
            print("The contract is not tested on \(io.rawValue), which does not work here: \(error)")
            return false
        }
    }
}

/// Writes down all that happens on a stream; hooks let a test react inside the call.
final class Recorder: StreamHandler {
    var bytes: [UInt8] = []
    /// The size of each buffer received.
    var pieces: [Int] = []
    var connections = 0
    var ends = 0
    var failures: [StreamFailure] = []
    var sent: [Int] = []
    /// All calls of any kind.
    var calls = 0
    /// Whether buffers are kept instead of let go of.
    var holds = false
    var held = BufferQueue()

    var onConnected: ((Stream) -> Void)?
    var onReceived: ((Stream) -> Void)?
    var onEnded: ((Stream) -> Void)?
    var onSent: ((Stream) -> Void)?
    var onFailed: ((Stream) -> Void)?

    func streamConnected(_ stream: Stream) {
        calls += 1
        connections += 1
        onConnected?(stream)
    }

    func stream(_ stream: Stream, received buffer: consuming LoopBuffer) {
        calls += 1
        pieces.append(buffer.count)
        buffer.bytes.withUnsafeBufferPointer { bytes.append(contentsOf: $0) }
        if holds { held.append(buffer) }
        onReceived?(stream)
    }

    func streamEnded(_ stream: Stream) {
        calls += 1
        ends += 1
        onEnded?(stream)
    }

    func stream(_ stream: Stream, sent count: Int) {
        calls += 1
        sent.append(count)
        onSent?(stream)
    }

    func stream(_ stream: Stream, failed failure: StreamFailure) {
        calls += 1
        failures.append(failure)
        onFailed?(stream)
    }
}

/// A stream and the record of what happened on it.
struct End {
    let stream: Stream
    let record: Recorder
}

/// A loop with a listening socket on loopback, whose accepted connections become recorded streams.
final class Workbench: AcceptHandler {
    let loop: EventLoop
    let address: SocketAddress
    private(set) var acceptor: Acceptor!
    var accepted: [End] = []
    var acceptErrors: [SystemError] = []
    var acceptorClosed = 0
    /// Runs as soon as a connection was made a stream.
    var onAccepted: ((End) -> Void)?
    private var opened: [Stream] = []

    init(_ io: IOKind, buffers: LoopBuffers = .modest, listensOn name: Address = .host("127.0.0.1", port: 0)) throws {
        loop = try EventLoop(io: io, buffers: buffers)
        let numeric = try #require(SocketAddress(numeric: name))
        let socket = try ListeningSocket.bind(numeric)[0]
        address = socket.address
        acceptor = loop.accept(on: socket, handler: self)
    }

    func acceptor(_ acceptor: Acceptor, accepted connection: AcceptedConnection) {
        let record = Recorder()
        guard let stream = try? loop.adopt(connection, handler: record) else { return }
        let end = End(stream: stream, record: record)
        accepted.append(end)
        opened.append(stream)
        onAccepted?(end)
    }

    func acceptor(_ acceptor: Acceptor, failed error: SystemError) { acceptErrors.append(error) }
    func acceptorClosed(_ acceptor: Acceptor) { acceptorClosed += 1 }

    /// Begins a connection of the loop to its own listener, or to another address.
    func connect(to other: SocketAddress? = nil) throws -> End {
        let record = Recorder()
        let stream = try loop.connect(to: other ?? address, handler: record)
        opened.append(stream)
        return End(stream: stream, record: record)
    }

    /// Two connected streams of this loop.
    func pair() throws -> (client: End, server: End) {
        let before = accepted.count
        let client = try connect()
        try #require(turn { client.record.connections == 1 && accepted.count > before })
        return (client, accepted[before])
    }

    /// A plain socket outside the loop, and the stream at its other end.
    func rawPair(receiveBuffer: Int32? = nil) throws -> (raw: RawPeer, server: End) {
        let before = accepted.count
        let raw = try RawPeer(to: address, receiveBuffer: receiveBuffer)
        try #require(turn { accepted.count > before })
        return (raw, accepted[before])
    }

    /// Takes turns until the condition holds. False when it does not within ten seconds.
    ///
    /// - Parameter length: the most that one turn may wait for.
    func turn(by length: Duration = .milliseconds(20), until condition: () -> Bool) -> Bool {
        let limit = MonotonicClock.now + .seconds(10)
        while !condition() {
            guard MonotonicClock.now < limit else { return false }
            loop.turn(limit: length)
        }
        return true
    }

    /// Takes turns for a while, to see that something does not happen.
    ///
    /// - Returns: how many turns it took, each of which may wait for the rest of the time.
    @discardableResult
    func turn(for duration: Duration) -> Int {
        let limit = MonotonicClock.now + duration
        var turns = 0
        while MonotonicClock.now < limit {
            loop.turn(limit: limit - MonotonicClock.now)
            turns += 1
        }
        return turns
    }

    /// An output buffer with these bytes.
    func buffer(_ bytes: [UInt8]) -> LoopBuffer {
        var buffer = loop.allocate(bytes.count)
        buffer.append(bytes.span)
        return buffer
    }

    /// Closes everything and checks that nothing is left: no stream, no buffer.
    func finish(sourceLocation: SourceLocation = #_sourceLocation) {
        acceptor.cancel()
        let quiet = turn {
            // Again each turn: the cancelled acceptor still takes what waited in its backlog.
            for stream in opened { stream.close() }
            return loop.slots.isEmpty
        }
        #expect(quiet, "a stream or acceptor does not end", sourceLocation: sourceLocation)
        #expect(loop.receiveBuffersLent == 0, sourceLocation: sourceLocation)
        #expect(loop.slabsLent == 0, sourceLocation: sourceLocation)
        #expect(loop.pool.pipes.lent == 0, sourceLocation: sourceLocation)
    }

    /// Lets go of what a recorder held.
    func releaseHeld(_ record: Recorder) { record.held.removeAll() }
}
