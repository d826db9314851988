// Owns the TLS of one listener for all workers: its certificates and rules, replaced as a whole when they are read again.
public import Routing
internal import Synchronization
internal import TLS
public import Topology

/// Why a listener cannot speak TLS.
public struct ListenerSecurityFailure: Error, CustomStringConvertible {
    public let listener: ListenerName
    /// What is wrong, with the name of the file or the setting.
    public let reason: String

    public var description: String { "the listener '\(listener)': \(reason)" }
}

/// Gives each connection that a worker accepts its session.
final class ListenerSecurity: Sendable {
    /// What was read of the files at one time.
    struct Material: Sendable {
        fileprivate let store: CertificateStore
        fileprivate let context: TLSContext
        /// What is wrong with pairs in whose place others are used.
        let complaints: [String]
    }

    private let material: Mutex<Material>
    private let tickets: SessionTickets

    /// Reads all files of a listener. Reads the disk, so not on a worker.
    init(_ listener: ListenerDefinition, _ tickets: SessionTickets) throws(ListenerSecurityFailure) {
        self.tickets = tickets
        material = Mutex(try Self.read(listener, tickets, keeping: nil))
    }

    /// A session for a connection that was accepted; nil when OpenSSL has no memory.
    func makeSession(now: Tick) -> TLSSession? {
        tickets.rotateIfDue(now: now)
        let context = material.withLock { $0.context }
        return try? TLSSession(context)
    }

    /// New connections use it from now on.
    func use(_ material: Material) { self.material.withLock { $0 = material } }

    /// Reads all files again, as the listener names them now: of a pair that is broken, what is in use is kept. Reads the
    /// disk, so not on a worker.
    func read(_ listener: ListenerDefinition) throws(ListenerSecurityFailure) -> Material {
        try Self.read(listener, tickets, keeping: material.withLock { $0.store })
    }

    private static func read(
        _ listener: ListenerDefinition, _ tickets: SessionTickets, keeping current: CertificateStore?
    ) throws(ListenerSecurityFailure) -> Material {
        guard let tls = listener.tls else {
            throw ListenerSecurityFailure(listener: listener.name, reason: "it speaks without TLS")
        }
        let loading = CertificateStore.load(tls.certificates.map { TLSIdentity($0) }, keeping: current)
        // A pair that nothing stands in for would be missed by its clients alone.
        if let failure = loading.failures.first(where: { !$0.isKept }) {
            throw ListenerSecurityFailure(listener: listener.name, reason: "\(failure.failure)")
        }
        guard let store = loading.store else {
            throw ListenerSecurityFailure(listener: listener.name, reason: "it has no certificate")
        }
        do throws(TLSFailure) {
            let configuration = TLSServerConfiguration(tls, speaksHTTP: listener.protocol == .http)
            return Material(
                store: store, context: try TLSContext(configuration, store, tickets: tickets.ring),
                complaints: loading.failures.map { "\($0.failure)" })
        } catch {
            throw ListenerSecurityFailure(listener: listener.name, reason: "\(error)")
        }
    }
}

extension ListenerDefinition {
    /// Reads the files of its TLS as a start would. Reads the disk.
    ///
    /// - Throws: why it could not speak TLS.
    public func checkSecurity() throws(ListenerSecurityFailure) {
        if tls != nil { _ = try ListenerSecurity(self, SessionTickets(now: .zero)) }
    }
}

extension TLSIdentity {
    fileprivate init(_ files: CertificateFiles) { self.init(certificate: files.certificate, key: files.key) }
}

extension TLSServerConfiguration {
    fileprivate init(_ tls: ListenerTLS, speaksHTTP: Bool) {
        self.init(profile: tls.profile == .modern ? .modern : .intermediate)
        if let oldest = tls.oldestVersion { versions = (oldest == .tls12 ? .tls12 : .tls13) ... .tls13 }
        ciphers = tls.ciphers
        groups = tls.groups
        protocols = speaksHTTP ? ["http/1.1"] : []
        unknownName = tls.unknownName == .refuse ? .refuse : .default
        hasDynamicRecords = tls.hasDynamicRecords
        if let file = tls.clientAuthority {
            let authorities = TLSAuthorities(file: file, revocations: tls.revocations)
            switch tls.clientCertificate {
            case .off: break
            case .optional: clientAuthentication = .optional(authorities)
            case .required: clientAuthentication = .required(authorities)
            }
        }
    }
}
