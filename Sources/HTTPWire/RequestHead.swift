// Owns what is known of a request once its head is parsed.

/// The methods that a proxy treats by name.
public enum RequestMethod: UInt8, Sendable {
    case get, head, post, put, delete, options, patch, trace, connect, other

    /// Whether repeating the request has the same effect as sending it once (RFC 9110 section 9.2.2).
    @inlinable
    public var isIdempotent: Bool {
        switch self {
        case .get, .head, .put, .delete, .options, .trace: true
        case .post, .patch, .connect, .other: false
        }
    }
}

/// One request's head as offsets into its bytes. Reused for every request of a worker.
public final class RequestHead {
    public internal(set) var method = RequestMethod.get
    public internal(set) var methodRange = ByteRange.none
    /// The whole request target.
    public internal(set) var target = ByteRange.none
    /// The path of the target, as it came, without the query. An absolute target without one has the path `/`; only that
    /// of `OPTIONS *` is empty.
    public internal(set) var path = ByteRange.none
    /// The query with its question mark; empty when there is none.
    public internal(set) var query = ByteRange.none
    /// Whether the path holds escapes, dots or repeated slashes, so that `PathNormalizer` may forward or match another one.
    /// Never with `paths: as_is`.
    public internal(set) var mayNeedNormalizing = false
    /// Whether the target was in absolute form: it is passed on in origin form.
    public internal(set) var isAbsoluteForm = false
    /// `OPTIONS *`, or OPTIONS of an absolute target without a path, which means the same (RFC 9112 section 3.2.4).
    public internal(set) var isAsterisk = false
    /// The minor version of HTTP/1.
    public internal(set) var minorVersion: UInt8 = 1
    /// The authority: the `Host` field's value or that of an absolute target, with its port.
    public internal(set) var authority = ByteRange.none
    /// Where the request line begins: after an empty line that was skipped.
    public internal(set) var lineStart = 0
    /// Where the field lines begin.
    public internal(set) var fieldsStart = 0
    public internal(set) var framing = BodyFraming.none
    public internal(set) var expectsContinue = false
    /// An upgrade to WebSocket was asked for, rightly; a head that asks wrongly is refused.
    public internal(set) var wantsWebSocket = false
    /// `TE: trailers` was sent.
    public internal(set) var acceptsTrailers = false
    public let fields = FieldTable()
    /// Bytes searched for the end of the head by the last attempt.
    /// How far a head that is incomplete was searched for its end; a server of several connections keeps it for each.
    public var searched = 0

    public init() {}

    /// Whether the client wants the connection to stay (RFC 9112 section 9.3).
    @inlinable
    public var keepsAlive: Bool {
        if fields.saysClose { return false }
        return minorVersion >= 1 || fields.saysKeepAlive
    }

    /// Forgets a head of which only a part had come.
    public func reset() { searched = 0 }
}
