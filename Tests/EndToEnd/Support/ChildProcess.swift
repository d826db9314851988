// Owns processes that tests start: by path, with a log of their own, ended with the test.
import Foundation
import Glibc
import Synchronization

/// A process. `Foundation.Process` is not used: it takes a process for running while any of its children has inherited
/// a descriptor.
final class ChildProcess: Sendable {
    enum Exit: Equatable { case code(Int32), signal(Int32) }

    let pid: pid_t
    let log: String
    private let name: String
    private let exit = Mutex<Exit?>(nil)
    /// No process may begin while a descriptor is open that it would inherit.
    static let startLock = Mutex(())
    private static let running = Mutex<[pid_t: (name: String, log: String)]>([:])
    private static let ended = Mutex<[String]>([])

    /// Starts a program; standard output and error go to the log.
    ///
    /// - Throws: `Failure` when it cannot be started.
    init(_ arguments: [String], log: String, environment: [String: String] = [:]) throws {
        self.log = log
        name = arguments.joined(separator: " ")
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, log, O_WRONLY | O_CREAT | O_APPEND, 0o644)
        posix_spawn_file_actions_adddup2(&actions, 1, 2)
        Self.keepDescriptors
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // The test runner's own mask and ignored signals are not the program's business.
        var signals = sigset_t()
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        sigaddset(&signals, SIGPIPE)
        posix_spawnattr_setsigdefault(&attributes, &signals)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))
        var variables = ProcessInfo.processInfo.environment
        variables.merge(environment) { $1 }
        let words = arguments.map { strdup($0) } + [nil]
        let settings = variables.map { strdup("\($0)=\($1)") } + [nil]
        defer { (words + settings).forEach { free($0) } }
        var pid: pid_t = 0
        let error = Self.startLock.withLock { _ in
            posix_spawnp(&pid, arguments[0], &actions, &attributes, words, settings)
        }
        guard error == 0 else { throw Failure("\(arguments[0]): \(String(cString: strerror(error)))") }
        self.pid = pid
        Self.running.withLock { $0[pid] = (name, log) }
    }

    /// What the test runner was started with stays its own: it would count towards a program's limit of descriptors.
    private static let keepDescriptors: Void = {
        for descriptor in Int32(3)..<1_024 { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
    }()

    deinit {
        signal(SIGKILL)
        _ = try? waitForExit()
        let report = output.isEmpty ? [] : [Self.report(name, output)]
        Self.running.withLock { _ = $0.removeValue(forKey: pid) }
        Self.ended.withLock { $0 = ($0 + report).suffix(2) }
    }

    /// Sends a signal, unless the process has ended.
    func signal(_ number: Int32) {
        guard isRunning else { return }
        kill(pid, number)
    }

    var isRunning: Bool { poll() == nil }

    /// How the process ended; nil while it runs.
    func poll() -> Exit? {
        exit.withLock { exit in
            if let exit { return exit }
            var status: Int32 = 0
            guard waitpid(pid, &status, WNOHANG) == pid else { return nil }
            let signal = status & 0x7f
            exit = signal == 0 ? .code((status >> 8) & 0xff) : .signal(signal)
            return exit
        }
    }

    /// Waits for the end of the process.
    func waitForExit(within limit: Duration = .seconds(15)) throws -> Exit {
        var result: Exit?
        try eventually("end of \(name)", within: limit) {
            result = poll()
            return result != nil
        }
        return try result.unwrapped("\(name) has not ended")
    }

    /// What the process wrote.
    var output: String { (try? String(contentsOfFile: log, encoding: .utf8)) ?? "" }

    /// The ends of the logs of processes that run now, or ended last: a test that throws has let go of its own already.
    static func recentLogs() -> [String] {
        let running = running.withLock { Array($0.values) }.map { process in
            report(process.name, (try? String(contentsOfFile: process.log, encoding: .utf8)) ?? "")
        }
        return ended.withLock { $0 } + running.filter { !$0.isEmpty }
    }

    private static func report(_ name: String, _ output: String) -> String {
        let lines = output.split(separator: "\n").suffix(30)
        return lines.isEmpty ? "" : "--- \(name)\n" + lines.joined(separator: "\n")
    }

    /// Runs a program to its end.
    static func run(_ arguments: [String], within limit: Duration = .seconds(30)) throws -> (exit: Exit, output: String)
    {
        let scratch = try Scratch()
        let process = try ChildProcess(arguments, log: scratch.path + "/output.log")
        let exit = try process.waitForExit(within: limit)
        return (exit, process.output)
    }
}

/// What a process costs, from `/proc`.
extension ChildProcess {
    /// A line of `/proc/PID/status` in bytes, such as `VmRSS`, or `VmHWM`, the most it ever was.
    func memory(_ key: String = "VmRSS") throws -> Int {
        let status = try String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)
        let line = try status.split(separator: "\n").first { $0.hasPrefix(key + ":") }.unwrapped("\(key) of \(name)")
        let kibibytes = line.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Int($0) }
        return try kibibytes.unwrapped("\(key) of \(name)") * 1024
    }

    /// User and system time so far.
    func processorTime() throws -> Duration {
        let stat = try String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8)
        // The name may hold spaces; what follows it does not.
        let fields = stat.split(separator: ")").last?.split(separator: " ") ?? []
        guard fields.count > 12, let user = Int(fields[11]), let system = Int(fields[12]) else {
            throw Failure("cannot read the times of \(name)")
        }
        return .milliseconds((user + system) * 1000 / sysconf(Int32(_SC_CLK_TCK)))
    }

    /// How many descriptors are open.
    func descriptors() throws -> Int { try FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/fd").count }
}

struct Failure: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

extension Optional {
    func unwrapped(_ what: String) throws -> Wrapped {
        guard let self else { throw Failure("missing: \(what)") }
        return self
    }
}
