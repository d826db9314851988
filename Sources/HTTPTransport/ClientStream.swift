// Owns what a request to a backend and its answer look like to those who sent it, whatever version of HTTP carries them.
public import HTTPWire
public import Proactor

/// One request to a backend and its answer. Belongs to its loop's thread.
public protocol ClientStream: AnyObject {
    /// Who hears of the answer.
    var handler: (any ClientStreamHandler)? { get set }

    /// Whether its connection has carried a request before.
    var isReused: Bool { get }
    /// Bytes that are handed over and not yet with the kernel.
    var unsent: Int { get }

    /// Sends a head: its lines as HTTP/1 has them.
    ///
    /// - Parameters:
    ///   - method: of the request, which frames the answer.
    ///   - isEnd: whether no body follows.
    ///   - chunkForm: in what form a chunked answer is handed over.
    func send(head: consuming LoopBuffer, method: RequestMethod, isEnd: Bool, chunkForm: BodyForm)
    /// Sends a piece of the body, with the framing that the head says.
    func send(_ piece: consuming LoopBuffer, isEnd: Bool)
    /// Whether it can send pieces whose bytes are in a pipe (`LoopBuffer.isPiped`).
    var takesPipes: Bool { get }
    /// Tells of what `unsent` counts, from now on.
    func awaitSent()
    /// Asks for the answer, or the next piece of it.
    ///
    /// - Parameter piped: whether a piece may come in a pipe, which can be sent on and not read.
    func receive(piped: Bool)
    /// No more of it for now.
    func pause()
    /// The answer is whole: the connection may carry another request.
    func release()
    /// Gives the request up; what the kernel has of it is still delivered.
    func cancel()
    /// Gives the request up with a reset: nothing more of it leaves this machine.
    func reset()
    /// Gives the connection away, with what the backend sent behind a 101.
    func detach() -> DetachedStream?
}

extension ClientStream {
    /// Asks for the answer, or the next piece of it, to be read.
    public func receive() { receive(piped: false) }
}

/// Hears what comes of a request. Never called from inside a call to the stream.
public protocol ClientStreamHandler: AnyObject {
    /// The connection stands.
    func clientStreamConnected(_ stream: any ClientStream)
    /// The first bytes of an answer, or more of its head, came.
    func clientStreamBegan(_ stream: any ClientStream)
    /// An interim answer (1xx) is whole. A handler that lets go of the stream hears no more.
    func clientStream(_ stream: any ClientStream, interim head: ResponseHead, _ bytes: Span<UInt8>, headLength: Int)
    /// The head of the final answer is whole.
    ///
    /// - Parameters:
    ///   - bodyCount: bytes of the body that follow at once.
    ///   - isEnd: whether there is no body.
    func clientStream(
        _ stream: any ClientStream, responded head: ResponseHead, _ bytes: Span<UInt8>, headLength: Int, bodyCount: Int,
        isEnd: Bool)
    /// A piece of the body; `receive()` or `pause()` follows, unless it is the last.
    func clientStream(_ stream: any ClientStream, received piece: consuming LoopBuffer, isEnd: Bool)
    /// The body ended without another byte.
    func clientStreamEnded(_ stream: any ClientStream)
    /// Something of what was sent is with the kernel.
    func clientStreamSent(_ stream: any ClientStream)
    /// There will be no answer, or no more of it.
    func clientStream(_ stream: any ClientStream, failed failure: ClientStreamFailure)
}

/// Why a request got no answer, or only a part of one.
public enum ClientStreamFailure: Error, Hashable, Sendable {
    /// The connection could not be made.
    case connect(StreamFailure)
    /// The connection broke.
    case broken(StreamFailure)
    /// The backend closed it.
    case closed
    /// The answer is no HTTP.
    case malformed(WireError)
}
