// Owns the sections of a service's policies: failover, retries, limits, pool, time limits.
internal import Balancing
internal import Catalog
internal import Routing
internal import Topology

extension FailoverPolicy {
    static let section = Section<FailoverPolicy>(
        "failover", "How the primary of a service with `datacenter_policy: primary` moves.",
        initial: { _ in FailoverPolicy() },
        keys: [
            Key(
                "confirm", \.confirm, .duration(.zero ... .seconds(3600)),
                "How long a primary must be down before another is promoted."),
            Key(
                "drain", \.drain, .duration(.zero ... .seconds(3600)),
                "How long requests in flight may go on at a switch."),
            Key(
                "hold", \.hold, .duration(.zero ... .seconds(300)),
                "How long new requests wait for a switch to complete."),
            Key(
                "cooldown", \.cooldown, .duration(.zero ... .seconds(604_800)),
                "The least time between two automatic switches."),
            Key(
                "failback", \.failbackAfter, .failback,
                "Whether the first datacenter becomes primary again by itself: `manual`, or `{ after: 10m }`."),
            Key(
                "consistency", \.consistency, .choice,
                "`strict`: never two datacenters written to, even if that means refusing requests."),
            Key(
                "lag_gate", optional: \.lagGate, .section(lagGateSection), absent: "lag is not asked for",
                "How far a datacenter's data may be behind for the primary to move there by itself."),
        ])

    private static let lagGateSection = Section<LagGate>(
        "lag_gate",
        "The nodes of each datacenter ask its endpoints every 2 s; what they said last before the primary was first seen "
            + "down counts, unless that is more than 30 s older.",
        initial: { _ in LagGate() },
        keys: [
            Key("http", \.itself, .section(lagRequestSection), required: true, "The question, and the limit.")
        ])

    private static let lagRequestSection = Section<LagGate>(
        "lag request", "A request that is answered 200 with the replication lag in seconds, such as `0.25`.",
        initial: { _ in LagGate() },
        keys: [
            Key("path", \.path, .path, required: true, "Its path; a query may follow."),
            Key("max", \.limit, .duration(.zero ... .seconds(604_800)), "The most lag that is accepted."),
        ])
}

extension FailoverPolicy.LagGate {
    /// The one way of asking is the whole of the gate.
    fileprivate var itself: Self {
        get { self }
        set { self = newValue }
    }
}

extension ValueSchema where Value == Duration? {
    /// `manual`, or `{ after: DURATION }`.
    fileprivate static var failback: ValueSchema {
        let after = ValueSchema<Duration>.duration(.seconds(1) ... .seconds(604_800))
        return ValueSchema(
            type: "manual | { after: DURATION }", section: nil,
            read: { node, reading in
                if node.text == "manual" { return .some(nil) }
                guard case .mapping(let pairs) = node.content, pairs.count == 1, pairs[0].key.text == "after" else {
                    reading.error(at: node, "expected manual or { after: DURATION }, found \(node.found)")
                    return nil
                }
                return after.read(pairs[0].value, reading).map(Optional.some)
            }, write: { $0.map { "{ after: \(after.write($0)) }" } ?? "manual" })
    }
}

extension RetryPolicy {
    static let section = Section<RetryPolicy>(
        "retry",
        "Requests are tried again when no connection was made, when it was reset before an answer, and, for idempotent "
            + "methods, on 502, 503 and 504.",
        initial: { _ in RetryPolicy() },
        keys: [
            Key("attempts", \.attempts, .count(0...10), "Attempts after the first; 0: never."),
            Key("budget", \.budget, .share, "The most of the requests of ten seconds that may be retries."),
            Key(
                "budget_minimum", \.minimumBudget, .count(0...10_000),
                "Retries in ten seconds that are allowed whatever the budget."),
        ])
}

extension CircuitLimits {
    static let section = Section<CircuitLimits>(
        "circuit", "The most that one endpoint is given at a time, over all workers.",
        initial: { _ in CircuitLimits() },
        keys: [
            Key("connections", \.connections, .count(1...1_000_000), "Connections to it."),
            Key("requests", \.requests, .count(1...1_000_000), "Requests in flight to it."),
            Key(
                "queue", \.queue, .count(0...1_000_000),
                "Requests of a worker that wait for room, at most as long as a connect may take; more is answered 503."),
        ])
}

extension PoolPolicy {
    static let section = Section<PoolPolicy>(
        "pool", "The connections that each worker keeps open to an endpoint.",
        initial: { _ in PoolPolicy() },
        keys: [
            Key(
                "idle", \.idle, .count(0...65_536),
                "Idle connections an endpoint a worker; more are kept for five seconds, none with 0."),
            Key("idle_timeout", \.idleTimeout, .timeLimit, "The longest that one stays idle."),
        ])
}

extension TimeoutPolicy {
    /// What every service begins with, and what no service can have of its own: the client's side.
    static let section = Section<TimeoutPolicy>(
        "timeouts", "Time limits of all services.",
        initial: { _ in TimeoutPolicy() },
        keys: [
            Key("client_head", \.clientHead, .timeLimit, "To receive a request's head once it has begun."),
            Key("client_idle", \.clientIdle, .timeLimit, "For a client's connection between two requests."),
            Key(
                "client_stall", \.clientStall, .timeLimit,
                "While bytes wait for a client that takes none; then it is cut off."),
        ] + serviceKeys,
        check: { policy, _, reading in reading.timeouts = policy })

    static let serviceSection = Section<TimeoutPolicy>(
        "timeouts", "Time limits of one service. The default of each is the top level's value.",
        initial: { $0.timeouts }, keys: serviceKeys)

    private static var serviceKeys: [Key<TimeoutPolicy>] {
        [
            Key("connect", \.connect, .timeLimit, "To connect to an endpoint."),
            Key(
                "first_byte", \.firstByte, .timeLimit,
                "From the end of a request to the head of its answer, no longer."),
            Key(
                "response_idle", optional: \.responseIdle, .timeLimit,
                absent: "60s, 1h for event streams (`text/event-stream`)",
                "Between two pieces of an answer that has begun."),
            Key("request", \.request, .offOr(.timeLimit), "For the whole of a request."),
            Key("body_grace", \.bodyGrace, .timeLimit, "Before `body_rate` is asked for."),
            Key(
                "body_rate", \.bodyRate, .byteRate,
                "The least bytes a second of a request's body; time in which the proxy itself was not receiving does "
                    + "not count. Answers have no least rate: see `response_idle` and `client_stall`."),
            Key("tunnel_idle", \.tunnelIdle, .timeLimit, "For a TCP session or WebSocket without a byte either way."),
        ]
    }
}

extension ValueSchema where Value == Int {
    /// A size, as a plain number of bytes.
    fileprivate static var byteRate: ValueSchema {
        ValueSchema<ByteCount>.size(0 ... .mebibytes(1024)).mapped({ $0.bytes }, back: { ByteCount($0) })
    }
}
