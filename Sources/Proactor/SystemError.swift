// Owns the error of a system call: its number, its text, and which call it was.
internal import Glibc

/// A failed system call.
public struct SystemError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The value of `errno`, positive.
    public let code: Int32
    /// What was tried, such as "bind 127.0.0.1:80".
    public let action: String

    public init(code: Int32, action: String) {
        self.code = code
        self.action = action
    }

    /// The error of the call that just failed.
    static func last(_ action: String) -> SystemError { SystemError(code: errno, action: action) }

    /// The system's words for the code, such as "Address already in use".
    public var reason: String { String(cString: strerror(code)) }

    public var description: String { "\(action): \(reason)" }
}

/// Why a stream failed, reduced to what decides anything above the loop.
public enum StreamFailure: Hashable, Sendable {
    /// Nobody listens there.
    case refused
    /// The peer reset the connection, or it broke.
    case reset
    /// The network gave up, or said that there is no way.
    case unreachable
    /// This process or system has no room: descriptors, ports or memory.
    case exhausted
    /// The stream's `writePermit` said no; what had not been written then never will be.
    case notPermitted
    /// The connection ended in the midst of what its layer of security calls a whole: it may have been cut
    /// (RFC 8446 §6.1).
    case truncated
    /// The layer of security gave up: what the peer sent or is was not acceptable, or this side was not to it.
    case insecure
    case other(Int32)

    init(code: Int32) {
        switch code {
        case ECONNREFUSED, ENOENT: self = .refused
        case ECONNRESET, EPIPE, ECONNABORTED, ENOTCONN: self = .reset
        case ETIMEDOUT, EHOSTUNREACH, ENETUNREACH, ENETDOWN: self = .unreachable
        case EMFILE, ENFILE, ENOMEM, EADDRNOTAVAIL, ENOBUFS: self = .exhausted
        default: self = .other(code)
        }
    }
}
