// Owns the answers to what OpenSSL asks of a session in the middle of its calls.
internal import COpenSSL

extension TLSSession {
    // SAFETY: one structure for the life of the process, never changed; OpenSSL asks on the thread that called it.
    nonisolated(unsafe) static let questions: UnsafePointer<mt_questions> = {
        let questions = UnsafeMutablePointer<mt_questions>.allocate(capacity: 1)
        questions.initialize(
            to: mt_questions(
                room: { owner, count in TLSSession.of(owner) { $0.output.makeRoom(count) } },
                name: { owner, name, count in
                    TLSSession.of(owner) { $0.hearName(UnsafeBufferPointer(start: name, count: count)) } ?? false
                },
                certificates: { owner in TLSSession.of(owner) { $0.showCertificates() } ?? false },
                ticket_key: { owner, name, key in
                    // SAFETY: a ticket's name is 16 bytes (RFC 5077 §4), and `key` is OpenSSL's to be written.
                    let name = name.map { Array(UnsafeBufferPointer(start: $0, count: 16)) }
                    guard let key else { return 0 }
                    return TLSSession.of(owner) { $0.context.tickets?.answer(name, &key.pointee) ?? 0 } ?? 0
                },
                resumable: { owner, handle in TLSSession.of(owner) { $0.keep(handle) } ?? false }))
        return UnsafePointer(questions)
    }()

    // SAFETY: the owner is the session that made the call which asks, so it is alive.
    private static func of<Result>(_ owner: UnsafeMutableRawPointer?, _ body: (TLSSession) -> Result) -> Result? {
        owner.map { Unmanaged<TLSSession>.fromOpaque($0)._withUnsafeGuaranteedRef(body) }
    }

    /// Names this session to OpenSSL as the one to ask.
    // SAFETY: not counted: `handle` is freed in deinit, and nothing asks after that.
    func setOwner() { output.buffers.pointee.owner = Unmanaged.passUnretained(self).toOpaque() }

    // SAFETY: `name` is readable during the call.
    private func hearName(_ name: UnsafeBufferPointer<CChar>) -> Bool {
        guard let store = context.store else { return true }
        let text = String(decoding: name.lazy.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        places = text.isEmpty ? nil : store.places(for: text)
        if places == nil, context.unknownName == .refuse {
            isNameRefused = true
            return false
        }
        return true
    }

    /// The certificates of the name; OpenSSL takes the one that the client's signature algorithms allow, ECDSA first.
    private func showCertificates() -> Bool {
        // Those of the first are the context's own.
        guard let store = context.store, let places, places != store.names.first else { return true }
        mt_session_clear(handle)
        return places.allSatisfy { mt_session_use(handle, store.pairs[$0].handle) }
    }

    /// A server has given what this connection can be resumed by.
    private func keep(_ handle: OpaquePointer?) -> Bool {
        guard let (cache, key) = resumption, let handle else { return false }
        cache.keep(handle, for: key)
        return true
    }
}
