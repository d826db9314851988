// Owns what all HTTP/1 connections of a loop's server share: limits, the parser, and the list of connections.
internal import HTTPWire
public import Proactor
internal import Topology

/// The limits of a server's connections. A value that is replaced whole when the settings change.
public struct H1ServerLimits: Hashable, Sendable {
    /// From the first byte of a head to its last, in nanoseconds; then 408.
    public var head: Int64 = 10_000_000_000
    /// Without a request, in nanoseconds, from when the last byte of an answer is with the kernel.
    public var idle: Int64 = 60_000_000_000
    /// While bytes wait for a client that takes none, in nanoseconds; then it is cut off.
    public var stall: Int64 = 30_000_000_000
    /// The most bytes and fields of a head.
    public var maximumHead = 32 << 10
    public var maximumFields = 128
    /// Whether paths are matched and forwarded as they came.
    public var keepsPaths = false
    /// In what form bodies of requests are handed over.
    public var bodyForm = BodyForm.framed

    public init() {}
}

/// Belongs to its loop's thread.
public final class H1ServerContext {
    public let loop: EventLoop
    public private(set) var limits: H1ServerLimits
    /// Reused for every head: offsets are read before the next one is parsed.
    let head = RequestHead()
    private(set) var parser: RequestHeadParser
    /// Whether answers end their connections, since the server is to stop.
    public private(set) var isDraining = false
    /// In no order; each knows its place.
    public private(set) var connections: [H1Server] = []

    public init(loop: EventLoop, limits: H1ServerLimits) {
        self.loop = loop
        self.limits = limits
        parser = Self.makeParser(limits)
    }

    /// Bytes towards one client above which nothing more is made for it: fewer when buffers are short, so that clients
    /// that do not read leave some to those that do.
    public var highWater: Int { loop.isShortOfBuffers ? 64 << 10 : 256 << 10 }

    private static func makeParser(_ limits: H1ServerLimits) -> RequestHeadParser {
        RequestHeadParser(
            maximumHead: limits.maximumHead, maximumFields: limits.maximumFields,
            paths: limits.keepsPaths ? .asIs : .normalized)
    }

    /// Takes new limits; requests under way keep what they began with.
    public func configure(_ limits: H1ServerLimits) {
        self.limits = limits
        parser = Self.makeParser(limits)
    }

    func add(_ connection: H1Server) {
        connection.position = connections.count
        connections.append(connection)
    }

    func remove(_ connection: H1Server) {
        let last = connections.removeLast()
        guard last !== connection else { return }
        connections[connection.position] = last
        last.position = connection.position
    }

    /// Begins a graceful stop: idle connections are closed, others after their answer.
    public func drain() {
        isDraining = true
        // One that is closed leaves the list, and another takes its place.
        for connection in connections.map({ $0 }) { connection.drain() }
    }

    /// Closes the connections of one listener as `drain` does, and lets those that are in use end after their answer.
    public func drain(where isAffected: (any HTTPServerDelegate) -> Bool) {
        for connection in connections.map({ $0 }) where isAffected(connection.listener) {
            connection.endAfterAnswer()
        }
    }

    /// Cuts all connections.
    public func abort() { for connection in connections.map({ $0 }) { connection.abort() } }
}
