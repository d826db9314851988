// Owns when checks run and what becomes of their results.
import Health
import Proactor
import Routing
import Testing
import Topology

@testable import Probing

@Suite struct SchedulerTests {
    /// A scheduler and what it reported.
    final class Watch {
        let place: Place
        let scheduler: ProbeScheduler
        private let log: Log
        private final class Log {
            var transitions: [(EndpointID, HealthTransition)] = []
            var results: [(EndpointID, CheckResult)] = []
            var connectTimes = 0
        }

        init(concurrency: Int = 256) throws {
            place = try Place()
            let log = Log()
            self.log = log
            scheduler = ProbeScheduler(loop: place.loop, seed: 7, concurrency: concurrency) { report in
                switch report {
                case .transition(let id, let change): log.transitions.append((id, change))
                case .connectTime: log.connectTimes += 1
                case .lag: break
                }
            }
            scheduler.onResult = { id, result, _ in log.results.append((id, result)) }
        }

        var results: [CheckResult] { log.results.map(\.1) }
        var transitions: [HealthTransition] { log.transitions.map(\.1) }
        var connectTimes: Int { log.connectTimes }
        func count(_ id: EndpointID) -> Int { log.results.count { $0.0 == id } }
    }

    static func id(_ number: Int, _ address: Address = .host("127.0.0.1", port: 1)) -> EndpointID {
        EndpointID(service: ServiceName("s\(number)"), datacenter: DatacenterName("dc"), address: address)
    }

    static func policy(_ interval: Duration = .milliseconds(4), http: Bool = false) -> HealthCheckPolicy {
        var policy = HealthCheckPolicy()
        policy.interval = interval
        policy.timeout = .seconds(5)
        if http { policy.kind = .http(HTTPCheck()) }
        return policy
    }

    @Test func anEndpointGoesUpAndDownAndUp() throws {
        let watch = try Watch()
        let server = try ScriptedServer(watch.place.loop, answers: ["HTTP/1.1 200 OK\r\n\r\n"])
        let id = Self.id(1)
        watch.scheduler.update([ProbeTarget(id: id, address: server.address, policy: Self.policy(http: true))])
        #expect(watch.scheduler.health(of: id) == .unknown)
        watch.place.turn { watch.transitions.count == 1 }
        server.answers = ["HTTP/1.1 500 No\r\n\r\n"]
        watch.place.turn { watch.transitions.count == 2 }
        server.answers = ["HTTP/1.1 200 OK\r\n\r\n"]
        watch.place.turn { watch.transitions.count == 3 }
        #expect(watch.transitions.map(\.to) == [.up, .down, .up])
        #expect(watch.transitions[1].reason == .status(500))
        #expect(watch.scheduler.health(of: id) == .up)
        #expect(watch.connectTimes == watch.results.count)
        // Three failures took it down, two successes up again, as the policy says.
        let failures = watch.results.count { $0 != .success }
        #expect(failures >= 3)
    }

    @Test func onlyTheTargetsAreChecked() throws {
        let watch = try Watch()
        let server = try ScriptedServer(watch.place.loop, answers: nil)
        let targets = (1...3).map {
            ProbeTarget(id: Self.id($0), address: server.address, policy: Self.policy())
        }
        watch.scheduler.update(targets)
        watch.place.turn { targets.allSatisfy { watch.count($0.id) >= 2 } }
        watch.scheduler.update([targets[1]])
        let before = targets.map { watch.count($0.id) }
        watch.place.turn { watch.count(targets[1].id) >= before[1] + 5 }
        #expect(watch.count(targets[0].id) == before[0])
        #expect(watch.count(targets[2].id) == before[2])
        #expect(watch.scheduler.health(of: targets[0].id) == .unknown)
        #expect(watch.scheduler.health(of: targets[1].id) == .up)
        watch.scheduler.update([])
        #expect(watch.scheduler.running == 0)
        let all = watch.results.count
        for _ in 0..<10 { watch.place.loop.turn(limit: .milliseconds(2)) }
        #expect(watch.results.count == all)
    }

    /// Targets that go while their checks run give their places back.
    @Test func checksAreBoundedAndPlacesComeBack() throws {
        let watch = try Watch(concurrency: 4)
        let silent = try ScriptedServer(watch.place.loop, answers: nil)
        var policy = Self.policy(http: true)
        policy.timeout = .seconds(60)
        let stuck = (1...20).map { ProbeTarget(id: Self.id($0), address: silent.address, policy: policy) }
        watch.scheduler.update(stuck)
        watch.place.turn { silent.openConnections == 4 }
        for _ in 0..<10 { watch.place.loop.turn(limit: .milliseconds(2)) }
        #expect(watch.scheduler.running == 4)
        #expect(silent.peak == 4)
        let server = try ScriptedServer(watch.place.loop, answers: ["HTTP/1.1 200 OK\r\n\r\n"])
        let fresh = (30...50).map { ProbeTarget(id: Self.id($0), address: server.address, policy: policy) }
        watch.scheduler.update(fresh)
        var peak = 0
        watch.place.turn {
            peak = max(peak, watch.scheduler.running)
            return fresh.allSatisfy { watch.count($0.id) >= 2 }
        }
        #expect(peak <= 4)
        watch.place.turn { silent.openConnections == 0 }
    }

