// Owns the addresses that people type: `http://host:port/path`.
internal import Proactor
public import Topology

/// A parsed `http:` URL.
public struct HTTPURL: Hashable, Sendable {
    /// Where to connect.
    public var address: Address
    /// As it stands in the URL: the value of `Host`.
    public var authority: String
    /// Begins with a slash.
    public var path: String
    /// Without the question mark.
    public var query: String

    /// Parses `http://host[:port][/path][?query]`; IPv6 hosts in brackets. A fragment is dropped.
    ///
    /// - Returns: nil for any other text: another scheme, user information, no host, a bad port, spaces or control
    ///   characters.
    public init?(_ text: String) {
        guard text.utf8.count <= 8_192, text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else { return nil }
        guard text.prefix(7).lowercased() == "http://" else { return nil }
        let rest = text.dropFirst(7).prefix { $0 != "#" }
        let host = rest.prefix { $0 != "/" && $0 != "?" }
        guard !host.isEmpty, !host.hasPrefix(":"), !host.contains("@") else { return nil }
        let hasPort = host.last != "]" && host.contains(":")
        guard let address = Address(hasPort ? String(host) : "\(host):80"), case .host = address else { return nil }
        self.address = address
        authority = String(host)
        let target = rest.dropFirst(host.count)
        let path = target.prefix { $0 != "?" }
        self.path = path.isEmpty ? "/" : String(path)
        query = String(target.dropFirst(path.count + 1))
    }

    /// What stands for a socket's address in a `Host` field.
    static func authority(of address: SocketAddress) -> String {
        let text = "\(address)"
        return text.hasPrefix("unix:") ? "localhost" : text
    }
}
