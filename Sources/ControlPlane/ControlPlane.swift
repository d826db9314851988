// Owns the control thread and the probes' thread, and how the rest of the process reaches them.
public import Catalog
internal import Glibc
internal import Probing
public import Proactor
public import Routing
internal import Synchronization
internal import Topology

/// The control plane of a node. Safe from every thread.
public final class ControlPlane: Sendable {
    private let control: LoopHost<ControlLoop>
    private let probes: LoopHost<ProbeScheduler>
    private let snapshotBox: SnapshotBox

    /// Starts both threads; the first table is published before this returns.
    ///
    /// - Throws: what the threads or their loops could not be had for.
    public init(
        _ settings: ControlSettings, layout: RoutingLayout, io: IOKind, sink: any RoutingSink,
        traffic: any TrafficReader
    ) throws(SystemError) {
        let box = SnapshotBox()
        snapshotBox = box
        let relay = Relay()
        let probes = try LoopHost.start(name: "probes", io: io, buffers: .modest) { loop throws(SystemError) in
            ProbeScheduler(loop: loop, seed: UInt64.random(in: 0...UInt64.max)) { report in relay.report(report) }
        }
        self.probes = probes
        do throws(SystemError) {
            control = try LoopHost.start(name: "control", io: io, buffers: .modest) { loop throws(SystemError) in
                ControlLoop(
                    loop, settings, layout: layout, seed: UInt64.random(in: 0...UInt64.max), sink: sink,
                    traffic: traffic, publishSnapshot: { box.set($0) },
                    updateProbes: { targets in probes.post { $0.update(targets) } },
                    passive: { id, failure, count in
                        probes.post { $0.recordPassive(id, failure, count: count) }
                    })
            }
        } catch {
            probes.stop()
            throw error
        }
        relay.connect(control)
    }

    /// Proposes a command; the outcome comes on the control thread.
    ///
    /// - Returns: false when the control thread's mailbox is full; nothing was or will be applied then.
    public func propose(
        _ command: CatalogCommand, completion: @escaping @Sendable (CatalogOutcome) -> Void
    ) -> Bool {
        control.post { completion($0.propose(command)) }
    }

    /// Applies new settings.
    public func reload(_ settings: ControlSettings, layout: RoutingLayout, then: @escaping @Sendable () -> Void = {}) {
        control.post {
            $0.adopt(settings, layout)
            then()
        }
    }

    /// The newest state that was published.
    public var snapshot: ControlSnapshot? { snapshotBox.get() }

    /// The wall clock, for commands.
    public static func wallClock() -> UnixTime { ControlLoop.wallClock() }

    /// Ends both threads.
    public func stop() {
        probes.stop()
        control.stop()
    }
}

/// The newest snapshot.
private final class SnapshotBox: Sendable {
    private let snapshot = Mutex<ControlSnapshot?>(nil)
    func set(_ fresh: ControlSnapshot) { snapshot.withLock { $0 = fresh } }
    func get() -> ControlSnapshot? { snapshot.withLock { $0 } }
}

/// Carries the probes' reports to the control thread, which is started after them.
private final class Relay: Sendable {
    private let control = Mutex<LoopHost<ControlLoop>?>(nil)
    private let early = Mutex<[ProbeReport]>([])

    func connect(_ host: LoopHost<ControlLoop>) {
        control.withLock { $0 = host }
        for report in early.withLock({ $0 }) { host.post { $0.take(report) } }
    }

    func report(_ report: ProbeReport) {
        if let host = control.withLock({ $0 }) {
            host.post { $0.take(report) }
        } else {
            early.withLock { $0.append(report) }
        }
    }
}
