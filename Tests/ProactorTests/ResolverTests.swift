// Owns the tests of work that is done off a loop and comes back to it: names, and values on their way through threads.
import Synchronization
import Testing
import Topology

@testable import Proactor

@Suite struct ResolverTests {
    /// Looks addresses up one after the other and turns the loop until all answers are there.
    private func resolve(_ addresses: [Address]) throws -> [Resolver.Answer] {
        let loop = try EventLoop(io: .epoll, buffers: .modest)
        let resolver = try Resolver()
        let answers = Mutex<[Resolver.Answer]>([])
        for address in addresses {
            let accepted = resolver.resolve(address, on: loop.mailbox) { answer in
                answers.withLock { $0.append(answer) }
            }
            #expect(accepted)
        }
        // Answers come on the loop, so none is there before it turns.
        #expect(answers.withLock { $0.isEmpty })
        let limit = MonotonicClock.now + .seconds(30)
        while answers.withLock({ $0.count }) < addresses.count, MonotonicClock.now < limit {
            loop.turn(limit: .milliseconds(50))
        }
        return answers.withLock { $0 }
    }

    @Test func numbersNamesAndFailuresInOrder() throws {
        // A name with nothing between its dots is none: no server is asked, so none can be slow to answer.
        let answers = try resolve([
            .host("127.0.0.1", port: 80), .host("::1", port: 81), .host("localhost", port: 82),
            .host("no..host", port: 83), .unix(path: "/tmp/x"),
        ])
        try #require(answers.count == 5)
        #expect(try answers[0].get().map(\.description) == ["127.0.0.1:80"])
        #expect(try answers[1].get().map(\.description) == ["[::1]:81"])
        let local = try answers[2].get()
        #expect(!local.isEmpty && local.allSatisfy { $0.isLoopback && $0.port == 82 })
        #expect(throws: SystemError.self) { try answers[3].get() }
        #expect(try answers[4].get().map(\.description) == ["unix:/tmp/x"])
    }

    @Test func theQueueIsBounded() throws {
        let loop = try EventLoop(io: .epoll, buffers: .modest)
        let resolver = try Resolver()
        let count = Mutex(0)
        var accepted = 0
        // Faster than one thread can ask the name service, so that the queue fills.
        for _ in 0..<(Resolver.limit * 32) {
            let isAccepted = resolver.resolve(.host("localhost", port: 1), on: loop.mailbox) { _ in
                count.withLock { $0 += 1 }
            }
            if isAccepted { accepted += 1 } else { break }
        }
        #expect(accepted >= Resolver.limit)
        #expect(accepted < Resolver.limit * 32)
        let limit = MonotonicClock.now + .seconds(30)
        while count.withLock({ $0 }) < accepted, MonotonicClock.now < limit { loop.turn(limit: .milliseconds(50)) }
        // Every lookup that was accepted is answered.
        #expect(count.withLock { $0 } == accepted)
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
