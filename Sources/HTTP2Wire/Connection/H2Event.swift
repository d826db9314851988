// Owns what a connection tells its shell.
public import HTTPWire

/// What came of the input. Heads and trailers lie in the `HeadScratch` that was passed, until the next call.
public enum H2Event: Hashable, Sendable {
    /// All that could be read was; the bytes behind the position, at most `FrameReader.lookahead`, are to be passed again with
    /// more behind them.
    case needMore
    /// So much is owed to the peer that nothing is read before `flush` has taken it.
    case blocked
    /// A request came to a server: `HeadScratch.request` has it.
    case request(StreamHandle, endsStream: Bool)
    /// A request that is to be answered with an error, whose head is of no use.
    case refused(StreamHandle, WireError, endsStream: Bool)
    /// An interim response came to a client: `HeadScratch.response` has it.
    case interim(StreamHandle)
    /// The final response came.
    case response(StreamHandle, endsStream: Bool)
    /// Bytes of a body, as a range of the input. They count against the stream's window until `consumed` says that they are
    /// gone; padding is given back by itself.
    case data(StreamHandle, Range<Int>, endsStream: Bool)
    /// Trailers came, which end the stream: `HeadScratch.text` has the lines.
    case trailers(StreamHandle)
    /// The stream is over before its end, and its handle with it.
    case reset(StreamHandle, ErrorCode, byPeer: Bool)
    /// A window opened for a stream whose data waited; nil: for many.
    case writable(StreamHandle?)
    /// The peer takes no more streams than those up to the last one that it names; a client's later ones are reset after this
    /// event with REFUSED_STREAM, and may be sent elsewhere.
    case goAway(lastStream: UInt32, ErrorCode)
    /// The connection is over: what is owed is to be sent, then it is to be closed.
    case failed(ErrorCode, StaticText)
}
