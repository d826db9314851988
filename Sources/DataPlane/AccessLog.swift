// Owns the access log's file: blocks of lines from all workers, written by one thread, dropped and counted when it is too slow.
internal import Balancing
internal import Catalog
internal import Glibc
internal import Proactor
internal import Routing
internal import Synchronization
internal import Topology

/// The log's file and what waits to be written to it. Safe from every thread.
final class AccessLog: Sendable {
    /// The most blocks that wait for the disk, 4 MiB in all; lines beyond that are dropped.
    static let limit = 32
    /// Empty blocks that are kept for the workers.
    private static let spares = 8

    let configuration: AccessLogConfiguration
    private let counters: ProcessCounters
    private struct State {
        var waiting: [AccessLogBlock] = []
        /// Blocks that the thread has taken and not written yet.
        var underWay = 0
        var spare: [AccessLogBlock] = []
        var isScheduled = false

        /// Queues a block: behind the last one in the same memory where it fits, so that few lines cannot hold much.
        mutating func take(_ block: inout AccessLogBlock) -> Outcome {
            if !waiting.isEmpty, waiting[waiting.count - 1].append(block) {
                block.clear()
                return .scheduled
            }
            guard waiting.count + underWay < AccessLog.limit else { return .dropped }
            waiting.append(block)
            block = spare.popLast() ?? AccessLogBlock()
            defer { isScheduled = true }
            return isScheduled ? .scheduled : .wakes
        }

        /// Takes an empty block back.
        mutating func giveBack(_ block: inout AccessLogBlock) {
            underWay -= 1
            if spare.count < AccessLog.spares { spare.append(block) }
            // No second reference may stay: it would make the worker that fills the block copy it.
            block = AccessLogBlock()
        }
    }
    private enum Outcome { case scheduled, wakes, dropped }
    private let state = Mutex(State())
    private let descriptor: Mutex<Int32>
    private let thread: Mutex<LoopHost<Void>?>

    /// Opens the file for appending.
    init(_ configuration: AccessLogConfiguration, counters: ProcessCounters) throws(SystemError) {
        self.configuration = configuration
        self.counters = counters
        descriptor = Mutex(try Self.open(configuration.path))
        var buffers = LoopBuffers.modest
        buffers.smallCount = 1
        buffers.largeCount = 1
        let host = try LoopHost<Void>.start(name: "access-log", io: .epoll, buffers: buffers) { _ throws(SystemError) in
        }
        thread = Mutex(host)
    }

    private static func open(_ path: String) throws(SystemError) -> Int32 {
        if path == "-" { return STDOUT_FILENO }
        let descriptor = Glibc.open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o640)
        guard descriptor >= 0 else { throw SystemError(code: errno, action: "open access log \(path)") }
        return descriptor
    }

    /// Opens the path again, for a file that was rotated away. The old file stays in use when that fails.
    func reopen() throws(SystemError) {
        guard configuration.path != "-" else { return }
        let fresh = try Self.open(configuration.path)
        let old = descriptor.withLock { current in
            defer { current = fresh }
            return current
        }
        Glibc.close(old)
    }

    /// Takes a block's lines over and leaves an empty block in its place. When too much waits already the lines are
    /// dropped and counted.
    func exchange(_ block: inout AccessLogBlock) {
        guard !block.isEmpty else { return }
        let outcome = state.withLock { $0.take(&block) }
        switch outcome {
        case .scheduled: break
        case .dropped:
            countDropped(block.lines)
            block.clear()
        case .wakes: _ = thread.withLock { $0?.post { [self] _ in write() } }
        }
    }

    /// Counts lines that nobody will read.
    func countDropped(_ lines: Int) { counters.logLinesDropped.add(lines, ordering: .relaxed) }

    /// Writes all blocks that wait.
    private func write() {
        var blocks = state.withLock { state in
            defer { state.waiting = [] }
            state.underWay += state.waiting.count
            state.isScheduled = false
            return state.waiting
        }
        blocks.reverse()
        while var block = blocks.popLast() {
            descriptor.withLock { write(block, to: $0) }
            block.clear()
            state.withLock { $0.giveBack(&block) }
        }
    }

    private func write(_ block: AccessLogBlock, to descriptor: Int32) {
        let bytes = block.filled
        var start = 0
        while start < bytes.count {
            let written = bytes.extracting(start..<bytes.count).withUnsafeBytes { raw in
                // SAFETY: write(2) only reads the span's bytes, during the call.
                Glibc.write(descriptor, raw.baseAddress, raw.count)
            }
            if written <= 0 {
                if written < 0, errno == EINTR { continue }
                // A full or broken disk costs log lines, never traffic.
                countDropped(block.linesEnding(from: start))
                return
            }
            start += written
        }
    }

    /// Writes what waits and ends the thread.
    func close() {
        let host = thread.withLock { host in
            defer { host = nil }
            return host
        }
        host?.stop()
        write()
        let descriptor = descriptor.withLock { $0 }
        if descriptor != STDOUT_FILENO { Glibc.close(descriptor) }
    }
}
