// Owns the tests of the way of a block to the file: nothing lost, nothing without a bound, what is dropped is counted.
import Glibc
import HTTPWire
import Proactor
import Routing
import Synchronization
import Testing
import Topology

@testable import DataPlane

@Suite("Access log")
struct AccessLogTests {
    /// A path below the system's folder for temporary files.
    static func path() -> String { "/tmp/meridian-log-\(getpid())-\(UInt64.random(in: 0...UInt64.max))" }

    static func fill(_ block: inout AccessLogBlock, lines: Int, agent: Int = 0) {
        var note = AccessLogNote()
        let client = [UInt8](repeating: 0x41, count: agent + 1)
        note.take(client: client.span, listener: ListenerName("web"), requestID: Span())
        for number in 0..<lines {
            let fields = AccessLogFields(note: note, route: number)
            let time: [UInt8] = []
            let isTaken = block.append(fields, .combined, time: time.span)
            #expect(isTaken)
        }
    }

    static func lines(in path: String) -> Int {
        var total = 0
        let descriptor = open(path, O_RDONLY)
        var bytes = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = read(descriptor, &bytes, bytes.count)
            if count <= 0 { break }
            total += bytes[..<count].count { $0 == 0x0A }
        }
        Glibc.close(descriptor)
        return total
    }

    @Test("What was handed over is in the file when the log is closed")
    func whole() throws {
        let path = Self.path()
        defer { unlink(path) }
        let counters = ProcessCounters()
        let log = try AccessLog(AccessLogConfiguration(path: path, format: .combined), counters: counters)
        let file = try #require(log.target?.file)
        var block = AccessLogBlock()
        for _ in 0..<100 {
            Self.fill(&block, lines: 100)
            log.exchange(&block, for: file)
            #expect(block.isEmpty && block.lines == 0)
        }
        log.close()
        #expect(Self.lines(in: path) == 10_000)
        #expect(counters.logLinesDropped.load(ordering: .relaxed) == 0)
    }

    @Test("Lines that a full disk refuses are counted, each")
    func fullDisk() throws {
        let counters = ProcessCounters()
        let news = Mutex<[AccessLogOutage.News]>([])
        let log = try AccessLog(AccessLogConfiguration(path: "/dev/full", format: .json), counters: counters) { item in
            news.withLock { $0.append(item) }
        }
        let file = try #require(log.target?.file)
        var block = AccessLogBlock()
        for _ in 0..<3 {
            Self.fill(&block, lines: 41)
            log.exchange(&block, for: file)
        }
        log.close()
        #expect(counters.logLinesDropped.load(ordering: .relaxed) == 123)
        #expect(counters.logFailing.load(ordering: .relaxed) == 1)
        // Told once, with the reason.
        let reason = SystemError(code: ENOSPC, action: "write access log /dev/full")
        #expect(news.withLock { $0 } == [.failing(reason)])
    }

    @Test("Lines go where they belonged when they were formatted, whole, whatever the settings become")
    func changes() throws {
        let paths = [Self.path(), Self.path()]
        defer { for path in paths { unlink(path) } }
        let counters = ProcessCounters()
        let log = try AccessLog(nil, counters: counters)
        #expect(log.target == nil)
        var block = AccessLogBlock()
        var written = [0, 0]
        for round in 0..<40 {
            let place = round / 3 % 2
            let format: AccessLogConfiguration.Format = round % 2 == 0 ? .json : .combined
            let target = try log.prepare(AccessLogConfiguration(path: paths[place], format: format))
            log.use(round % 5 == 4 ? nil : target)
            let file = try #require(target?.file)
            Self.fill(&block, lines: 7)
            written[place] += 7
            log.exchange(&block, for: file)
        }
        log.close()
        #expect(paths.map(Self.lines) == written)
        #expect(counters.logLinesDropped.load(ordering: .relaxed) == 0)
    }

    @Test("A path that stays is not opened again, and one that cannot be opened changes nothing")
    func prepared() throws {
        let path = Self.path()
        defer { unlink(path) }
        let log = try AccessLog(AccessLogConfiguration(path: path, format: .json), counters: ProcessCounters())
        defer { log.close() }
        let file = try #require(log.target?.file)
        #expect(try log.prepare(AccessLogConfiguration(path: path, format: .combined))?.file === file)
        #expect(throws: SystemError.self) {
            try log.prepare(AccessLogConfiguration(path: "/nowhere/log", format: .json))
        }
        #expect(log.target?.file === file)
    }

    @Test("A pipe without a reader is refused instead of waited for")
    func noReader() {
        let path = Self.path()
        #expect(mkfifo(path, 0o600) == 0)
        defer { unlink(path) }
        #expect(throws: SystemError(code: ENXIO, action: "open access log \(path)")) {
            try AccessLog(AccessLogConfiguration(path: path, format: .json), counters: ProcessCounters())
        }
    }

    @Test("The end of the process does not wait for a reader that stands still for ever")
    func endWithStuckReader() throws {
        let path = Self.path()
        #expect(mkfifo(path, 0o600) == 0)
        defer { unlink(path) }
        let ends = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC)
        defer { Glibc.close(ends) }
        let counters = ProcessCounters()
        let log = try AccessLog(AccessLogConfiguration(path: path, format: .combined), counters: counters)
        let file = try #require(log.target?.file)
        var block = AccessLogBlock()
        for _ in 0..<3 {
            Self.fill(&block, lines: 30, agent: 4000)
            log.exchange(&block, for: file)
        }
        log.close()
        // The pipe took its 64 KiB; what it did not take whole is counted.
        let dropped = counters.logLinesDropped.load(ordering: .relaxed)
        #expect((1..<90).contains(dropped))
        var pipe = [UInt8](repeating: 0, count: 1 << 20)
        let count = read(ends, &pipe, pipe.count)
        #expect(pipe.prefix(max(0, count)).count { $0 == 0x0A } + dropped == 90)
    }

    @Test("A log that was rotated goes on in the new file, without a line lost")
    func rotated() throws {
        let path = Self.path()
        let old = path + ".1"
        defer {
            unlink(path)
            unlink(old)
        }
        let counters = ProcessCounters()
        let log = try AccessLog(AccessLogConfiguration(path: path, format: .combined), counters: counters)
        let file = try #require(log.target?.file)
        var block = AccessLogBlock()
        Self.fill(&block, lines: 5)
        log.exchange(&block, for: file)
        #expect(rename(path, old) == 0)
        try log.reopen()
        Self.fill(&block, lines: 6)
        log.exchange(&block, for: file)
        log.close()
        #expect(Self.lines(in: path) >= 6)
        #expect(Self.lines(in: path) + Self.lines(in: old) == 11)
    }

    @Test("A reader that stands still costs a bounded memory; every line is read or counted as dropped")
    func stuckReader() throws {
        let path = Self.path()
        #expect(mkfifo(path, 0o600) == 0)
        defer { unlink(path) }
        // Both ends of the pipe, so that the log's opening does not wait for a reader. No process that another test starts may
        // keep it open.
        let ends = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC)
        let counters = ProcessCounters()
        let log = try AccessLog(AccessLogConfiguration(path: path, format: .combined), counters: counters)
        var block = AccessLogBlock()
        // More than twice what may wait: each block is as good as full.
        let blocks = 2 * AccessLog.limit + 8
        for _ in 0..<blocks {
            Self.fill(&block, lines: 30, agent: 4000)
            // No reference is kept: the file is closed with the last one, and the reader waits for that.
            log.exchange(&block, for: try #require(log.target?.file))
        }
        let dropped = counters.logLinesDropped.load(ordering: .relaxed)
        // At most the limit waits; at most the block under way is beside it.
        #expect(dropped >= (blocks - AccessLog.limit) * 30 && dropped % 30 == 0)
        let reading = try Reading(ends)
        log.close()
        Glibc.close(ends)
        #expect(reading.finish() + dropped == blocks * 30)
    }

    @Test("A log that cannot be opened says so")
    func noFolder() {
        #expect(throws: (any Error).self) {
            try AccessLog(
                AccessLogConfiguration(path: "/nowhere/access.log", format: .json), counters: ProcessCounters())
        }
    }

    /// Counts lines from a pipe on a thread of its own until the other end is closed.
    final class Reading: Sendable {
        private let thread: pthread_t
        private let shared: Shared

        final class Shared: Sendable {
            let lines = Atomic<Int>(0)
            let descriptor: Int32
            init(_ descriptor: Int32) { self.descriptor = descriptor }
        }

        init(_ ends: Int32) throws {
            // A description of its own, that only reads: the end comes when all writers are gone.
            let shared = Shared(open("/proc/self/fd/\(ends)", O_RDONLY | O_CLOEXEC))
            self.shared = shared
            var thread = pthread_t()
            let code = pthread_create(
                &thread, nil,
                { context in
                    guard let context else { return nil }
                    let shared = Unmanaged<Shared>.fromOpaque(context).takeRetainedValue()
                    var bytes = [UInt8](repeating: 0, count: 64 << 10)
                    while true {
                        let count = read(shared.descriptor, &bytes, bytes.count)
                        if count <= 0 { return nil }
                        shared.lines.add(bytes[..<count].count { $0 == 0x0A }, ordering: .relaxed)
                    }
                }, Unmanaged.passRetained(shared).toOpaque())
            self.thread = thread
            try #require(code == 0)
        }

        func finish() -> Int {
            pthread_join(thread, nil)
            Glibc.close(shared.descriptor)
            return shared.lines.load(ordering: .relaxed)
        }
    }
}
