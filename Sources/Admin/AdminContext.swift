// Owns the sources of endpoints' answers: snapshots, counters, and the node that they belong to.
public import ControlPlane
public import DataPlane
internal import HTTPTransport
internal import Proactor
public import Settings
internal import Topology

/// What the API asks of its node; the composition root implements it.
public protocol NodeOperations: Sendable {
    /// The settings in force.
    var settings: Settings { get }
    /// The file that they came from, as it was when it was read.
    var configurationFile: ConfigurationFile { get }
    /// Whether the node has been told to end.
    var isStopping: Bool { get }
    /// Reads and applies the settings file again. `then` is called on any thread, once.
    ///
    /// - Returns: false when too many reloads are waiting, or the node is stopping; `then` will not be called.
    func reload(then: @escaping @Sendable (ReloadOutcome) -> Void) -> Bool
}

/// What became of a reload.
public enum ReloadOutcome: Hashable, Sendable {
    /// The settings in force are those of the file. The warnings are printed problems of several lines.
    case applied(warnings: [String])
    /// Nothing was changed. The problems are printed problems of several lines.
    case refused(reason: String, problems: [String])
}

/// What the API shows and what it acts on.
public struct AdminSources: Sendable {
    public var control: ControlPlane
    public var counters: TrafficCounters
    public var node: any NodeOperations
    public var version: String

    public init(control: ControlPlane, counters: TrafficCounters, node: any NodeOperations, version: String) {
        self.control = control
        self.counters = counters
        self.node = node
        self.version = version
    }
}

/// The sources, and what the admin thread keeps for its endpoints. Belongs to that thread.
final class AdminContext {
    let control: ControlPlane
    let counters: TrafficCounters
    let node: any NodeOperations
    let version: String
    let loop: EventLoop
    let started = MonotonicClock.now
    let rates: RequestRates
    let streams: EventStreams
    /// Makes keys for changes that came without one.
    var keys = FreshKeys()
    /// Documents of services that were made in this turn.
    let documents: TurnMemory<DocumentVersion>
    /// The description of the API without a token and with one; each is made when first asked for.
    lazy var openDescription = OpenAPIHandler.response(version: version, needsToken: false)
    lazy var guardedDescription = OpenAPIHandler.response(version: version, needsToken: true)

    init(_ sources: AdminSources, loop: EventLoop) {
        control = sources.control
        counters = sources.counters
        node = sources.node
        version = sources.version
        self.loop = loop
        rates = RequestRates(sources.counters, loop: loop)
        streams = EventStreams(sources.control, loop: loop)
        documents = TurnMemory(loop)
    }
}
