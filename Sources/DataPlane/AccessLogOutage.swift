// Owns when it is told that log lines are lost, and that they are written again: once each.
internal import Proactor
internal import Topology

/// Lines that are being lost, for one log. Without clock and I/O.
struct AccessLogOutage {
    /// How long nothing may have been lost before it is told that the log works again: one that is only too slow loses
    /// lines by turns.
    static let calm = Duration.seconds(1)

    /// What is worth telling.
    enum News: Equatable, Sendable {
        /// The first lines were lost; nil: because too many wait.
        case failing(SystemError?)
        /// Lines are written again; the number of those that were lost since `failing`.
        case resumed(lost: Int)
    }

    /// Lines lost since the outage began; 0: there is none.
    private(set) var lost = 0
    private var last = Tick.zero

    /// Lines were lost.
    ///
    /// - Parameter error: nil: too many waited.
    mutating func lose(_ lines: Int, because error: SystemError?, now: Tick) -> News? {
        guard lines > 0 else { return nil }
        defer { lost += lines }
        last = now
        return lost == 0 ? .failing(error) : nil
    }

    /// A block was written whole.
    mutating func wrote(now: Tick) -> News? {
        guard lost > 0, now - last >= Self.calm else { return nil }
        defer { lost = 0 }
        return .resumed(lost: lost)
    }
}
