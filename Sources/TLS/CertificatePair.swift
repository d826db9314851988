// Owns a certificate with its chain and its key, read from files and checked.
internal import COpenSSL

/// What a side proves itself with, in memory. Immutable once it is made.
final class CertificatePair: @unchecked Sendable {
    // SAFETY: nothing changes it after `init`, and OpenSSL counts who uses its parts under locks of its own.
    let handle: OpaquePointer
    let identity: TLSIdentity

    /// Reads both files.
    ///
    /// - Throws: what is wrong, with the name of the file.
    init(_ identity: TLSIdentity) throws(TLSFailure) {
        self.identity = identity
        guard let handle = mt_pair_new() else { throw TLSFailure(.internalError, "TLS: no memory") }
        self.handle = handle
        // A throw from here on runs deinit, for all properties are set.
        try Self.readCertificate(identity, into: handle)
        try Self.readKey(identity, into: handle)
        guard mt_pair_fits(handle) else {
            throw TLSFailure(
                .file, "\(identity.key): the key does not belong to the certificate in \(identity.certificate)")
        }
    }

    deinit { mt_pair_free(handle) }

    private static func readCertificate(_ identity: TLSIdentity, into handle: OpaquePointer) throws(TLSFailure) {
        try TLSFailure.checkReadable(identity.certificate)
        guard mt_pair_read_chain(handle, identity.certificate) else {
            throw TLSFailure.file(identity.certificate, holdsNo: "certificate")
        }
    }

    private static func readKey(_ identity: TLSIdentity, into handle: OpaquePointer) throws(TLSFailure) {
        try TLSFailure.checkReadable(identity.key)
        guard mt_pair_read_key(handle, identity.key) else {
            throw TLSFailure.file(identity.key, holdsNo: "private key without a password")
        }
    }

    /// All that is wrong with the two files.
    static func problems(of identity: TLSIdentity) -> (certificate: TLSFailure?, key: TLSFailure?) {
        guard let handle = mt_pair_new() else { return (TLSFailure(.internalError, "TLS: no memory"), nil) }
        defer { mt_pair_free(handle) }
        func failure(_ body: () throws(TLSFailure) -> Void) -> TLSFailure? {
            do throws(TLSFailure) {
                try body()
                return nil
            } catch {
                return error
            }
        }
        let certificate = failure { () throws(TLSFailure) in try readCertificate(identity, into: handle) }
        let key = failure { () throws(TLSFailure) in try readKey(identity, into: handle) }
        guard certificate == nil, key == nil else { return (certificate, key) }
        return (nil, failure { () throws(TLSFailure) in _ = try CertificatePair(identity) })
    }
}
