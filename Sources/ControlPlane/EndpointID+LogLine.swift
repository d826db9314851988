// Owns the lines with which a node logs the health of endpoints as it sees it.
internal import Health
internal import Logging
internal import Routing
internal import Topology

extension EndpointID {
    /// Why an endpoint takes requests again that had been ejected.
    enum Readmission: String {
        case over = "its ejection is over"
        case checked = "its checks succeed again"
    }

    func logLine(_ change: HealthTransition) -> LogLine {
        switch (change.from, change.to) {
        case (_, .down): line(.warning, "an endpoint is down", ["reason": change.reason.map(\.logWords)])
        case (.down, .up): line(.notice, "an endpoint is up again")
        // The first verdict after a start, if good, is not logged: there may be thousands.
        default: line(.debug, "an endpoint is up")
        }
    }

    func ejectionLine(_ ejection: Ejection, errors: Int, now: Tick) -> LogLine {
        line(
            .warning, "an endpoint was ejected",
            [
                "reason": "\(errors) errors in a row", "for": "\((ejection.until - now).components.seconds) s",
                "times": "\(ejection.times)",
            ])
    }

    func readmissionLine(_ reason: Readmission) -> LogLine {
        line(.notice, "an endpoint was readmitted", ["reason": reason.rawValue])
    }

    private func line(_ level: Logger.Level, _ message: String, _ more: [String: String?] = [:]) -> LogLine {
        let own: [String: String?] = [
            "service": service.text, "datacenter": datacenter.text, "endpoint": address.description,
        ]
        return LogLine(level, message, own.merging(more) { $1 })
    }
}

extension CheckFailure {
    /// For people.
    fileprivate var logWords: String {
        switch self {
        case .connectRefused: "connection refused"
        case .connectionReset: "connection reset"
        case .unreachable: "unreachable"
        case .timedOut: "timed out"
        case .closed: "closed without an answer"
        case .status(let status): "status \(status)"
        case .bodyMismatch: "the body lacks the expected text"
        case .malformed: "a malformed answer"
        case .notServing: "not serving"
        }
    }
}
