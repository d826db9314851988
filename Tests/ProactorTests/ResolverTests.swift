// Owns the tests of work that is done off a loop and comes back to it: names, and values on their way through threads.
import Glibc
import Synchronization
import Testing
import Topology

@testable import Proactor

@Suite struct ResolverTests {
    /// Looks addresses up and turns the loop until all answers are there.
    private func resolve(
        _ addresses: [Address], by resolver: Resolver = Resolver(), until isEnough: @Sendable ([Address]) -> Bool
    ) throws -> [(address: Address, answer: Resolver.Answer)] {
        let loop = try EventLoop(io: .epoll, buffers: .modest)
        let answers = Mutex<[(address: Address, answer: Resolver.Answer)]>([])
        for address in addresses {
            let accepted = resolver.resolve(address, on: loop.mailbox) { answer in
                answers.withLock { $0.append((address, answer)) }
            }
            #expect(accepted)
        }
        // Answers come on the loop, so none is there before it turns.
        #expect(answers.withLock { $0.isEmpty })
        let limit = MonotonicClock.now + .seconds(30)
        while !isEnough(answers.withLock { $0.map(\.address) }), MonotonicClock.now < limit {
            loop.turn(limit: .milliseconds(50))
        }
        return answers.withLock { $0 }
    }

    @Test func numbersNamesAndFailures() throws {
        // A name with nothing between its dots is none: no server is asked, so none can be slow to answer.
        let asked: [Address] = [
            .host("127.0.0.1", port: 80), .host("::1", port: 81), .host("localhost", port: 82),
            .host("no..host", port: 83), .unix(path: "/tmp/x"),
        ]
        let answers = try resolve(asked) { $0.count == 5 }
        func answer(_ index: Int) throws -> Resolver.Answer {
            try #require(answers.first { $0.address == asked[index] }).answer
        }
        #expect(try answer(0).get().map(\.description) == ["127.0.0.1:80"])
        #expect(try answer(1).get().map(\.description) == ["[::1]:81"])
        let local = try answer(2).get()
        #expect(!local.isEmpty && local.allSatisfy { $0.isLoopback && $0.port == 82 })
        let refused = try answer(3)
        #expect(throws: SystemError.self) { try refused.get() }
        #expect(try answer(4).get().map(\.description) == ["unix:/tmp/x"])
    }

    /// A name service that says nothing of the names with port 0 before it is told to.
    private final class Stuck: Sendable {
        private let isOpen = Atomic(false)
        func open() { isOpen.store(true, ordering: .releasing) }

        func lookUp(_ address: Address) -> Resolver.Answer {
            if case .host(_, port: 0) = address { while !isOpen.load(ordering: .acquiring) { usleep(1000) } }
            return .success([])
        }
    }

    @Test func aNameWithoutAnAnswerDelaysNoOther() throws {
        let stuck = Stuck()
        defer { stuck.open() }
        let dead = (0..<3).map { Address.host("dead\($0)", port: 0) }
        let good = (0..<40).map { Address.host("good\($0)", port: 80) }
        let answers = try resolve(dead + good, by: Resolver { stuck.lookUp($0) }) { $0.count >= good.count }
        #expect(Set(answers.map(\.address)) == Set(good))
    }

    @Test func theQueueIsBounded() throws {
        let loop = try EventLoop(io: .epoll, buffers: .modest)
        let stuck = Stuck()
        let resolver = Resolver { stuck.lookUp($0) }
        let count = Mutex(0)
        func ask() -> Bool {
            resolver.resolve(.host("dead", port: 0), on: loop.mailbox) { _ in count.withLock { $0 += 1 } }
        }
        var accepted = 0
        while accepted < Resolver.limit * 2, ask() { accepted += 1 }
        #expect(accepted == Resolver.limit + LookupQueue<Int>.threads)
        stuck.open()
        let limit = MonotonicClock.now + .seconds(30)
        while count.withLock({ $0 }) < accepted, MonotonicClock.now < limit { loop.turn(limit: .milliseconds(50)) }
        // Every lookup that was accepted is answered.
        #expect(count.withLock { $0 } == accepted)
    }

    @Test func newNamesComeFirstAndDoubtfulOnesLeaveThreadsToOthers() {
        var queue = LookupQueue<String>(limit: 1_000)
        var begun: [String] = []
        for number in 0..<20 { #expect(queue.add("doubtful\(number)", .doubtful) == true) }
        while let next = queue.start() { begun.append(next.job) }
        #expect(begun == (0..<LookupQueue<String>.doubtfulThreads).map { "doubtful\($0)" })
        for (name, urgency) in [("renewal", LookupUrgency.renewal), ("first1", .first), ("first2", .first)] {
            #expect(queue.add(name, urgency) == true)
        }
        begun = []
        while let next = queue.start() { begun.append(next.job) }
        #expect(begun == ["first1", "first2", "renewal"])
        queue.finish(.doubtful)
        let another = queue.start()?.job
        #expect(another == "doubtful\(LookupQueue<String>.doubtfulThreads)")
        #expect(queue.underWay == LookupQueue<String>.doubtfulThreads + 3)
        queue.removeAll()
        #expect(queue.count == 0)
    }

    @Test func allThreadsAreUsedAndNoMore() {
        var queue = LookupQueue<Int>(limit: 100)
        for number in 0..<100 { #expect(queue.add(number, .first) == true) }
        #expect(queue.add(100, .first) == false)
        var order: [Int] = []
        while let next = queue.start() { order.append(next.job) }
        #expect(order == Array(0..<LookupQueue<Int>.threads))
        while queue.underWay > 0 {
            queue.finish(.first)
            if let next = queue.start() { order.append(next.job) }
        }
        #expect(order == Array(0..<100))
    }

    /// Notes that it goes, on whichever thread that happens.
    private final class Tracked {
        let gone: () -> Void
        init(gone: @escaping () -> Void) { self.gone = gone }
        deinit { gone() }
    }

    @Test func aValueIsUsedAndLetGoOnItsLoop() throws {
        let loop = try EventLoop(io: .epoll, buffers: .modest)
        var isTurning = false
        var wentInTurn: Bool?
        let used = Mutex(0)
        var bound: LoopBound<Tracked>? = LoopBound(Tracked { wentInTurn = isTurning }, of: loop)
        try LoopThread.start(name: "elsewhere") { [weak bound] in
            bound?.post { _ in used.withLock { $0 += 1 } }
        }.join()
        bound = nil
        // The last reference outside is gone; what was posted holds the value until the loop has run it.
        #expect(wentInTurn == nil)
        isTurning = true
        for _ in 0..<20 where wentInTurn == nil { loop.turn(limit: .milliseconds(5)) }
        #expect(wentInTurn == true)
        #expect(used.withLock { $0 } == 1)
    }
}
