// Owns `meridian run`: reads the settings, starts the node, and obeys signals until it has to end.
internal import ArgumentParser
internal import CLinux
internal import Glibc
internal import Logging
internal import Proactor
internal import Settings

/// Runs a node.
struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "run", abstract: "Run a proxy.")

    @Option(name: [.customShort("c"), .customLong("config")], help: "The configuration file.")
    var file: String

    @Option(
        help: "How to do input and output: auto, io_uring or epoll.",
        transform: { text in
            guard let choice = IOChoice(rawValue: text) else {
                throw ValidationError("'\(text)' is none of auto, io_uring, epoll")
            }
            return choice
        })
    var io = IOChoice.auto

    @Option(help: "Threads that carry traffic. Default: the file's `workers`, else one a core.")
    var workers: Int?

    @Flag(help: .hidden) var dieWithParent = false
    @Option(help: .hidden) var logPrefix = ""

    func validate() throws {
        if let workers, !(1...256).contains(workers) { throw ValidationError("--workers is between 1 and 256") }
    }

    func run() throws {
        if dieWithParent { ml_die_with_parent() }
        let prefix = logPrefix
        LoggingSystem.bootstrap { _ in LineLogHandler(prefix: prefix) }
        let logger = Logger(label: "meridian")
        // Before any thread is started, so that all of them inherit the mask.
        let signals = SignalReader([SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2])
        var valid = try loadSettings(file)
        try CredentialCheck.check(valid, file)
        if let workers { valid.settings.workers = workers }
        let node = try Node.start(valid, from: file, io: io, logger: logger)
        try follow(signals, node, logger)
    }

    /// Acts on signals until the node has ended.
    private func follow(_ signals: SignalReader, _ node: Node, _ logger: Logger) throws {
        while true {
            switch signals.next() {
            case SIGHUP: node.reload(from: file, workers: workers)
            case SIGUSR1: node.reopenLogs()
            case SIGTERM, SIGINT:
                logger.info("stopping gracefully; a second signal stops at once")
                node.stop(unless: { [SIGTERM, SIGINT].contains(signals.poll()) })
                logger.info("stopped")
                return
            // If it were not handled, it would end the process.
            default: logger.warning("this version cannot hand its sockets over to a new binary: restart it")
            }
        }
    }
}
