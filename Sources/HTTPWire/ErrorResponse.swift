// Owns Meridian's own answers.

/// Writes an answer that no backend gave.
public enum ErrorResponse {
    /// Appends a whole answer.
    ///
    /// - Parameters:
    ///   - date: the value of `Date`.
    ///   - page: the body; empty: a line of text that names the status.
    ///   - retryAfter: seconds for `Retry-After`; 0: none.
    ///   - isOldClient: whether the client speaks HTTP/1.0, and has to be told that the connection stays.
    @_lifetime(writer: copy writer)
    public static func write(
        status: Int, date: Span<UInt8>, requestID: Span<UInt8>, page: Span<UInt8>, keepsAlive: Bool, headOnly: Bool,
        retryAfter: Int = 0, isOldClient: Bool = false, detail: StaticString = "", into writer: inout OutputWriter
    ) {
        let phrase = ReasonPhrase.of(status)
        writer.append("HTTP/1.1 ")
        writer.append(decimal: status)
        writer.append(" ")
        writer.append(phrase)
        writer.append("\r\nDate: ")
        writer.append(all: date)
        if page.count > 0 {
            writer.append("\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: ")
            writer.append(decimal: page.count)
        } else {
            writer.append("\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: ")
            let more = detail.utf8CodeUnitCount
            writer.append(decimal: phrase.utf8CodeUnitCount + 5 + (more > 0 ? more + 2 : 0))
        }
        if requestID.count > 0 {
            writer.append("\r\nX-Request-Id: ")
            writer.append(all: requestID)
        }
        if retryAfter > 0 {
            writer.append("\r\nRetry-After: ")
            writer.append(decimal: retryAfter)
        }
        // RFC 9110 section 15.5.6. The one method that is refused is CONNECT.
        if status == 405 { writer.append("\r\nAllow: GET, HEAD, POST, PUT, DELETE, OPTIONS, PATCH, TRACE") }
        // RFC 9110 section 15.5.22 and RFC 6455 section 4.4: which protocol, and which version of it. Both `Upgrade` and what
        // the connection comes to are its options (RFC 9110 section 7.8).
        if status == 426 {
            writer.append("\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nConnection: upgrade")
            if !keepsAlive { writer.append(", close") }
        } else if !keepsAlive {
            writer.append("\r\nConnection: close")
        } else if isOldClient {
            writer.append("\r\nConnection: keep-alive")
        }
        writer.append("\r\nCache-Control: no-store\r\n\r\n")
        if headOnly { return }
        if page.count > 0 {
            writer.append(all: page)
        } else {
            writer.append(decimal: status)
            writer.append(" ")
            writer.append(phrase)
            if detail.utf8CodeUnitCount > 0 {
                writer.append(": ")
                writer.append(detail)
            }
            writer.append("\n")
        }
    }
}
