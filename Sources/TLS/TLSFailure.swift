// Owns what can go wrong with TLS, in words that name the file or the peer's mistake.
internal import COpenSSL

/// Why a context could not be made, or a session ended badly.
public struct TLSFailure: Error, Hashable, Sendable, CustomStringConvertible {
    /// What decides anything above; the text is for people.
    public enum Kind: Hashable, Sendable {
        /// A file could not be read, or does not hold what it should.
        case file
        /// The peer's certificate was not accepted: an unknown authority, another name, expired.
        case certificate
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
        var text = [CChar](repeating: 0, count: 256)
        mt_explain(&text, text.count)
        return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
