// Owns how the probes' reports reach the control thread, which starts later.
internal import Probing
internal import Proactor
internal import Synchronization

/// Carries the probes' reports to the control thread, which is started after them.
final class ReportRelay: Sendable {
    private enum State {
        case waiting([ProbeReport])
        case connected(LoopHost<ControlLoop>)
    }

    private let state = Mutex(State.waiting([]))

    /// Delivers what has come so far, and from now on everything at once.
    func connect(_ control: LoopHost<ControlLoop>) {
        let early = state.withLock { state -> [ProbeReport] in
            defer { state = .connected(control) }
            if case .waiting(let reports) = state { return reports }
            return []
        }
        for report in early { control.post { $0.take(report) } }
    }

    func report(_ report: ProbeReport) {
        state.withLock { state in
            switch state {
            case .waiting(let reports): state = .waiting(reports + [report])
            case .connected(let control): control.post { $0.take(report) }
            }
        }
    }
}
