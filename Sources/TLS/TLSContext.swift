// Owns what sessions share: the own certificate and key, and whom to trust.
internal import COpenSSL
internal import Glibc

/// The files that one side proves itself with.
public struct TLSIdentity: Hashable, Sendable {
    /// The certificate, and behind it those between it and the authority; PEM.
    public var certificate: String
    /// Its private key, without a password; PEM.
    public var key: String

    public init(certificate: String, key: String) {
        self.certificate = certificate
        self.key = key
    }
}

/// Whose certificates a side accepts.
public enum TLSTrust: Hashable, Sendable {
    /// Asks for none.
    case none
    /// Those that an authority in this file has signed; PEM.
    case authorities(file: String)
    /// Those that the system's authorities have signed.
    case system
}

/// The settings of one side, immutable and shared by all its sessions: TLS 1.2 or later, nothing resumed, no renegotiation.
public final class TLSContext: @unchecked Sendable {
    // SAFETY: OpenSSL's contexts may be used by several threads once nothing changes them, which is after `init`.
    let handle: OpaquePointer
    /// Whether it accepts connections, or makes them.
    public let role: Role

    public enum Role: Hashable, Sendable { case server, client }

    /// Reads and checks the files.
    ///
    /// - Parameters:
    ///   - identity: what this side proves itself with; a server needs one.
    ///   - trust: whom it accepts; a peer without an acceptable certificate is refused during the handshake.
    /// - Throws: what is wrong, with the name of the file. Reads the disk, so not on a loop that serves.
    public init(_ role: Role, identity: TLSIdentity?, trust: TLSTrust) throws(TLSFailure) {
        guard let handle = mt_context_new(role == .server) else {
            throw TLSFailure(.internalError, "TLS: \(TLSFailure.lastReason())")
        }
        self.handle = handle
        self.role = role
        // A throw from here on runs deinit, for all properties are set.
        if let identity { try use(identity) }
        switch trust {
        case .none: break
        case .authorities(let file): try trustAuthorities(in: file)
        case .system:
            guard mt_context_trust_system(handle) else {
                throw TLSFailure(.internalError, "the system's authorities: \(TLSFailure.lastReason())")
            }
        }
        if trust != .none { mt_context_verify_peer(handle) }
    }

    deinit { mt_context_free(handle) }

    /// Why its own certificate is of no use today; nil: it is valid. For a warning: the clock may be what is wrong.
    public var certificateWarning: String? {
        let seconds = mt_context_validity(handle)
        if seconds == 0 { return nil }
        let amount = Self.amount(abs(seconds))
        return seconds > 0 ? "the certificate is valid only in \(amount)" : "the certificate expired \(amount) ago"
    }

    private static func amount(_ seconds: Int) -> String {
        switch seconds {
        case ..<120: "\(seconds) s"
        case ..<7_200: "\(seconds / 60) minutes"
        case ..<172_800: "\(seconds / 3_600) hours"
        default: "\(seconds / 86_400) days"
        }
    }

    /// A file that a context reads.
    public enum File: Hashable, Sendable { case certificate, key, authorities }

    /// All that is wrong with files before they are used; empty where they can be. Reads the disk.
    public static func problems(
        of identity: TLSIdentity, authorities: String
    ) -> [(file: File, failure: TLSFailure)] {
        func failure(_ body: (TLSContext) throws(TLSFailure) -> Void) -> TLSFailure? {
            do throws(TLSFailure) {
                try body(try TLSContext(.client, identity: nil, trust: .none))
                return nil
            } catch {
                return error
            }
        }
        let certificate = failure { context throws(TLSFailure) in try context.useCertificate(identity) }
        // A key is compared with the certificate; without one it is still read.
        let key = failure { context throws(TLSFailure) in
            certificate == nil ? try context.use(identity) : try context.useKey(identity)
        }
        let trust = failure { context throws(TLSFailure) in try context.trustAuthorities(in: authorities) }
        return [(.certificate, certificate), (.key, key), (.authorities, trust)].compactMap { file, failure in
            failure.map { (file, $0) }
        }
    }

    private func use(_ identity: TLSIdentity) throws(TLSFailure) {
        try useCertificate(identity)
        try useKey(identity)
        guard mt_context_key_fits(handle) else { throw Self.mismatch(identity) }
    }

    private func useCertificate(_ identity: TLSIdentity) throws(TLSFailure) {
        try Self.checkReadable(identity.certificate)
        guard mt_context_use_chain(handle, identity.certificate) else {
            throw Self.failure(identity.certificate, holdsNo: "certificate")
        }
    }

    private func useKey(_ identity: TLSIdentity) throws(TLSFailure) {
        try Self.checkReadable(identity.key)
        guard mt_context_use_key(handle, identity.key) else {
            // OpenSSL compares the key with the certificate as soon as it reads it.
            let failure = Self.failure(identity.key, holdsNo: "private key without a password")
            if failure.description.contains("mismatch") { throw Self.mismatch(identity) }
            throw failure
        }
    }

    private static func mismatch(_ identity: TLSIdentity) -> TLSFailure {
        _ = TLSFailure.lastReason()
        return TLSFailure(
            .file, "\(identity.key): the key does not belong to the certificate in \(identity.certificate)")
    }

    private func trustAuthorities(in file: String) throws(TLSFailure) {
        try Self.checkReadable(file)
        guard mt_context_trust(handle, file) else { throw Self.failure(file, holdsNo: "certificate of an authority") }
    }

    /// The system's own words are better than OpenSSL's for a file that is missing or forbidden.
    private static func checkReadable(_ path: String) throws(TLSFailure) {
        guard access(path, R_OK) == 0 else {
            throw TLSFailure(.file, "\(path): \(String(cString: strerror(errno)))")
        }
    }

    private static func failure(_ path: String, holdsNo what: String) -> TLSFailure {
        let reason = TLSFailure.lastReason()
        let detail = reason.isEmpty ? "" : " (\(reason))"
        return TLSFailure(.file, "\(path): holds no \(what) in PEM form\(detail)")
    }
}
