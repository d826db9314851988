// Owns what is looked at of a file beside its certificates: who may read it, and its bytes as a whole.
internal import COpenSSL
internal import Glibc

enum FileBytes {
    /// What is wrong with who may read a key's file; nil: only its owner may.
    static func warning(ofKey path: String) -> String? {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        let others = status.st_mode & 0o077
        guard others & 0o044 != 0 else { return nil }
        let who = others & 0o004 != 0 ? "everybody" : "its group"
        return "\(path): \(who) may read this key (mode \(String(status.st_mode & 0o777, radix: 8)))"
    }

    /// The SHA-256 of several files' bytes, and of a word before them.
    static func digest(_ word: String, _ paths: [String]) throws(TLSFailure) -> [UInt8] {
        var all = Array(word.utf8)
        for path in paths { all += [0] + (try bytes(path)) }
        var digest = [UInt8](repeating: 0, count: 32)
        guard mt_digest(all, all.count, &digest) else { throw TLSFailure(.internalError, "TLS: no memory") }
        return digest
    }

    private static func bytes(_ path: String) throws(TLSFailure) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw TLSFailure(.file, "\(path): \(String(cString: strerror(errno)))") }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var room = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = read(descriptor, &room, room.count)
            guard count >= 0 else { throw TLSFailure(.file, "\(path): \(String(cString: strerror(errno)))") }
            if count == 0 { return bytes }
            bytes += room.prefix(count)
        }
    }
}
