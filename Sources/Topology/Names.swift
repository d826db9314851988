// Owns the identifiers of nodes, datacenters, services and listeners.

/// A name that identifies one kind of thing. The kinds are different types, so a service's name cannot be used as a
/// datacenter's.
public protocol Name: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The name as the settings spell it.
    var text: String { get }
    /// Wraps `text` as it is; `Settings` has checked it against `NameRule`.
    init(_ text: String)
}

extension Name {
    public var description: String { text }
    public static func < (left: Self, right: Self) -> Bool { left.text < right.text }
}

/// One running `meridian`.
public struct NodeID: Name {
    public let text: String
    public init(_ text: String) { self.text = text }
}

extension NodeID {
    /// A name for a node that was given none: the machine's, as far as it is allowed in a name, and a random part.
    public init(machine: String, random: UInt32) {
        let allowed = machine.utf8.map { NameRule.allows($0) ? $0 : 0x2D }.drop { !NameRule.isAlphanumeric($0) }
        let digits = String(random, radix: 16)
        let tail = String(repeating: "0", count: 8 - digits.utf8.count) + digits
        let head = allowed.isEmpty ? Array("node".utf8)[...] : allowed.prefix(NameRule.maximumLength - 9)
        self.init(String(decoding: head, as: UTF8.self) + "-" + tail)
    }
}

/// A named place that has nodes and, per service, endpoints.
public struct DatacenterName: Name {
    public let text: String
    public init(_ text: String) { self.text = text }
}

/// What users reach.
public struct ServiceName: Name {
    public let text: String
    public init(_ text: String) { self.text = text }
}

/// A bound address with routes to services.
public struct ListenerName: Name {
    public let text: String
    public init(_ text: String) { self.text = text }
}

/// The characters and the length that a name may have, the same for every kind of name.
public enum NameRule {
    /// The most bytes of a name: the limit of a DNS label, so that a name fits wherever operators reuse it.
    public static let maximumLength = 63

    /// Whether `text` is 1-63 of `a-z A-Z 0-9 . _ -` and begins with a letter or digit.
    public static func allows(_ text: String) -> Bool {
        guard (1...maximumLength).contains(text.utf8.count), let first = text.utf8.first, isAlphanumeric(first) else {
            return false
        }
        return text.utf8.allSatisfy(allows)
    }

    fileprivate static func allows(_ byte: UInt8) -> Bool {
        isAlphanumeric(byte) || byte == 0x2E || byte == 0x5F || byte == 0x2D
    }

    fileprivate static func isAlphanumeric(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
    }
}
