// Owns what can go wrong with TLS, in words that name the file or the peer's mistake.
internal import COpenSSL
internal import Glibc

/// Why a context could not be made, or a session ended badly.
public struct TLSFailure: Error, Hashable, Sendable, CustomStringConvertible {
    /// What decides anything above; the text is for people.
    public enum Kind: Hashable, Sendable {
        /// A file could not be read, or does not hold what it should.
        case file
        /// A setting is none that OpenSSL knows: a cipher, a group.
        case setting
        /// The peer's certificate was not accepted: an unknown authority, another name, expired.
        case certificate
        /// The client named a host that this server does not serve.
        case unknownName
        /// The peer broke the protocol, speaks no TLS, or refused this side.
        case peer
        /// OpenSSL has no memory, or an error of its own.
        case internalError
    }

    public let kind: Kind
    public let description: String

    public init(_ kind: Kind, _ description: String) {
        self.kind = kind
        self.description = description
    }

    /// OpenSSL's words for the last error of this thread, which are forgotten; empty when there are none.
    static func lastReason() -> String {
        CText.text(capacity: 256) { mt_explain($0, $1) }
    }

    /// That a file does not hold what it should, with OpenSSL's words for it.
    static func file(_ path: String, holdsNo what: String) -> TLSFailure {
        let reason = lastReason()
        let detail = reason.isEmpty ? "" : " (\(reason))"
        return TLSFailure(.file, "\(path): holds no \(what) in PEM form\(detail)")
    }

    /// The system's own words are better than OpenSSL's for a file that is missing or forbidden.
    static func checkReadable(_ path: String) throws(TLSFailure) {
        guard access(path, R_OK) == 0 else {
            throw TLSFailure(.file, "\(path): \(String(cString: strerror(errno)))")
        }
    }
}
