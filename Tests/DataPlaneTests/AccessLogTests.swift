// Owns the tests of the way of a block to the file: nothing lost, nothing without a bound, what is dropped is counted.
import Glibc
import HTTPWire
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
        note.take(client: client.span, listener: ListenerName("web"))
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
        var block = AccessLogBlock()
        for _ in 0..<100 {
            Self.fill(&block, lines: 100)
            log.exchange(&block)
            #expect(block.isEmpty && block.lines == 0)
        }
        log.close()
        #expect(Self.lines(in: path) == 10_000)
        #expect(counters.logLinesDropped.load(ordering: .relaxed) == 0)
    }

    @Test("Lines that a full disk refuses are counted, each")
    func fullDisk() throws {
        let counters = ProcessCounters()
        let log = try AccessLog(AccessLogConfiguration(path: "/dev/full", format: .json), counters: counters)
        var block = AccessLogBlock()
        Self.fill(&block, lines: 123)
        log.exchange(&block)
        log.close()
        #expect(counters.logLinesDropped.load(ordering: .relaxed) == 123)
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
            log.exchange(&block)
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
