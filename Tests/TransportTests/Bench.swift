// Owns what the tests of the transport share: a loop with a listener, recorded ends, and contexts.
import Proactor
import TLS
import Testing
import Topology

@testable import Transport

/// Writes down what a protocol's handler hears; hooks let a test react inside the call.
final class Recorder: StreamHandler {
    var bytes: [UInt8] = []
    var pieces: [Int] = []
    var connections = 0
    var ends = 0
    var failures: [StreamFailure] = []
    var sent: [Int] = []
    var calls: Int { pieces.count + connections + ends + failures.count + sent.count }
    var onConnected: (() -> Void)?
    var onReceived: (() -> Void)?
    var onSent: (() -> Void)?
    var onFailed: (() -> Void)?

    func streamConnected(_: Stream) {
        connections += 1
        onConnected?()
    }

    func stream(_: Stream, received buffer: consuming LoopBuffer) {
        pieces.append(buffer.count)
        buffer.bytes.withUnsafeBufferPointer { bytes.append(contentsOf: $0) }
        onReceived?()
    }

    func streamEnded(_: Stream) { ends += 1 }

    func stream(_: Stream, sent count: Int) {
        sent.append(count)
        onSent?()
    }

    func stream(_: Stream, failed failure: StreamFailure) {
        failures.append(failure)
        onFailed?()
    }
}

struct End {
    let stream: ByteStream
    let record: Recorder
}

/// A permit that says yes so many times.
final class Permit: WritePermit {
    var yeses: Int
    private(set) var asked = 0
    init(yeses: Int) { self.yeses = yeses }
    func mayWrite() -> Bool {
        asked += 1
        yeses -= 1
        return yeses >= 0
    }
}

/// Which way the bytes go.
struct Way: Sendable, CustomTestStringConvertible {
    let io: IOKind
    let isSecure: Bool
    var testDescription: String { io.rawValue + (isSecure ? ", TLS" : ", plain") }

    /// The backends that this machine allows.
    static let kinds: [IOKind] = IOKind.allCases.filter { (try? EventLoop(io: $0, buffers: .modest)) != nil }
    static let all = kinds.flatMap { io in [false, true].map { Way(io: io, isSecure: $0) } }
    static let secure = all.filter(\.isSecure)
}

/// Receives the first bytes of a handshake as those of a plain stream.
private final class Opening: StreamHandler {
    private let session: TLSSession
    private unowned let bench: Bench
    private var stream: ByteStream?

    private init(_ session: TLSSession, _ bench: Bench) {
        self.session = session
        self.bench = bench
    }

    static func begin(_ connection: AcceptedConnection, _ session: TLSSession, _ bench: Bench) {
        let opening = Opening(session, bench)
        opening.stream = try? ByteStream.adopt(connection, on: bench.loop, handler: opening)
        opening.stream?.receiveContinuously()
    }

    func stream(_: Stream, received buffer: consuming LoopBuffer) {
        guard let stream else { return }
        stream.pauseReceiving()
        let record = Recorder()
        let secured = stream.secured(by: session, early: buffer, handler: record)
        #expect(record.calls == 0, "nothing is told inside the call")
        bench.accepted.append(End(stream: secured, record: record))
    }

    func streamEnded(_: Stream) {}
    func stream(_: Stream, sent count: Int) {}
    func stream(_: Stream, failed failure: StreamFailure) {}
}

final class Bench: AcceptHandler {
    let loop: EventLoop
    let address: SocketAddress
    private let server: TLSContext?
    private let client: TLSContext?
    private var acceptor: Acceptor?
    var accepted: [End] = []
    /// Whether accepted streams are plain until their first bytes have come.
    var securesLate = false

    init(_ way: Way) throws {
        loop = try EventLoop(io: way.io, buffers: .modest)
        let certificate = try Certificate.shared.get()
        server = way.isSecure ? try TLSContext(.server, identity: certificate.identity, trust: .none) : nil
        let trust = TLSTrust.authorities(file: certificate.authority)
        client = way.isSecure ? try TLSContext(.client, identity: nil, trust: trust) : nil
        let numeric = try #require(SocketAddress(numeric: .host("127.0.0.1", port: 0)))
        let socket = try ListeningSocket.bind(numeric)[0]
        address = socket.address
        acceptor = loop.accept(on: socket, handler: self)
    }

    func acceptor(_ acceptor: Acceptor, accepted connection: AcceptedConnection) {
        let record = Recorder()
        let session = server.flatMap { try? TLSSession($0) }
        if securesLate, let session { return Opening.begin(connection, session, self) }
        let stream = try? ByteStream.adopt(connection, on: loop, session: session, handler: record)
        if let stream { accepted.append(End(stream: stream, record: record)) }
    }
    func acceptor(_ acceptor: Acceptor, failed error: SystemError) {}
    func acceptorClosed(_ acceptor: Acceptor) {}

    func connect(host: String? = "use1-a") throws -> End {
        let record = Recorder()
        let session = try client.map { try TLSSession($0, host: host) }
        return End(
            stream: try ByteStream.connect(to: address, on: loop, session: session, handler: record), record: record)
    }

    /// Two ends that are connected and, if they are to be, secure.
    func pair() throws -> (client: End, server: End) {
        let before = accepted.count
        let client = try connect()
        try #require(
            turn { client.stream.isConnected && accepted.count > before && accepted[before].stream.isConnected })
        return (client, accepted[before])
    }

    /// Takes turns until the condition holds; false when it does not within ten seconds.
    func turn(until condition: () -> Bool) -> Bool {
        let limit = MonotonicClock.now + .seconds(10)
        while !condition() {
            guard MonotonicClock.now < limit else { return false }
            loop.turn(limit: .milliseconds(10))
        }
        return true
    }

    /// Takes turns for a while, to see that something does not happen.
    func turn(for duration: Duration) {
        let limit = MonotonicClock.now + duration
        while MonotonicClock.now < limit { loop.turn(limit: limit - MonotonicClock.now) }
    }

    func buffer(_ bytes: [UInt8]) -> LoopBuffer {
        var buffer = loop.allocate(bytes.count)
        buffer.append(bytes.span)
        return buffer
    }

    /// Ends the loop and checks that no buffer is left with anybody.
    func finish(sourceLocation: SourceLocation = #_sourceLocation) {
        loop.end()
        #expect(loop.receiveBuffersLent == 0 && loop.slabsLent == 0, sourceLocation: sourceLocation)
    }
}

/// Bytes in which no part looks like another.
func pattern(_ count: Int) -> [UInt8] {
    var state: UInt32 = 1
    return (0..<count).map { _ in
        state = state &* 1_664_525 &+ 1_013_904_223
        return UInt8(truncatingIfNeeded: state >> 24)
    }
}

/// Whether the bytes are the same. Not by `==` in an expectation, which would look for the least difference of two large
/// arrays for minutes.
func same(_ left: [UInt8], _ right: [UInt8]) -> Bool {
    guard left != right else { return true }
    let place = zip(left, right).enumerated().first { $0.element.0 != $0.element.1 }?.offset
    print("\(left.count) and \(right.count) bytes, different from \(place ?? min(left.count, right.count)) on")
    return false
}
