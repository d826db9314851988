// Owns one TLS connection between two memory buffers; who carries the bytes is not its concern.
internal import COpenSSL

/// One TLS connection: ciphertext in and out, plaintext out and in.
///
/// Belongs to one thread. Life: handshaking → open → ended or failed; handshaking → failed. The driver feeds what the
/// network brings, reads until there is `nothing`, and after every call sends what `hasCiphertext` tells of. A client
/// begins with `advance()`.
///
/// What is fed is held until it is read: a driver that stops reading stops feeding, too. A peer's handshake is bounded
/// by OpenSSL (100 KiB of certificates).
public final class TLSSession {
    public enum State: Hashable, Sendable {
        case handshaking
        case open
        /// The peer said that it will send nothing more; writing still goes.
        case ended
        case failed(TLSFailure)
    }

    /// What a read gave.
    public enum Reading: Hashable, Sendable {
        case bytes(Int)
        /// Everything that was fed is read.
        case nothing
        /// The peer said that it will send nothing more. A connection that ends without it may have been cut.
        case ended
        case failed(TLSFailure)
    }

    public private(set) var state = State.handshaking
    // SAFETY: freed in deinit only; the session belongs to one thread.
    private let handle: OpaquePointer
    private let context: TLSContext

    /// A session that has not begun.
    ///
    /// - Parameter host: for a client: the host name or IP address that the server's certificate must be for, also said to the server
    ///   (SNI) when it is a name. nil: any name will do, for those who compare `peerNames` themselves.
    public init(_ context: TLSContext, host: String? = nil) throws(TLSFailure) {
        guard let handle = mt_session_new(context.handle) else {
            throw TLSFailure(.internalError, "TLS session: \(TLSFailure.lastReason())")
        }
        self.handle = handle
        self.context = context
        if let host, !mt_session_expect(handle, host) {
            throw TLSFailure(.internalError, "\(host): not a host that a certificate can name")
        }
    }

    deinit { mt_session_free(handle) }

    /// Whether it has not failed.
    public var isIntact: Bool { if case .failed = state { false } else { true } }

    /// Goes on with the handshake as far as what was fed allows. A client's first call makes its first bytes.
    @discardableResult
    public func advance() -> State {
        guard state == .handshaking else { return state }
        switch Int(mt_session_handshake(handle)) {
        case MT_DONE: state = .open
        case MT_WAITS: break
        default: fail("handshake")
        }
        return state
    }

    /// Takes what came from the peer; `advance()` and `read` look at it.
    public func feed(_ ciphertext: Span<UInt8>) {
        // SAFETY: OpenSSL copies `count` bytes, which are there to be read.
        let isTaken = ciphertext.withUnsafeBytes { mt_session_feed(handle, $0.baseAddress, Int32(clamping: $0.count)) }
        if !isTaken { state = .failed(TLSFailure(.internalError, "TLS: no memory")) }
    }

    /// Reads plaintext into `room`. Goes on with a handshake that is not over.
    public func read(into room: inout MutableSpan<UInt8>) -> Reading {
        if case .handshaking = advance() { return .nothing }
        if case .failed(let failure) = state { return .failed(failure) }
        if state == .ended { return .ended }
        // SAFETY: OpenSSL writes at most `count` bytes, which are free to be written.
        let result = room.withUnsafeMutableBytes { mt_session_read(handle, $0.baseAddress, Int32(clamping: $0.count)) }
        switch Int(result) {
        case 1...: return .bytes(Int(result))
        case MT_WAITS: return .nothing
        case MT_ENDED:
            state = .ended
            return .ended
        default: return .failed(fail("connection"))
        }
    }

    /// Encrypts plaintext; nothing before the handshake is over.
    ///
    /// - Returns: how many bytes were taken: all of them, or fewer when the session is not open or has failed.
    public func write(_ plaintext: Span<UInt8>) -> Int {
        guard state == .open || state == .ended else { return 0 }
        // SAFETY: OpenSSL reads at most `count` bytes from each start, which lie within the span.
        return plaintext.withUnsafeBytes { bytes -> Int in
            var taken = 0
            while taken < bytes.count {
                let rest = UnsafeRawBufferPointer(rebasing: bytes[taken...])
                let result = mt_session_write(handle, rest.baseAddress, Int32(clamping: rest.count))
                guard result > 0 else {
                    if Int(result) == MT_FAILED { fail("connection") }
                    break
                }
                taken += Int(result)
            }
            return taken
        }
    }

    /// Bytes that wait to be sent to the peer.
    public var ciphertextCount: Int { mt_session_pending(handle) }

    /// Moves bytes that have to be sent to the peer into `room`.
    ///
    /// - Returns: how many; 0 when none wait.
    public func takeCiphertext(into room: inout MutableSpan<UInt8>) -> Int {
        // SAFETY: OpenSSL writes at most `count` bytes, which are free to be written.
        room.withUnsafeMutableBytes { Int(mt_session_take(handle, $0.baseAddress, Int32(clamping: $0.count))) }
    }

    /// Says to the peer that nothing more will be sent; those bytes, too, have to be sent.
    public func shutdown() {
        if state == .open || state == .ended { mt_session_shutdown(handle) }
    }

    /// The names in the peer's certificate: its DNS names, or else its common name. Empty without a certificate.
    /// At most 8 KiB of them.
    public var peerNames: [String] {
        var text = [CChar](repeating: 0, count: 8 << 10)
        let count = min(mt_session_peer_names(handle, &text, text.count), text.count)
        return text[..<count].split(separator: 0).map { name in
            String(decoding: name.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        }
    }

    /// The protocol that both sides agreed on (ALPN, RFC 7301); nil: none.
    public var negotiatedProtocol: String? {
        var name = [UInt8](repeating: 0, count: 255)
        let count = mt_session_protocol(handle, &name)
        return count > 0 ? String(decoding: name.prefix(count), as: UTF8.self) : nil
    }

    /// Such as `TLSv1.3`.
    public var version: String { String(cString: mt_session_version(handle)) }

    @discardableResult
    private func fail(_ what: String) -> TLSFailure {
        let reason = TLSFailure.lastReason()
        let refusal = String(cString: mt_session_refusal(handle))
        let failure =
            refusal.isEmpty
            ? TLSFailure(.peer, "TLS \(what): \(reason.isEmpty ? "broken off" : reason)")
            : TLSFailure(.certificate, "the peer's certificate is not accepted: \(refusal)")
        state = .failed(failure)
        return failure
    }
}
