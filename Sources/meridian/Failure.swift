// Owns how a command fails: its exit code and a single message on standard error.
internal import Glibc

/// The exit codes: scripts rely on them, so none ever gets another meaning.
enum ResultCode: Int32 {
    case done = 0
    case refused = 1
    case usage = 2
    case noQuorum = 3
    case unknownOutcome = 4
}

/// Ends the command with a message and a code.
struct Failure: Error {
    let code: ResultCode
    let message: String

    init(_ message: String, code: ResultCode = .refused) {
        self.code = code
        self.message = message
    }
}

/// Writes a line, or several, to standard error. What it says may quote a file, or what a peer has said.
func standardError(_ line: String) {
    let bytes = Array((VisibleText.of(line, keepsLines: true) + "\n").utf8)
    // SAFETY: write(2) only reads the array's bytes, during the call.
    _ = bytes.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
}

/// Ends the process with a code.
func endProcess(_ code: ResultCode) -> Never { Glibc.exit(code.rawValue) }
