// Owns the node's log about the group and the services, for operators: each change once, within limits.
internal import Catalog
internal import Logging
internal import Routing
internal import Topology

/// Logs changes. It runs on the control thread and must not take its time, so a flood of changes is counted, not
/// logged.
final class OperatorLog {
    private let logger: Logger
    private var budgets: [LogSubject: LogBudget] = [:]
    /// Changes up to this index have been logged, or are history.
    private var toldIndex: UInt64 = 0
    private var members = MembershipWatch()
    private var services = ServiceWatch()
    private var leases = LeaseWatch()

    init(_ logger: Logger) {
        self.logger = logger
        for subject in LogSubject.allCases { budgets[subject] = LogBudget() }
    }

    /// Writes the line unless its level is disabled or there were too many; then it is not even built.
    func say(_ subject: LogSubject, _ level: Logger.Level, now: Tick, _ line: () -> LogLine) {
        guard logger.logLevel <= level, budgets[subject]?.takes(now: now) == true else { return }
        logger.log(line(), leftOut: budgets[subject]?.takeLeftOut() ?? 0)
    }

    func say(_ subject: LogSubject, _ line: LogLine, now: Tick) { say(subject, line.level, now: now) { line } }

    func say(_ subject: LogSubject, _ lines: [LogLine], now: Tick) {
        for line in lines { say(subject, line, now: now) }
    }

    /// Called ten times a second: once a flood is over, says how much it left out.
    func look(now: Tick) {
        for subject in LogSubject.allCases where budgets[subject]?.hasRest(now: now) == true {
            guard budgets[subject]?.takes(now: now) == true, let count = budgets[subject]?.takeLeftOut() else {
                continue
            }
            logger.log(
                LogLine(
                    .notice, "lines were left out: too many at once",
                    ["subject": subject.rawValue, "count": "\(count)"]))
        }
    }

    // MARK: What is told

    /// Changes up to this index are not news.
    func skip(to index: UInt64) { toldIndex = index }

    /// Logs the changes that the group has applied since the last call.
    ///
    /// - Parameter history: changes up to this index are old: they came from this node's disk or from a snapshot.
    func follow(_ catalog: Catalog, history: UInt64, now: Tick, wallClock: @autoclosure () -> UnixTime) {
        let first = max(toldIndex, history)
        guard catalog.appliedIndex > first else { return }
        toldIndex = catalog.appliedIndex
        let events = catalog.events(after: first)
        guard !events.isEmpty else { return }
        let wallClock = wallClock()
        for event in events {
            say(event.kind.logSubject, event.kind.logLevel, now: now) { event.logLine(now: wallClock) }
        }
    }

    func follow(_ standing: GroupStanding, now: Tick) { say(.decisions, members.look(standing), now: now) }

    /// Looks at the services of a table that was just published.
    func follow(_ table: RoutingTable, _ catalog: Catalog, now: Tick) {
        for service in table.services {
            let target = catalog.primaryRecord(of: service.name)?.state.target
            say(.services, services.look(ServiceWatch.View(service, primary: target)), now: now)
        }
    }

    /// Forgets what the settings no longer have.
    func keep(only names: Set<ServiceName>) { services.keep(only: names) }

    /// Looks at the strict services and whether the node has a lease for them.
    ///
    /// - Returns: for each, since when it has none, or that it has one.
    func follow(
        _ strict: [(name: ServiceName, isHeld: Bool)], leader: NodeID?, now: Tick
    ) -> [ServiceName: ServiceLease] {
        say(.decisions, leases.look(strict, leader: leader, now: now), now: now)
        return leases.leases
    }

    /// The time of an operator's `serve-without-lease` is over.
    func withoutLeaseEnded(_ service: ServiceName, now: Tick) {
        let about = ["service": service.text, "reason": "its time is over"]
        say(.decisions, LogLine(.warning, "a service needs its lease again", about), now: now)
    }
}
