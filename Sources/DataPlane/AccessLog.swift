// Owns the access log: blocks of lines from all workers, written by one thread, dropped and counted when it is too slow.
internal import Balancing
internal import Catalog
internal import Glibc
internal import Proactor
internal import Routing
internal import Synchronization
internal import Topology

/// Where lines go from now on, and how they look.
struct AccessLogTarget: Sendable {
    var file: AccessLogFile
    var format: AccessLogConfiguration.Format
}

/// The log: where lines go, and what waits to be written. Safe from every thread; nobody waits for the disk.
final class AccessLog: Sendable {
    /// The most blocks that wait for the disk, 4 MiB in all; lines beyond that are dropped.
    static let limit = 32
    /// Empty blocks that are kept for the workers.
    private static let spares = 8
    /// How long the end of the process waits for a reader that takes nothing.
    private static let lastWait = Duration.seconds(2)

    private let counters: ProcessCounters
    private let tell: @Sendable (AccessLogOutage.News) -> Void
    private struct State {
        var waiting: [(file: AccessLogFile, block: AccessLogBlock)] = []
        /// Blocks that the thread has taken and not written yet.
        var underWay = 0
        var spare: [AccessLogBlock] = []
        var isScheduled = false
        /// Lines for which there was no room, and which the thread has not heard of.
        var dropped = 0

        /// Queues a block: behind the last one in the same memory where it fits, so that few lines cannot hold much.
        mutating func take(_ block: inout AccessLogBlock, for file: AccessLogFile) -> Outcome {
            let last = waiting.count - 1
            if last >= 0, waiting[last].file === file, waiting[last].block.append(block) {
                block.clear()
                return .scheduled
            }
            guard waiting.count + underWay < AccessLog.limit else {
                dropped += block.lines
                return .dropped
            }
            waiting.append((file, block))
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
    private let inForce: Mutex<AccessLogTarget?>
    private let outage = Mutex(AccessLogOutage())
    private let thread = Mutex<LoopHost<Void>?>(nil)
    /// When the thread gives up waiting, in nanoseconds.
    private let deadline = Atomic<Int64>(.max)

    /// Opens the file for appending.
    ///
    /// - Parameters:
    ///   - configuration: nil: nothing is logged for now.
    ///   - tell: called, on the log's thread, when lines are lost and when they are written again.
    init(
        _ configuration: AccessLogConfiguration?, counters: ProcessCounters,
        tell: @escaping @Sendable (AccessLogOutage.News) -> Void = { _ in }
    ) throws(SystemError) {
        self.counters = counters
        self.tell = tell
        inForce = Mutex(nil)
        let target = try prepare(configuration)
        use(target)
    }

    /// Where lines go; nil: nowhere.
    var target: AccessLogTarget? { inForce.withLock { $0 } }

    /// Opens what a changed configuration names; a path that stays is not opened again. Changes nothing yet.
    func prepare(_ configuration: AccessLogConfiguration?) throws(SystemError) -> AccessLogTarget? {
        guard let configuration else { return nil }
        try startThread()
        let old = target?.file
        let file = if let old, old.path == configuration.path { old } else { try AccessLogFile(configuration.path) }
        return AccessLogTarget(file: file, format: configuration.format)
    }

    /// Puts what was prepared in force for those who ask from now on. The writers have to be told, each on its loop.
    func use(_ target: AccessLogTarget?) { inForce.withLock { $0 = target } }

    private func startThread() throws(SystemError) {
        guard thread.withLock({ $0 == nil }) else { return }
        var buffers = LoopBuffers.modest
        buffers.smallCount = 1
        buffers.largeCount = 1
        let host = try LoopHost<Void>.start(name: "access-log", io: .epoll, buffers: buffers) { _ throws(SystemError) in
        }
        thread.withLock { $0 = host }
    }

    /// Opens the path again, for a file that was rotated away. The old file stays in use when that fails.
    func reopen() throws(SystemError) {
        guard let file = target?.file else { return }
        try file.reopen()
        thread.withLock { _ = $0?.post { _ in file.adoptReopened() } }
    }

    /// Takes a block's lines over and leaves an empty block in its place. When too much waits already the lines are
    /// dropped and counted.
    func exchange(_ block: inout AccessLogBlock, for file: AccessLogFile) {
        guard !block.isEmpty else { return }
        let outcome = state.withLock { $0.take(&block, for: file) }
        switch outcome {
        case .scheduled: break
        case .dropped:
            countDropped(block.lines)
            block.clear()
        case .wakes: thread.withLock { _ = $0?.post { [self] _ in write() } }
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
        while case (let file, var block)? = blocks.popLast() {
            let result = file.write(block, whileWaiting: { [self] in mayWait() })
            // A full or broken disk costs log lines, never traffic.
            countDropped(result.lost)
            noteDropped()
            note(result)
            block.clear()
            state.withLock { $0.giveBack(&block) }
        }
    }

    private func note(_ result: AccessLogFile.Written) {
        let news = outage.withLock { outage in
            let now = MonotonicClock.now
            return result.lost > 0
                ? outage.lose(result.lost, because: result.error, now: now) : outage.wrote(now: now)
        }
        publish(news)
    }

    /// Hears of lines for which there was no room.
    private func noteDropped() {
        let dropped = state.withLock { state in
            defer { state.dropped = 0 }
            return state.dropped
        }
        publish(outage.withLock { $0.lose(dropped, because: nil, now: MonotonicClock.now) })
    }

    private func publish(_ news: AccessLogOutage.News?) {
        guard let news else { return }
        let isFailing = if case .failing = news { 1 } else { 0 }
        counters.logFailing.store(isFailing, ordering: .relaxed)
        tell(news)
    }

    private func mayWait() -> Bool {
        noteDropped()
        return MonotonicClock.now.nanoseconds < deadline.load(ordering: .relaxed)
    }

    /// Writes what waits and ends the thread.
    func close() {
        deadline.store((MonotonicClock.now + Self.lastWait).nanoseconds, ordering: .relaxed)
        let host = thread.withLock { host in
            defer { host = nil }
            return host
        }
        host?.stop()
        write()
        use(nil)
    }
}
