// Owns what replication lag is sampled from, and the form of the answer.
public import Proactor
public import Topology

/// One service in this node's datacenter.
public struct LagTarget: Hashable, Sendable {
    public struct Endpoint: Hashable, Sendable {
        /// As the settings spell it; used for `Host`.
        public var name: Address
        public var address: SocketAddress

        public init(name: Address, address: SocketAddress) {
            self.name = name
            self.address = address
        }

        var authority: String { if case .unix = name { "localhost" } else { name.description } }
    }

    public var service: ServiceName
    /// The path that answers with the lag; a query may follow.
    public var path: String
    public var endpoints: [Endpoint]

    public init(service: ServiceName, path: String, endpoints: [Endpoint]) {
        self.service = service
        self.path = path
        self.endpoints = endpoints
    }
}

/// The lag as endpoints write it: seconds, such as `0`, `1.25` or `12`, with white space around it.
enum LagText {
    /// nil for anything else, and for more than a week.
    static func read(_ body: [UInt8]) -> Duration? {
        let text = body.drop { $0 <= 0x20 }
        let parts = text.prefix { $0 > 0x20 }.split(separator: 0x2E, maxSplits: 1, omittingEmptySubsequences: false)
        guard text.drop(while: { $0 > 0x20 }).allSatisfy({ $0 <= 0x20 }), let whole = parts.first,
            (1...6).contains(whole.count), let seconds = number(whole), seconds <= 604_800
        else { return nil }
        guard parts.count == 2 else { return .seconds(seconds) }
        let digits = parts[1].prefix(9)
        guard !parts[1].isEmpty, parts[1].allSatisfy(isDigit), var fraction = number(digits) else { return nil }
        for _ in digits.count..<9 { fraction *= 10 }
        return .seconds(seconds) + .nanoseconds(fraction)
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }

    private static func number(_ digits: ArraySlice<UInt8>) -> Int64? {
        guard digits.allSatisfy(isDigit) else { return nil }
        return digits.reduce(0) { $0 * 10 + Int64($1 - 0x30) }
    }
}
