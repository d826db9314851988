// Owns the reading of a settings file and of environment variables from the system.
#if canImport(Glibc)
    internal import Glibc
#else
    internal import Musl
#endif

extension SettingsReader {
    /// Reads the file at `path` with the environment of the process. A file that cannot be read, is too large or is
    /// not UTF-8 is a problem like others. Blocks: never call it on a worker.
    public static func read(path: String) -> Result<ValidSettings, InvalidSettings> {
        do throws(Problem) {
            let bytes = try FileContents.bytes(of: path)
            guard bytes.count <= YAMLTree.byteLimit else { throw Problem(path: path, message: YAMLTree.tooLarge) }
            guard let text = String(validating: bytes, as: UTF8.self) else { throw notUTF8(bytes, path) }
            return read(text: text, path: path, environment: FileContents.environmentVariable)
        } catch {
            return .failure(InvalidSettings(problems: [error]))
        }
    }

    private static func notUTF8(_ bytes: [UInt8], _ path: String) -> Problem {
        // No character of UTF-8 contains the byte of a line end, so that each line is judged by itself.
        let lines = bytes.split(separator: 0x0A, omittingEmptySubsequences: false)
        let valid = lines.prefix { String(validating: $0, as: UTF8.self) != nil }
        return Problem(path: path, mark: Mark(line: valid.count + 1, column: 1), message: "the line is not UTF-8")
    }
}

/// What the system knows: bytes of files, and the environment.
private enum FileContents {
    /// At most one chunk more than the limit of a settings file.
    static func bytes(of path: String) throws(Problem) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw problem(path, "cannot be opened", errno) }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        // One byte over the limit is enough for the reader to say so.
        while bytes.count <= YAMLTree.byteLimit {
            // SAFETY: read(2) writes at most `count` bytes into the chunk, which lives through the call.
            let count = chunk.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw problem(path, "cannot be read", errno) }
            if count == 0 { break }
            bytes += chunk[..<count]
        }
        return bytes
    }

    static func environmentVariable(_ name: String) -> String? {
        // SAFETY: the text is copied at once. Nothing in the process calls setenv, which alone could free it.
        getenv(name).map { String(cString: $0) }
    }

    private static func problem(_ path: String, _ what: String, _ code: Int32) -> Problem {
        // SAFETY: strerror's text is copied before anything else on this thread could write over it.
        Problem(path: path, message: "\(what): \(String(cString: strerror(code)))")
    }
}
