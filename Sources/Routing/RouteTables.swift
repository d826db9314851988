// Owns the tables that routes are compiled into, while they are being built.
internal import Topology

/// The routes of a listener by host and path; `RouteMatcher` looks them up.
struct RouteTables {
    /// Conditions beyond host and path.
    struct Route: Sendable {
        var methods: Range<Int> = 0..<0
        var headers: Range<Int> = 0..<0
        var regex: Int?
        var isPlain: Bool { methods.isEmpty && headers.isEmpty && regex == nil }
    }

    /// The routes of one host pattern.
    struct Host: Sendable {
        /// The part of `numbers` with the routes for any path and those with patterns.
        var anyPath: Range<Int> = 0..<0
        /// The length of the longest path that is a key; 0: there is none.
        var longestPath = 0
    }

    enum HostKind: UInt32 { case exact, wildcard }
    enum PathKind: UInt32 { case exact, prefix }

    var routes: [Route] = []
    var hosts: [Host] = []
    /// Host names to positions in `hosts`; the space is the `HostKind`. `hosts[0]` is for routes without a host.
    var hostTable = ByteTable()
    /// Whether `hostTable` has wildcards.
    var hasWildcards = false
    /// Paths to positions in `paths`; the space is the host's position and the `PathKind`.
    var pathTable = ByteTable()
    /// The part of `numbers` with the routes of one path.
    var paths: [Range<Int>] = []
    /// Lists of routes, each ascending, one after the other: nested arrays would be retained and released.
    var numbers: [Int32] = []
    var methods: [[UInt8]] = []
    var headers: [HeaderCondition] = []
    var patterns: [PositionAutomaton] = []

    /// Whether the first route has no condition at all, so that it is the answer to every request.
    var matchesAlways: Bool { routes.first?.isPlain == true && hosts[0].anyPath.first.map { numbers[$0] } == 0 }

    static func pathSpace(_ host: Int, _ kind: PathKind) -> UInt32 { UInt32(host) << 1 | kind.rawValue }
}