    @Test func passiveFailuresCountAndBringTheNextCheckForward() throws {
        let watch = try Watch()
        let server = try ScriptedServer(watch.place.loop, answers: nil)
        let id = Self.id(1)
        var policy = Self.policy(.seconds(2))
        policy.fall = 3
        policy.jitter = 0
        watch.scheduler.update([ProbeTarget(id: id, address: server.address, policy: policy)])
        watch.place.turn { watch.scheduler.health(of: id) == .up }
        let regular = try #require(watch.scheduler.nextCheck(of: id))
        watch.scheduler.recordPassive(id, .connectRefused, count: 2)
        let sooner = try #require(watch.scheduler.nextCheck(of: id))
        #expect(sooner < regular)
        #expect(watch.scheduler.health(of: id) == .up)
        watch.scheduler.recordPassive(id, .connectRefused, count: 100)
        #expect(watch.scheduler.health(of: id) == .down)
        #expect(watch.transitions.map(\.to) == [.up, .down])
        #expect(watch.transitions[1].reason == .connectRefused)
        // It never moves a check away, and these change nothing.
        #expect(try #require(watch.scheduler.nextCheck(of: id)) <= sooner)
        watch.scheduler.recordPassive(id, .connectRefused, count: -1)
        watch.scheduler.recordPassive(Self.id(9), .connectRefused)
        #expect(watch.transitions.count == 2)
    }

    @Test func aChangedPolicyIsInForceAtOnce() throws {
        let watch = try Watch()
        let server = try ScriptedServer(watch.place.loop, answers: ["HTTP/1.1 500 No\r\n\r\n"])
        let id = Self.id(1)
        watch.scheduler.update([ProbeTarget(id: id, address: server.address, policy: Self.policy(.seconds(3600)))])
        watch.scheduler.update([ProbeTarget(id: id, address: server.address, policy: Self.policy(.milliseconds(4)))])
        watch.place.turn { watch.transitions.count == 1 }
        // The verdict stays while the policy changes; then the new kind of check speaks.
        watch.scheduler.update([ProbeTarget(id: id, address: server.address, policy: Self.policy(http: true))])
        #expect(watch.scheduler.health(of: id) == .up)
        watch.place.turn { watch.scheduler.health(of: id) == .down }
        #expect(watch.transitions.map(\.to) == [.up, .down])
    }

    @Test func namesAreLookedUp() throws {
        let watch = try Watch()
        let server = try ScriptedServer(watch.place.loop, answers: nil)
        let good = Self.id(1, .host("localhost", port: server.port))
        // No server is asked about a name with nothing between its dots.
        let bad = Self.id(2, .host("no..host", port: server.port))
        watch.scheduler.update(
            [good, bad].map { ProbeTarget(id: $0, address: nil, policy: Self.policy()) })
        watch.place.turn { watch.count(good) >= 2 && watch.count(bad) >= 2 }
        #expect(watch.scheduler.health(of: bad) == .down)
        #expect(watch.results.contains(.failure(.unreachable)))
        // `localhost` may be ::1, where this server is not: what counts is that there is a verdict.
        #expect(watch.scheduler.health(of: good) != .unknown)
    }

    @Test func anotherPortIsChecked() throws {
        let watch = try Watch()
        let server = try ScriptedServer(watch.place.loop, answers: nil)
        var policy = Self.policy()
        policy.port = server.port
        let id = Self.id(1)
        watch.scheduler.update([ProbeTarget(id: id, address: server.address.withPort(1), policy: policy)])
        watch.place.turn { watch.scheduler.health(of: id) == .up }
    }

    @Test func unsupportedChecksStayUnknown() throws {
        let watch = try Watch()
        let server = try ScriptedServer(watch.place.loop, answers: nil)
        var policy = Self.policy()
        policy.kind = .grpc(service: "")
        let other = Self.id(2)
        let id = Self.id(1)
        watch.scheduler.update([
            ProbeTarget(id: id, address: server.address, policy: policy),
            ProbeTarget(id: other, address: server.address, policy: Self.policy()),
        ])
        watch.place.turn { watch.count(other) >= 5 }
        #expect(watch.count(id) == 0)
        #expect(watch.scheduler.health(of: id) == .unknown)
    }

    /// A thread that ends lets the scheduler go while checks run and timers are armed.
    @Test func aSchedulerMayGoWhileChecksRun() throws {
        let place = try Place()
        let silent = try ScriptedServer(place.loop, answers: nil)
        var reports = 0
        var scheduler: ProbeScheduler? = ProbeScheduler(loop: place.loop, seed: 1) { _ in reports += 1 }
        var policy = Self.policy(http: true)
        policy.timeout = .milliseconds(20)
        scheduler?.update(
            (1...10).map { ProbeTarget(id: Self.id($0), address: silent.address, policy: policy) })
        place.turn { silent.openConnections >= 5 }
        scheduler = nil
        // On a busy machine some checks have ended before.
        let before = reports
        place.turn { silent.openConnections == 0 }
        for _ in 0..<10 { place.loop.turn(limit: .milliseconds(5)) }
        #expect(reports == before)
    }
}
