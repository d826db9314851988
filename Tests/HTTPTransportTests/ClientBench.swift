// Owns one connection to a backend under test, what its handler and its owner heard, and the backend.
import HTTPWire
import Testing
import Topology

@testable import HTTPTransport
@testable import Proactor

/// A connection to a backend, what its handler and its owner heard, and the backend.
final class ClientBench: ClientStreamHandler, H1ClientOwner {
    let bench: Bench
    let client: H1Client
    private let listener: LoopbackListener
    private(set) var backend: Peer?
    private(set) var events: [String] = []
    /// Whether more is asked for after each piece.
    var receives = true
    /// Whether the connection is given back after an answer, as it should be.
    var releases = true
    var body = ""
    var unsentAtEnd = 0

    init(_ bench: Bench, buffers: Int32? = nil) throws {
        self.bench = bench
        listener = try LoopbackListener(buffers: buffers)
        client = H1Client(H1ClientContext(loop: bench.loop))
        client.handler = self
        client.owner = self
        try client.connect(to: #require(SocketAddress(numeric: listener.address)))
        bench.turn { events == ["connected"] }
        backend = listener.accept()
        bench.expect(backend != nil, "no connection")
        events = []
    }

    func send(
        _ text: String = "GET / HTTP/1.1\r\nHost: h\r\n\r\n", method: RequestMethod = .get, isEnd: Bool = true,
        form: BodyForm = .framed
    ) {
        client.send(head: bench.buffer(text), method: method, isEnd: isEnd, chunkForm: form)
        client.receive()
        bench.settle()
    }

    func answer(_ text: String) {
        backend?.send(text)
        bench.settle()
    }

    /// What it heard since it was last asked.
    func take() -> [String] {
        defer { events = [] }
        return events
    }

    private func proceed() { if receives { client.receive() } else { client.pause() } }

    private func end() {
        events.append("end")
        unsentAtEnd = client.unsent
        if releases { client.release() }
    }

    func clientStreamConnected(_ stream: any ClientStream) { events.append("connected") }
    func clientStreamBegan(_ stream: any ClientStream) {}

    func clientStream(
        _ stream: any ClientStream, interim head: ResponseHead, _ bytes: Span<UInt8>, headLength: Int
    ) {
        events.append("\(head.status)")
        if head.status != 101 { proceed() }
    }

    func clientStream(
        _ stream: any ClientStream, responded head: ResponseHead, _ bytes: Span<UInt8>, headLength: Int, bodyCount: Int,
        isEnd: Bool
    ) {
        events.append("\(head.status)")
        if isEnd { end() } else if bodyCount == 0 || !receives { proceed() }
    }

    func clientStream(_ stream: any ClientStream, received piece: consuming LoopBuffer, isEnd: Bool) {
        body += text(piece)
        events.append(text(piece))
        if isEnd { end() } else { proceed() }
    }

    func clientStreamEnded(_ stream: any ClientStream) { end() }
    func clientStreamSent(_ stream: any ClientStream) {}

    func clientStream(_ stream: any ClientStream, failed failure: ClientStreamFailure) {
        switch failure {
        case .closed: events.append("failed: closed")
        case .broken: events.append("failed: broken")
        case .connect: events.append("failed: connect")
        case .malformed: events.append("failed: malformed")
        }
        client.cancel()
    }

    func clientIdle(_ client: H1Client) -> Bool {
        events.append("idle")
        return true
    }

    func clientClosed(_ client: H1Client) { events.append("closed") }
}
