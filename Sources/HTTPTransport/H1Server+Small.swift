// Owns what the small server asks of a connection beside what every version of HTTP has.
internal import Proactor
internal import Transport

extension H1Server {
    /// The client's address with its port; nil when the connection is gone.
    var peerSocketAddress: SocketAddress? { stream?.peerAddress }

    /// Whether all was answered that came, and the rest of it is the client's to send: a request, or the rest of a head.
    var isAwaitingRequest: Bool { (phase == .head || phase == .idle && pending == nil) && unsent == 0 }

    /// Answers what is no request.
    func sendWhole(_ response: HTTPResponse, date: String) {
        var writer = MessageWriter(status: response.status)
        writer.add("Date", date)
        writer.add(response.fields)
        writer.add("Connection", "close")
        writer.add("Content-Length", "\(response.body.count)")
        writer.end()
        var output = OutputQueue()
        output.append(writer.bytes)
        output.append(response.body)
        while output.count > 0 { sendWritten(output.next(loop), keepsAlive: false) }
    }
}
