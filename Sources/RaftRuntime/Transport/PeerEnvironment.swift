// Owns what all connections of a node to its peers share.
internal import Logging
internal import Proactor
public import TLS
internal import Topology

/// What members prove themselves with: one certificate for both directions (mutual TLS).
public struct PeerTLS: Sendable {
    let server: TLSContext
    let client: TLSContext

    /// Reads the files; the disk, so not on a loop that serves.
    ///
    /// - Parameter authority: the file of the authority that has signed every member's certificate.
    /// - Throws: what is wrong, with the name of the file.
    public init(certificate: String, key: String, authority: String) throws(TLSFailure) {
        let identity = TLSIdentity(certificate: certificate, key: key)
        server = try TLSContext(.server, identity: identity, trust: .authorities(file: authority))
        client = try TLSContext(.client, identity: identity, trust: .authorities(file: authority))
    }

    /// Why this node's certificate is of no use today; nil: it is valid.
    public var certificateWarning: String? { server.certificateWarning }
}

/// Belongs to the loop, as everything that refers to it.
final class PeerEnvironment {
    let loop: EventLoop
    let limits: PeerLimits
    var tls: PeerTLS?
    var identity: PeerIdentity
    var random: RandomBits
    private let logger: Logger
    private var said = SaidLines()
    private var strangers = SaidLines()
    private let resolver = Resolver()

    init(
        loop: EventLoop, limits: PeerLimits, tls: PeerTLS?, identity: PeerIdentity, random: RandomBits, logger: Logger
    ) {
        self.loop = loop
        self.limits = limits
        self.tls = tls
        self.identity = identity
        self.random = random
        self.logger = logger
    }

    /// Writes a line, but the same one at most every 30 s: a peer that comes again and again must not fill the log.
    ///
    /// - Parameter stranger: whether it is about somebody who has not proved to be a member. Of those, whose ports and
    ///   words make every line another one, only a few lines are written in that time, so that they hide nothing else.
    func say(_ level: Logger.Level, _ line: String, ofStranger stranger: Bool = false) {
        guard logger.logLevel <= level else { return }
        let isSaid =
            stranger ? strangers.take(line, limit: 16, now: loop.now) : said.take(line, limit: 1_024, now: loop.now)
        if isSaid { logger.log(level: level, "\(line)") }
    }

    /// What was said of a peer may be said again: its state has changed in between.
    func forget(linesWith text: String) { said.forget(linesWith: text) }

    /// Looks a name up off the loop. False: it cannot be asked now.
    func resolve(_ address: Address, _ completion: @escaping @Sendable (Resolver.Answer) -> Void) -> Bool {
        resolver.resolve(address, on: loop.mailbox, completion: completion)
    }
}

/// The lines of the last half minute.
struct SaidLines {
    private static let memory = Duration.seconds(30)
    private var lines: [String: Tick] = [:]

    /// Whether the line may be written now: it was not lately, nor were `limit` others.
    mutating func take(_ line: String, limit: Int, now: Tick) -> Bool {
        if let last = lines[line], now - last < Self.memory { return false }
        if lines.count >= limit {
            lines = lines.filter { now - $0.value < Self.memory }
            guard lines.count < limit else { return false }
        }
        lines[line] = now
        return true
    }

    mutating func forget(linesWith text: String) { lines = lines.filter { !$0.key.contains(text) } }
}

/// The numbers of one peer, over all its connections.
final class PeerCounters {
    var connects: UInt64 = 0
    var messagesSent: UInt64 = 0
    var messagesReceived: UInt64 = 0
    var messagesDropped: UInt64 = 0
    var bytesSent: UInt64 = 0
    var bytesReceived: UInt64 = 0
    var roundTrip: Duration?
    var lastFailure: String?
}
