// Owns which addresses settings accept: to bind, to reach, to trust.
internal import Topology

extension ValueSchema where Value == Address {
    /// An address to bind: port 0 lets the system choose.
    static var bindAddress: ValueSchema { address("address", isBind: true) }

    /// An address to connect to.
    static var endpointAddress: ValueSchema { address("address", isBind: false) }

    private static func address(_ type: String, isBind: Bool) -> ValueSchema {
        .scalar(
            type,
            parse: { text throws(InvalidValue) in
                guard let address = Address(text) else {
                    throw InvalidValue(
                        "expected an address such as 10.0.0.1:80, [::1]:80, example.com:80 or unix:/path")
                }
                guard case .host(let host, let port) = address else { return address }
                if !isBind, text.hasPrefix(":") { throw InvalidValue("the address has no host") }
                if !isBind, port == 0 { throw InvalidValue("the port of an address to connect to cannot be 0") }
                guard HostRule.allows(host), text.hasPrefix("[") == host.utf8.contains(0x3A) else {
                    throw InvalidValue("\(quoted(host)) is neither an IP address nor a host name")
                }
                return address
            }, write: { $0.description })
    }
}

extension ValueSchema where Value == AddressPrefix {
    /// `10.0.0.0/8`, `fd00::/8`, `192.0.2.1`.
    static var addressPrefix: ValueSchema {
        .scalar(
            "address prefix",
            parse: { text throws(InvalidValue) in
                guard let prefix = AddressPrefix(text) else {
                    throw InvalidValue(
                        "expected an IP address or a prefix such as 10.0.0.0/8 or fd00::/8, without bits set after it")
                }
                return prefix
            }, write: { _ in "" })
    }
}

extension Address {
    /// Whether only this machine reaches it: a loopback address, `localhost` (RFC 6761 §6.3) or a Unix socket.
    var isLoopback: Bool {
        switch self {
        case .unix: true
        case .host(let host, _): host.lowercased() == "localhost" || IPAddress(host)?.isLoopback == true
        }
    }
}

/// What a host may be.
enum HostRule {
    /// Whether it is an IP address, or a name of labels (RFC 1123 §2.1; `_` is allowed, as in containers' names) that
    /// does not look like an IPv4 address.
    static func allows(_ host: String) -> Bool {
        if host.utf8.contains(0x3A) { return IPAddress(host) != nil }
        let labels = host.hasSuffix(".") ? host.dropLast() : host[...]
        let parts = labels.split(separator: ".", omittingEmptySubsequences: false)
        guard labels.utf8.count <= 253, parts.allSatisfy(isLabel), let last = parts.last else { return false }
        // RFC 3696 §2: no top-level domain is all digits, so that such a text can only be a mistyped address.
        return last.utf8.allSatisfy({ (0x30...0x39).contains($0) }) ? IPAddress(host) != nil : true
    }

    private static func isLabel(_ label: Substring) -> Bool {
        (1...63).contains(label.utf8.count) && !label.hasPrefix("-") && !label.hasSuffix("-")
            && label.utf8.allSatisfy {
                (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0) || $0 == 0x2D
                    || $0 == 0x5F
            }
    }
}
