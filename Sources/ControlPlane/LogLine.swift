// Owns what one line of the node's own log for operators says, and which lines share a budget.
internal import Logging

/// One line: a fixed message, so that people can search for it, and separate values.
struct LogLine: Equatable {
    var level: Logger.Level
    var message: String
    var metadata: [String: String]

    init(_ level: Logger.Level, _ message: String, _ metadata: [String: String?] = [:]) {
        self.level = level
        self.message = message
        self.metadata = metadata.compactMapValues { $0 }
    }
}

extension Logger {
    func log(_ line: LogLine, leftOut: Int = 0) {
        var metadata: Logger.Metadata = [:]
        for (key, value) in line.metadata { metadata[key] = "\(value)" }
        if leftOut > 0 { metadata["left_out_before"] = "\(leftOut)" }
        log(level: line.level, "\(line.message)", metadata: metadata)
    }
}

/// Lines that share a budget, so that a flood about one subject does not hide lines about another.
enum LogSubject: String, CaseIterable {
    /// What decides where traffic goes as a whole: primaries, the freeze, members, leases.
    case decisions
    /// What operators change one by one, or programs by thousands: weights, drains, services.
    case changes
    /// Endpoints that go down, come up, are ejected.
    case endpoints
    /// Services and datacenters without a usable endpoint.
    case services
}
