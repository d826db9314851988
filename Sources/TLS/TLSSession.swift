// Owns one TLS connection between the loop's buffers; who carries them is not its concern.
internal import COpenSSL
public import Proactor

/// One TLS connection: ciphertext in and out in buffers of a loop, plaintext out and in.
///
/// Belongs to one thread. Life: handshaking → open → ended or failed; handshaking → failed. Whoever drives it attaches it
/// to a loop, feeds what the network brings, reads until there is `nothing`, and after every call sends what
/// `takeOutput()` gives. A client begins with `advance()`.
///
/// Records are decrypted out of the buffers that came, and encrypted into those that go: there is no memory in between. A
/// buffer that is fed is held until it is read: a driver that stops reading stops feeding, too. What a peer may make it do
/// is bounded: 128 KiB of handshake, and after it 32 messages that are no data (tickets, changes of keys) and one more for
/// each MiB of data.
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
    let handle: OpaquePointer
    let context: TLSContext
    var output: SessionOutput
    /// A server's certificates for the name that the client asked for.
    var places: [Int]?
    let resumption: (cache: TLSSessionCache, key: TLSSessionCache.Key)?
    /// What was fed and is not read: the first buffer, and those behind it.
    private var current: LoopBuffer?
    private var waiting = BufferQueue()
    private var sizing: RecordSizing

    /// A session that has not begun.
    ///
    /// - Parameters:
    ///   - host: for a client: the host name or IP address that the server's certificate must be for, also said to the
    ///     server (SNI) when it is a name. nil: any name will do, for those who compare `peerNames` themselves.
    ///   - resumption: for a client: what earlier connections to an endpoint by this context and host left, and where this
    ///     one leaves what later ones resume.
    public init(
        _ context: TLSContext, host: String? = nil, resumption: (cache: TLSSessionCache, endpoint: String)? = nil
    ) throws(TLSFailure) {
        guard let handle = mt_session_new(context.handle, Self.questions) else {
            throw TLSFailure(.internalError, "TLS session: \(TLSFailure.lastReason())")
        }
        self.handle = handle
        self.context = context
        output = SessionOutput(mt_session_buffers(handle))
        sizing = RecordSizing(isDynamic: context.hasDynamicRecords)
        self.resumption = resumption.flatMap { cache, endpoint in
            guard context.resumes else { return nil }
            return (cache, TLSSessionCache.Key(context: context.number, endpoint: endpoint, host: host))
        }
        setOwner()
        if let host, !mt_session_expect(handle, host) {
            throw TLSFailure(.internalError, "\(host): not a host that a certificate can name")
        }
        if let (cache, key) = self.resumption, let earlier = cache.find(key) {
            if !mt_session_resume(handle, earlier) { cache.drop(key) }
        }
    }

    deinit { mt_session_free(handle) }

    /// Takes its buffers from a loop from now on, on whose thread it belongs.
    public func attach(to loop: EventLoop) { output.attach(to: loop) }

    /// Whether it has not failed.
    public var isIntact: Bool { if case .failed = state { false } else { true } }

    /// Whether the handshake is over and it has not failed.
    var isOpen: Bool { state == .open || state == .ended }

    /// Goes on with the handshake as far as what was fed allows. A client's first call makes its first bytes.
    @discardableResult
    public func advance() -> State {
        guard state == .handshaking else { return state }
        switch Int(withInput { mt_session_handshake(handle) }) {
        case MT_DONE: state = .open
        case MT_WAITS: break
        default: fail("handshake")
        }
        return state
    }

    // MARK: From the peer

    /// Takes what came from the peer; `advance()` and `read` look at it.
    public func feed(_ ciphertext: consuming LoopBuffer) {
        guard !ciphertext.isEmpty else { return }
        if current == nil { current = consume ciphertext } else { waiting.append(ciphertext) }
    }

    /// Whether nothing of what was fed is left to be read but, at most, a part of a record.
    public var isDrained: Bool { current == nil && mt_session_decrypted(handle) == 0 }

    /// Reads plaintext into `room`. Goes on with a handshake that is not over.
    public func read(into room: inout MutableSpan<UInt8>) -> Reading {
        if case .handshaking = advance() { return .nothing }
        if case .failed(let failure) = state { return .failed(failure) }
        if state == .ended { return .ended }
        // SAFETY: OpenSSL writes at most `count` bytes, which are free to be written.
        let result = room.withUnsafeMutableBytes { free in
            withInput { mt_session_read(handle, free.baseAddress, Int32(clamping: free.count)) }
        }
        switch Int(result) {
        case 1...: return .bytes(Int(result))
        case MT_WAITS: return .nothing
        case MT_ENDED:
            state = .ended
            return .ended
        default: return .failed(fail("connection"))
        }
    }

    /// Calls OpenSSL with what was fed, buffer by buffer, until it has no need of more.
    private func withInput(_ call: () -> Int32) -> Int32 {
        while true {
            guard let buffer = current.take() else { return call() }
            let (result, rest) = lend(buffer, call)
            if Int(result) != MT_WAITS || current == nil || rest > 0 { return result }
        }
    }

    /// Calls OpenSSL with the bytes of one buffer; what is left of it is `current` again, or else the next one is.
    private func lend(_ buffer: consuming LoopBuffer, _ call: () -> Int32) -> (result: Int32, rest: Int) {
        let buffers = output.buffers
        // SAFETY: the bytes are readable until the closure ends, and so long only does OpenSSL have their address.
        let (result, rest) = buffer.bytes.withUnsafeBufferPointer { bytes -> (Int32, Int) in
            buffers.pointee.input = bytes.baseAddress
            buffers.pointee.input_count = bytes.count
            let result = call()
            let rest = buffers.pointee.input_count
            buffers.pointee.input = nil
            buffers.pointee.input_count = 0
            return (result, rest)
        }
        if rest > 0 {
            buffer.consume(buffer.count - rest)
            current = consume buffer
        } else {
            current = waiting.popFirst()
        }
        return (result, rest)
    }

    // MARK: To the peer

    /// Encrypts plaintext; nothing before the handshake is over.
    ///
    /// - Returns: how many bytes were taken: all of them, or fewer when the session is not open or has failed.
    public func write(_ plaintext: Span<UInt8>) -> Int {
        guard isOpen else { return 0 }
        output.reserve(plaintext.count)
        // SAFETY: OpenSSL reads at most `part` bytes from each start, which lie within the span.
        return plaintext.withUnsafeBytes { bytes -> Int in
            var taken = 0
            while taken < bytes.count, let start = bytes.baseAddress {
                let part = min(bytes.count - taken, sizing.next(now: output.now))
                let result = mt_session_write(handle, start + taken, Int32(part))
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
    public var outputCount: Int { output.count }

    /// The next buffer that has to be sent to the peer; nil when nothing waits.
    public func takeOutput() -> LoopBuffer? { output.take() }

    /// Says to the peer that nothing more will be sent; those bytes, too, have to be sent.
    public func shutdown() { if isOpen { mt_session_shutdown(handle) } }

    // MARK: Memory

    /// Lets go of the memory for records, some 33 KB, while nothing goes on; it comes back with the next record.
    ///
    /// - Returns: false when a part of a record has come, which needs it.
    @discardableResult
    public func park() -> Bool { isOpen && isDrained && mt_session_park(handle) }

    /// Lets go of all buffers: nothing is to be read or sent any more.
    public func discard() {
        current = nil
        waiting.removeAll()
        output.removeAll()
    }

    // MARK: Failures

    @discardableResult
    private func fail(_ what: String) -> TLSFailure {
        let failure = explain(what)
        state = .failed(failure)
        return failure
    }

    private func explain(_ what: String) -> TLSFailure {
        let reason = TLSFailure.lastReason()
        if let objection = mt_session_objection(handle) {
            let kind: TLSFailure.Kind = isNameRefused ? .unknownName : .peer
            return TLSFailure(kind, "TLS \(what): \(String(cString: objection))")
        }
        let refusal = context.verifies ? String(cString: mt_session_refusal(handle)) : ""
        if refusal.isEmpty { return TLSFailure(.peer, "TLS \(what): \(reason.isEmpty ? "broken off" : reason)") }
        return TLSFailure(.certificate, "the peer's certificate is not accepted: \(refusal)")
    }

    /// Whether the client asked for a name that is refused.
    var isNameRefused = false
}
