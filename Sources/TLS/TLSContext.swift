// Owns what sessions share: the settings of one side, its certificates and its ticket keys.
internal import COpenSSL
internal import Glibc
internal import Synchronization

/// The settings of one side, immutable and shared by all its sessions: TLS 1.2 or later, no renegotiation, no compression.
public final class TLSContext: @unchecked Sendable {
    // SAFETY: OpenSSL's contexts may be used by several threads once nothing changes them, which is after `init`.
    let handle: OpaquePointer
    /// Whether it accepts connections, or makes them.
    public let role: Role
    /// A server's certificates.
    let store: CertificateStore?
    /// A client's own certificate, or that of a server without a store.
    private let own: CertificatePair?
    let tickets: TicketKeyRing?
    let unknownName: TLSUnknownName
    let hasDynamicRecords: Bool
    /// Whether peers are asked for certificates, and those are verified.
    let verifies: Bool
    /// Whether a client keeps what it can resume.
    let resumes: Bool
    /// Distinguishes it from all others of the process.
    let number: UInt64

    private static let last = Atomic<UInt64>(0)

    public enum Role: Hashable, Sendable { case server, client }

    private init(
        _ role: Role, store: CertificateStore?, own: CertificatePair?, tickets: TicketKeyRing?,
        unknownName: TLSUnknownName, hasDynamicRecords: Bool, verifies: Bool, resumes: Bool
    ) throws(TLSFailure) {
        handle = try Self.makeHandle(role)
        self.role = role
        self.store = store
        self.own = own
        self.tickets = tickets
        self.unknownName = unknownName
        self.hasDynamicRecords = hasDynamicRecords
        self.verifies = verifies
        self.resumes = resumes
        number = Self.last.wrappingAdd(1, ordering: .relaxed).newValue
    }

    private static func makeHandle(_ role: Role) throws(TLSFailure) -> OpaquePointer {
        guard let handle = mt_context_new(role == .server) else {
            throw TLSFailure(.internalError, "TLS: \(TLSFailure.lastReason())")
        }
        return handle
    }

    deinit { mt_context_free(handle) }

    // MARK: Making one

    /// A server's. Reads the files of authorities; the disk, so not on a loop that serves.
    ///
    /// - Parameters:
    ///   - store: what it proves itself with.
    ///   - tickets: the keys by which clients can resume connections; nil: they cannot.
    /// - Throws: what is wrong, with the name of the file or the setting.
    public convenience init(
        _ configuration: TLSServerConfiguration, _ store: CertificateStore, tickets: TicketKeyRing? = nil
    ) throws(TLSFailure) {
        let authentication = configuration.clientAuthentication
        try self.init(
            .server, store: store, own: nil, tickets: tickets, unknownName: configuration.unknownName,
            hasDynamicRecords: configuration.hasDynamicRecords, verifies: authentication.authorities != nil,
            resumes: false)
        // A throw from here on runs deinit, for all properties are set.
        try apply(
            configuration.versions ?? configuration.profile.versions,
            ciphers: configuration.ciphers ?? configuration.profile.ciphers,
            groups: configuration.groups ?? configuration.profile.groups, protocols: configuration.protocols)
        for place in store.names.first { try use(store.pairs[place]) }
        try ask(authentication)
        if tickets != nil { try giveTickets(zone: Self.zone(authentication)) }
    }

    /// A client's. Reads the files; the disk, so not on a loop that serves.
    ///
    /// - Throws: what is wrong, with the name of the file or the setting.
    public convenience init(_ configuration: TLSClientConfiguration) throws(TLSFailure) {
        let pair = try configuration.identity.map { identity throws(TLSFailure) in try CertificatePair(identity) }
        try self.init(
            .client, store: nil, own: pair, tickets: nil, unknownName: .default, hasDynamicRecords: false,
            verifies: configuration.trust != .none, resumes: configuration.resumes)
        try apply(
            configuration.versions, ciphers: TLSProfile.intermediate.ciphers,
            groups: TLSProfile.intermediate.groups, protocols: configuration.protocols)
        if let pair { try use(pair) }
        try trust(configuration.trust)
        if verifies { mt_context_verify_peer(handle, true) }
        if resumes { mt_context_resumes(handle) }
    }

    /// One of two sides that prove themselves to each other: nothing is resumed, so each connection is verified anew.
    ///
    /// - Parameters:
    ///   - identity: what this side proves itself with; a server needs one.
    ///   - trust: whom it accepts; a peer without an acceptable certificate is refused during the handshake.
    /// - Throws: what is wrong, with the name of the file. Reads the disk, so not on a loop that serves.
    public convenience init(_ role: Role, identity: TLSIdentity?, trust: TLSTrust) throws(TLSFailure) {
        let pair = try identity.map { identity throws(TLSFailure) in try CertificatePair(identity) }
        try self.init(
            role, store: nil, own: pair, tickets: nil, unknownName: .default, hasDynamicRecords: false,
            verifies: trust != .none, resumes: false)
        if let pair { try use(pair) }
        try self.trust(trust)
        if verifies { mt_context_verify_peer(handle, true) }
    }

    /// Why its own certificate is of no use today; nil: it is valid, or there is none. For a warning: the clock may be what
    /// is wrong.
    public var certificateWarning: String? {
        own.flatMap { TLSIdentityReport($0).invalidity(at: Int64(time(nil))) }
    }

