// Owns what a request and its answer look like to those who answer it, whatever version of HTTP carries them.
public import HTTPWire
public import Proactor
public import Topology

/// One request of a client and the way back to it. Belongs to its loop's thread.
///
/// Of a connection of HTTP/1 there is one at a time, and the connection is it. A handler is set by `HTTPServerDelegate`
/// when the head is there and gets the rest: the body when it asks for it, the end of the client, progress of what is
/// sent. It answers once, with a backend's head and body or with an answer of its own, and then calls `finish()`.
public protocol ServerStream: AnyObject {
    /// Who answers the request that is under way.
    var handler: (any ServerStreamHandler)? { get set }
    /// Where the client is; nil: on this machine, at a Unix socket.
    var peer: IPAddress? { get }
    /// Whether the client came by TLS.
    var isSecure: Bool { get }
    /// In what form the answer's body is taken, if it comes in chunks.
    var chunkForm: BodyForm { get }
    /// Bytes that are handed over and not yet with the kernel.
    var unsent: Int { get }

    /// Whether it can send pieces whose bytes are in a pipe (`LoopBuffer.isPiped`).
    var takesPipes: Bool { get }

    /// Asks for the request's body, or the next piece of it.
    ///
    /// - Parameter piped: whether a piece may come in a pipe, which can be sent on and not read.
    func receiveBody(piped: Bool)
    /// No more of it for now; what has arrived is kept.
    func pauseBody()

    /// Passes an interim answer on.
    ///
    /// - Returns: the bytes that were queued.
    func sendInterim(
        _ head: ResponseHead, _ bytes: Span<UInt8>, headLength: Int, _ edits: borrowing ResponseEdits
    ) -> Int
    /// Begins the answer with a backend's head.
    ///
    /// - Parameters:
    ///   - headLength: the bytes of it.
    ///   - bodyCount: bytes of the body that follow at once, so that one send takes all of them.
    ///   - isEnd: whether there is no body.
    /// - Returns: the bytes that were queued.
    func respond(
        _ head: ResponseHead, _ bytes: Span<UInt8>, headLength: Int, _ edits: borrowing ResponseEdits, bodyCount: Int,
        isEnd: Bool
    ) -> Int
    /// Sends a piece of the answer's body.
    ///
    /// - Returns: the bytes that were queued.
    func send(_ piece: consuming LoopBuffer, isEnd: Bool) -> Int
    /// Ends an answer whose end came without another byte.
    ///
    /// - Returns: the bytes that were queued.
    func sendEnd() -> Int
    /// Answers by itself.
    func answer(_ answer: borrowing PlainAnswer)
    /// Tells of what `unsent` counts, from now on.
    func awaitSent()
    /// The answer is given and the handler is done with it.
    func finish()
    /// Cuts the client off in the middle of an answer: it must not take what it has for a whole one.
    func reset()
    /// Passes 101 on and gives the connection away, with what the client sent behind its request.
    func upgrade(
        _ head: ResponseHead, _ bytes: Span<UInt8>, headLength: Int, _ edits: borrowing ResponseEdits
    ) -> DetachedStream?
}

extension ServerStream {
    /// Asks for the request's body, or the next piece of it, to be read.
    public func receiveBody() { receiveBody(piped: false) }
}

/// Hears what happens to a request after its head. Never called from inside a call to the stream, but for
/// `received`, which `receiveBody()` may call.
public protocol ServerStreamHandler: AnyObject {
    /// A piece of the body, in the form of the request's framing.
    func serverStream(_ stream: any ServerStream, received piece: consuming LoopBuffer, isEnd: Bool)
    /// The body is not what its framing says.
    func serverStream(_ stream: any ServerStream, malformed error: WireError)
    /// Something of what was sent is with the kernel.
    func serverStreamSent(_ stream: any ServerStream)
    /// The client will send nothing more.
    func serverStreamEnded(_ stream: any ServerStream)
    /// The client's connection is of no more use, and is closed when this returns.
    func serverStreamFailed(_ stream: any ServerStream)
    /// The server is being shut down; the connection is cut when this returns.
    func serverStreamInterrupted(_ stream: any ServerStream)
}

/// Hears of the connections of one listener.
public protocol HTTPServerDelegate: AnyObject {
    /// A request's head is whole: sets `stream.handler`, or answers at once.
    ///
    /// - Parameters:
    ///   - head: valid during this call; offsets into `bytes`.
    ///   - headLength: the bytes of it.
    func server(_ stream: any ServerStream, began head: RequestHead, _ bytes: Span<UInt8>, headLength: Int)
    /// What came is no request: gives the answer. The connection ends after it.
    func server(_ stream: any ServerStream, refused error: WireError)
    /// A connection was cut because its client did not take the end of an answer that was counted as given.
    func serverCutStalled(_ stream: any ServerStream)
    func serverClosed(_ stream: any ServerStream)
}

/// An answer that no backend gave.
public struct PlainAnswer: ~Escapable {
    public let status: Int
    public let requestID: Span<UInt8>
    public let date: Span<UInt8>
    /// The body; empty: a line of text that names the status.
    public let page: Span<UInt8>
    /// What the line says beside the status.
    public let detail: StaticString
    /// Seconds for `Retry-After`; 0: none.
    public let retryAfter: Int

    @_lifetime(copy requestID, copy date, copy page)
    public init(
        status: Int, requestID: Span<UInt8>, date: Span<UInt8>, page: Span<UInt8>, detail: StaticString = "",
        retryAfter: Int = 0
    ) {
        self.status = status
        self.requestID = requestID
        self.date = date
        self.page = page
        self.detail = detail
        self.retryAfter = retryAfter
    }
}
