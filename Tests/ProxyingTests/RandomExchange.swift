// Owns requests that follow from a seed: most events fit what the core waits for, the others come out of their time.
import Balancing
import Catalog
import HTTPWire
import Proxying
import Switching
import Topology

struct RandomExchange {
    static let length = 60

    private var random: RandomBits
    private(set) var core = ExchangeCore()
    let model: ModelExchange
    private var budget = RetryBudget()
    private var now = Moment(0).tick
    private var events: [(Tick, Event)] = []
    /// What happened, for the message.
    var history: String { events.map { "\($0.0.nanoseconds - Moment.origin): \($0.1)" }.joined(separator: "\n") }

    init(seed: UInt64) {
        var random = RandomBits(seed: seed)
        // A budget forgets after ten seconds, so it is either never used up or always.
        let allowed = random.below(4) == 0 ? 0 : 100
        let policy = Self.policy(&random, allowed: allowed)
        let request = Self.request(&random)
        model = ModelExchange(request, policy, allowed: allowed)
        self.random = random
        play(.begin(request))
        play(.routed(policy))
    }

    private static func policy(_ random: inout RandomBits, allowed: Int) -> ExchangePolicy {
        with {
            $0.retry.attempts = random.below(4)
            $0.retry.minimumBudget = allowed
            $0.maximumInterim = random.below(7)
            $0.replayLimit = random.below(300)
            $0.abortsOnClose = random.below(4) > 0
            $0.bodyRate = [0, 1, 500][random.below(3)]
            $0.request = random.below(2) == 0 ? nil : Int64(random.below(120)) * 1_000_000_000
        }
    }

    private static func request(_ random: inout RandomBits) -> RequestState {
        if random.below(20) == 0 { return .session }
        return .make(
            [.get, .post, .put, .delete, .patch][random.below(5)], hasBody: random.below(2) == 0,
            expects: random.below(2) == 0, wantsUpgrade: random.below(4) == 0, takesInterim: random.below(5) > 0)
    }

    mutating func run() {
        for _ in 0..<Self.length where model.violations.isEmpty { advance() }
    }

    /// One more event.
    mutating func advance() {
        now = pause()
        play(random.below(20) > 0 ? fittingEvent() : anyEvent())
    }

    /// What is not sound about the deadlines of now.
    var unsoundDeadlines: [String] { core.unsoundDeadlines(now) }

    private mutating func play(_ event: Event) {
        // A shell does neither: a body has one end, and a new connection is not a pooled one.
        if case .body = event, model.isComplete { return }
        if case .chosen(.pooled) = event, model.needsFresh { return play(.chosen(.connecting)) }
        events.append((now, event))
        let outcome = core.apply(event, now, &budget)
        model.observe(event, outcome, mayReplay: core.mayReplay)
    }

    /// Mostly a moment, sometimes exactly until something is due, sometimes beyond.
    private mutating func pause() -> Tick {
        let deadline = core.deadline(now: now, unsent: .init(toClient: random.below(2), toBackend: random.below(2)))
        if random.below(8) == 0, deadline != .distantFuture { return max(now, deadline) }
        let longest = random.below(10) == 0 ? 40_000 : 500
        return Tick(nanoseconds: now.nanoseconds + Int64(random.below(longest)) * 1_000_000)
    }

    /// What the core may expect in its phase.
    private mutating func fittingEvent() -> Event {
        switch core.phase {
        case .idle, .over: return anyEvent()
        case .admitting:
            if random.below(4) == 0 { return .readmit }
            return random.below(4) == 0 ? .admitted(.hold) : .admitted(.passed(holdBudget: holdBudget()))
        case .held: return .released
        case .queued: return .turnCame
        case .choosing:
            return .chosen(
                [.pooled, .pooled, .pooled, .connecting, .connecting, .connecting, .full, .noEndpoint][random.below(8)])
        case .connecting: return random.below(4) == 0 ? .failed(failure()) : .connected
        case .sending, .answering: return eventUnderWay()
        }
    }

    private mutating func eventUnderWay() -> Event {
        switch random.below(15) {
        case 0, 1, 2: body()
        case 3: .began
        case 4: .receivesRequest(random.below(3) > 0)
        case 5: .receivesResponse(random.below(3) > 0)
        case 6: .failed(failure())
        case 7: .cut(gateOrder())
        case 8: .backendTook
        case 9: .handedOver(random.below(200), waiting: random.below(2) == 0)
        case 10: tick()
        case 11: core.phase == .answering && random.below(3) == 0 ? .responseEnded : .clientTook
        default: head()
        }
    }

    private mutating func anyEvent() -> Event {
        switch random.below(24) {
        case 0: .admitted(.passed(holdBudget: holdBudget()))
        case 1: .admitted(.hold)
        case 2: .admitted(.refused(OwnAnswer(503, "switching")))
        case 3: .holdRefused
        case 4: .released
        case 5: .readmit
        case 6: .queueRefused
        case 7: .queueTimedOut
        case 8: .turnCame
        case 9: .chosen([.pooled, .connecting, .full, .noEndpoint, .localShortage][random.below(5)])
        case 10: .connected
        case 11: .malformed
        case 12: .responseEnded
        case 13, 14: .clientEnded
        case 15: .clientLost
        case 16: .interrupted
        case 17: .failed(failure())
        case 18: .cut(gateOrder())
        case 19: body()
        case 20: head()
        case 21: .refused(OwnAnswer(404, "no_route"))
        default: tick()
        }
    }

    private mutating func holdBudget() -> Int64 { random.below(4) == 0 ? 0 : Int64(random.below(20_000)) * 1_000_000 }

    private mutating func body() -> Event {
        .body(random.below(100), end: random.below(6) == 0, room: random.below(8) > 0)
    }

    private mutating func head() -> Event {
        // A head is made of bytes.
        play(.began)
        let status = [100, 100, 101, 103, 103, 200, 500, 502, 503, 503, 504][random.below(11)]
        return .head(status, webSocket: random.below(3) > 0, events: random.below(4) == 0)
    }

    private mutating func tick() -> Event { .tick(toClient: random.below(2), toBackend: random.below(2)) }

    private mutating func failure() -> AttemptFailure {
        [.refused, .connectTimeout, .reset, .reset, .closed, .closed, .localShortage, .malformed(.chunkedCoding)][
            random.below(8)]
    }

    private mutating func gateOrder() -> GateOrder {
        let mode: GateOrder.Mode =
            random.below(4) == 0
            ? .serve(DatacenterName("eu-west"), Epoch(formation: 1_800_000_000))
            : .hold(HoldReason.allCases[random.below(HoldReason.allCases.count)])
        var order = order(mode)
        order.holdUntil = Tick(nanoseconds: now.nanoseconds + Int64(random.below(3) - 1))
        return order
    }
}
