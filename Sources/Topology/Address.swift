// Owns the textual address of a listener or an endpoint: host and port, or a Unix socket's path.

/// An address as the settings spell it, taken apart. Names in it are resolved by a shell, never here.
public enum Address: Hashable, Sendable {
    /// A host name, an IPv4 address or an IPv6 address (without brackets), and a port.
    case host(String, port: UInt16)
    /// The path of a Unix stream socket.
    case unix(path: String)

    /// Parses `host:port`, `[v6]:port`, `:port` (every address) or `unix:/path`.
    ///
    /// - Returns: nil when the text is none of these, the port is not 0-65535 or the path exceeds 107 bytes
    ///   (`sun_path` of unix(7), with its NUL).
    public init?(_ text: String) {
        if text.hasPrefix("unix:") {
            let path = String(text.dropFirst(5))
            guard !path.isEmpty, path.utf8.count <= 107, !path.utf8.contains(0) else { return nil }
            self = .unix(path: path)
            return
        }
        guard let colon = text.lastIndex(of: ":"), let port = Self.port(text[text.index(after: colon)...]) else {
            return nil
        }
        let host = text[..<colon]
        if host.hasPrefix("[") {
            guard host.hasSuffix("]"), host.count > 2 else { return nil }
            self = .host(String(host.dropFirst().dropLast()), port: port)
        } else {
            guard !host.contains(":"), !host.contains("["), !host.contains("]"), !host.contains(" ") else { return nil }
            self = .host(host.isEmpty ? "0.0.0.0" : String(host), port: port)
        }
    }

    private static func port(_ digits: Substring) -> UInt16? {
        guard (1...5).contains(digits.utf8.count), digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
            return nil
        }
        return UInt16(digits)
    }
}

extension Address {
    /// Whether two listeners cannot have these addresses at a time: one path, or one port of hosts that overlap. A name is
    /// only known to overlap itself. Port 0 is another port each time.
    public func overlaps(_ other: Address) -> Bool {
        guard case .host(let host, let port) = self, case .host(let otherHost, port) = other, port != 0 else {
            if case .host = self { return false }
            return self == other
        }
        guard let first = IPAddress(host), let second = IPAddress(otherHost) else { return host == otherHost }
        return first.overlaps(second)
    }
}

extension Address: CustomStringConvertible {
    /// The spelling that `init(_:)` reads back to the same value.
    public var description: String {
        switch self {
        case .host(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        case .unix(let path): "unix:\(path)"
        }
    }
}

extension Address: Comparable {
    public static func < (left: Address, right: Address) -> Bool { left.description < right.description }
}
