// Owns how a handler answers: whole, streamed, later, or from another thread.
public import Proactor

/// The one answer to one request. Belongs to the server's loop and its thread; see `detached()` for others.
///
/// Letting it go without an answer answers 500, so that a forgotten branch of a handler does not leave a client waiting.
public final class HTTPResponder {
    private var exchange: HTTPServerExchange?

    init(_ exchange: HTTPServerExchange) { self.exchange = exchange }

    deinit { exchange?.respondToSilence() }

    /// Whether an answer can still be given: none was yet, and the client is there.
    public var isOpen: Bool { exchange != nil }

    /// The client is gone, or was answered for the handler.
    func disconnect() { exchange = nil }

    /// Answers. Does nothing when an answer was given or the client is gone.
    public func respond(_ response: HTTPResponse) {
        guard let exchange else { return }
        self.exchange = nil
        exchange.respond(response)
    }

    /// Begins an answer of unknown length; the body of `head` is sent first.
    ///
    /// - Parameter queueLimit: bytes that may wait for a slow client.
    /// - Returns: where the rest goes. It is closed already when an answer was given, the client is gone, or the request
    ///   was HEAD.
    public func stream(_ head: HTTPResponse, queueLimit: Int = 1 << 20) -> HTTPBodyWriter {
        let exchange = exchange
        self.exchange = nil
        let writer = HTTPBodyWriter(exchange, queueLimit: queueLimit)
        exchange?.beginStreaming(head, writer)
        return writer
    }

    /// The responder in a form that other threads may carry: `remote.post { $0.respond(response) }`.
    public func detached() -> LoopBound<HTTPResponder>? { exchange?.detached(self) }
}

/// The body of an answer that is streamed. Belongs to the server's loop and its thread.
///
/// Letting it go without `end()` cuts the connection: the client must not take a part for the whole.
public final class HTTPBodyWriter {
    /// What became of a piece.
    public enum Outcome: Sendable {
        case accepted
        /// The client is too slow: the piece was not taken. The writer stays usable.
        case full
        /// The client is gone, or the answer is over.
        case closed
    }

    private var exchange: HTTPServerExchange?
    private let queueLimit: Int
    /// Called once when the client goes before `end()`. Let go then, and by `end()`.
    public var onClose: (() -> Void)?

    init(_ exchange: HTTPServerExchange?, queueLimit: Int) {
        self.exchange = exchange
        self.queueLimit = queueLimit
    }

    deinit { exchange?.cut() }

    public var isOpen: Bool { exchange != nil }

    /// Bytes that wait for the client.
    public var queuedBytes: Int { exchange?.unsent ?? 0 }

    /// Sends a piece after those before. An empty one does nothing.
    @discardableResult
    public func write(_ bytes: [UInt8]) -> Outcome {
        guard let exchange else { return .closed }
        guard exchange.unsent + bytes.count <= queueLimit else { return .full }
        exchange.sendPiece(bytes)
        return .accepted
    }

    /// Ends the answer.
    public func end() {
        let exchange = exchange
        release()
        exchange?.endStreaming()
    }

    /// Cuts the connection: the client sees that something is missing.
    public func abort() {
        let exchange = exchange
        release()
        exchange?.cut()
    }

    private func release() {
        exchange = nil
        onClose = nil
    }

    /// The connection is closed.
    func disconnect() {
        let told = onClose
        release()
        told?()
    }

    /// There is no body to be sent.
    func discard() { release() }
}