    // MARK: Files

    /// A file that a context reads.
    public enum File: Hashable, Sendable { case certificate, key, authorities }

    /// All that is wrong with files before they are used; empty where they can be. Reads the disk.
    public static func problems(
        of identity: TLSIdentity, authorities: String
    ) -> [(file: File, failure: TLSFailure)] {
        var (certificate, key) = CertificatePair.problems(of: identity)
        var trust: TLSFailure?
        do throws(TLSFailure) {
            let context = try TLSContext(.client, identity: nil, trust: .none)
            do throws(TLSFailure) { try context.trust(.authorities(file: authorities)) } catch { trust = error }
            if certificate == nil, key == nil { try context.use(CertificatePair(identity)) }
        } catch {
            if error.kind == .file { certificate = error } else { key = error }
        }
        let all: [(File, TLSFailure?)] = [(.certificate, certificate), (.key, key), (.authorities, trust)]
        return all.compactMap { file, failure in failure.map { (file, $0) } }
    }

    /// Whether OpenSSL would use a pair: a key may be too short for it.
    static func check(_ pair: CertificatePair) throws(TLSFailure) {
        try TLSContext(.client, identity: nil, trust: .none).use(pair)
    }

    private func use(_ pair: CertificatePair) throws(TLSFailure) {
        guard mt_context_use(handle, pair.handle) else {
            throw TLSFailure(.file, "\(pair.identity.certificate): \(TLSFailure.lastReason())")
        }
    }

    private func trust(_ trust: TLSTrust) throws(TLSFailure) {
        switch trust {
        case .none: break
        case .authorities(let file):
            try TLSFailure.checkReadable(file)
            guard mt_context_trust(handle, file) else {
                throw TLSFailure.file(file, holdsNo: "certificate of an authority")
            }
        case .system:
            guard mt_context_trust_system(handle) else {
                throw TLSFailure(.internalError, "the system's authorities: \(TLSFailure.lastReason())")
            }
        }
    }

    private func ask(_ authentication: TLSClientAuthentication) throws(TLSFailure) {
        guard let authorities = authentication.authorities else { return }
        try trust(.authorities(file: authorities.file))
        if let file = authorities.revocations {
            try TLSFailure.checkReadable(file)
            guard mt_context_revocations(handle, file) else {
                throw TLSFailure.file(file, holdsNo: "list of revoked certificates")
            }
        }
        if case .required = authentication { mt_context_verify_peer(handle, true) }
        if case .optional = authentication { mt_context_verify_peer(handle, false) }
    }

    // MARK: Settings

    private func apply(
        _ versions: ClosedRange<TLSVersion>, ciphers: [String], groups: [String], protocols: [String]
    ) throws(TLSFailure) {
        func check(_ isGood: Bool, _ what: String) throws(TLSFailure) {
            if !isGood { throw TLSFailure(.setting, "\(what): \(TLSFailure.lastReason())") }
        }
        let suites = ciphers.filter { $0.hasPrefix("TLS_") }
        let older = ciphers.filter { !$0.hasPrefix("TLS_") }
        // A version without ciphers is not spoken; OpenSSL would take a list of its own.
        let least = older.isEmpty ? .tls13 : versions.lowerBound
        let greatest = suites.isEmpty ? .tls12 : versions.upperBound
        guard least <= greatest else { throw TLSFailure(.setting, "the ciphers are for no version that is allowed") }
        try check(mt_context_versions(handle, Int32(least.rawValue), Int32(greatest.rawValue)), "the versions of TLS")
        try check(mt_context_suites(handle, suites.joined(separator: ":")), "the ciphers of TLS 1.3")
        if !older.isEmpty {
            // In a list OpenSSL passes over what it does not know.
            for cipher in older { try check(mt_context_ciphers(handle, cipher), "the cipher \(cipher)") }
            try check(mt_context_ciphers(handle, older.joined(separator: ":")), "the ciphers of TLS 1.2")
        }
        try check(mt_context_groups(handle, groups.joined(separator: ":")), "the groups")
        guard !protocols.isEmpty else { return }
        var list: [UInt8] = []
        for name in protocols {
            guard (1...255).contains(name.utf8.count) else {
                throw TLSFailure(.setting, "`\(name)`: the name of a protocol has 1 to 255 bytes")
            }
            list += [UInt8(name.utf8.count)] + Array(name.utf8)
        }
        try check(mt_context_protocols(handle, list, list.count), "the protocols")
    }

    /// What a ticket is bound to, beside its key: what was asked of the client when it was given.
    private static func zone(_ authentication: TLSClientAuthentication) throws(TLSFailure) -> [UInt8] {
        guard let authorities = authentication.authorities else { return try FileBytes.digest("none", []) }
        let files = [authorities.file] + (authorities.revocations.map { [$0] } ?? [])
        if case .required = authentication { return try FileBytes.digest("required", files) }
        return try FileBytes.digest("optional", files)
    }

    private func giveTickets(zone: [UInt8]) throws(TLSFailure) {
        let seconds = Int(TicketKeyRing.lifetime.components.seconds)
        guard mt_context_tickets(handle, zone, zone.count, seconds) else {
            throw TLSFailure(.internalError, "tickets: \(TLSFailure.lastReason())")
        }
    }
}
