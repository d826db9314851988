// Owns the control thread and the probes' thread, and how the rest of the process reaches them.
public import Catalog
internal import Glibc
public import Logging
internal import Probing
public import Proactor
public import Routing
internal import Topology

/// The control plane of a node. Safe from every thread.
public final class ControlPlane: Sendable {
    let control: LoopHost<ControlLoop>
    private let probes: LoopHost<ProbeScheduler>
    private let board: ControlBoard
    let failoverBoard = FailoverBoard()

    /// Starts both threads; the first table is published before this returns.
    ///
    /// - Parameters:
    ///   - group: nil: a group of one, in memory.
    ///   - log: receives a line for each change.
    /// - Throws: why the threads or their loops could not be made.
    public init(
        _ settings: ControlSettings, layout: RoutingLayout, io: IOKind, group: GroupSetup? = nil,
        sink: any RoutingSink, traffic: any TrafficReader, log: Logger = Logger(label: "control")
    ) throws(SystemError) {
        let board = ControlBoard()
        self.board = board
        let failoverBoard = failoverBoard
        let relay = ReportRelay()
        let probes = try LoopHost.start(name: "probes", io: io, buffers: .modest) { loop throws(SystemError) in
            ProbeScheduler(loop: loop, seed: UInt64.random(in: 0...UInt64.max)) { relay.report($0) }
        }
        self.probes = probes
        let line = ProbeLine(
            update: { targets in probes.post { $0.update(targets) } },
            recordPassive: { id, failure, count in probes.post { $0.recordPassive(id, failure, count: count) } },
            sampleLag: { targets in probes.post { $0.sampleLag(targets) } })
        do throws(SystemError) {
            control = try LoopHost.start(name: "control", io: io, buffers: .modest) { loop throws(SystemError) in
                let ledger: any Ledger =
                    if let group { try GroupLedger(loop, group) } else {
                        MemoryLedger(node: settings.node, datacenter: settings.datacenter)
                    }
                return ControlLoop(
                    loop, settings, layout: layout, seed: UInt64.random(in: 0...UInt64.max), board: board,
                    ledger: ledger, failover: failoverBoard, sink: sink, traffic: traffic, probes: line,
                    log: OperatorLog(log))
            }
        } catch {
            probes.stop()
            throw error
        }
        relay.connect(control)
        traffic.listenForFailures { [control] in control.post { $0.takeFailureNotice() } }
        sink.listenForConfirmations { [control] service in control.post { $0.gateConfirmed(service) } }
    }

    /// Proposes a command. `completion` runs on the control thread, once the outcome is known and, when it changed
    /// something, workers and `snapshot` have it.
    ///
    /// - Returns: false when too many commands wait; nothing was or will be applied then.
    public func propose(
        _ command: CatalogCommand, completion: @escaping @Sendable (ProposalOutcome) -> Void
    ) -> Bool {
        control.post { $0.propose(command, completion) }
    }

    /// Applies new settings, all at once: one table changes everything.
    ///
    /// - Parameter then: runs on the control thread once the table is published, with what the catalog refused.
    /// - Returns: false when the control thread is too busy; nothing was or will be applied then.
    public func reload(
        _ settings: ControlSettings, layout: RoutingLayout, then: @escaping @Sendable ([String]) -> Void
    ) -> Bool {
        control.post { then($0.adopt(settings, layout)) }
    }

    /// The newest state that was published.
    public var snapshot: ControlSnapshot? { board.snapshot }

    /// What is known of failover here: votes, reasons to hold, moves.
    public var failover: FailoverFigures { failoverBoard.figures }

    /// How long ago the control thread confirmed `snapshot`; more than a second means that it hangs.
    public var age: Duration { EventLoop.clock() - board.confirmedAt }

    /// The wall clock, for commands.
    public static func wallClock() -> UnixTime {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return UnixTime(milliseconds: Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000)
    }

    /// Ends both threads.
    public func stop() {
        probes.stop()
        control.post { $0.stop() }
        control.stop()
    }
}
