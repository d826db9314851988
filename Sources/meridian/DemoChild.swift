// Owns a process of the demo that can be started again after it was killed.
internal import Glibc

/// A child process and what is needed to start it.
struct DemoChild {
    let name: String
    private let arguments: [String]
    private var process: ChildProcess

    init(_ name: String, _ arguments: [String]) throws(Failure) {
        self.name = name
        self.arguments = arguments
        process = try ChildProcess(arguments)
    }

    var pid: pid_t { process.pid }
    var hasEnded: Bool { process.hasEnded }

    /// Starts it again; it must have ended.
    mutating func start() throws(Failure) { process = try ChildProcess(arguments) }

    func end() { process.end() }
}
