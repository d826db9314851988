// Owns IP addresses and prefixes as values: what `trusted_proxies` and the checks of addresses compare.

/// An IPv4 or IPv6 address. An IPv4-mapped IPv6 address (RFC 4291 §2.5.5.2) is the IPv4 address.
public struct IPAddress: Hashable, Sendable {
    /// The IPv6 form; IPv4 is `::ffff:a.b.c.d`.
    public let bits: UInt128

    private static let mapped: UInt128 = 0xFFFF << 32

    /// An IPv4 address from its 32 bits, the first octet highest.
    public init(v4 bits: UInt32) { self.bits = Self.mapped | UInt128(bits) }
    /// An IPv6 address from its 128 bits, the first octet highest.
    public init(v6 bits: UInt128) { self.bits = bits }

    /// From 4 or 16 bytes in network order.
    ///
    /// - Returns: nil for another count of bytes.
    public init?(octets: [UInt8]) {
        switch octets.count {
        case 4: self.init(v4: octets.reduce(0) { $0 << 8 | UInt32($1) })
        case 16: self.init(v6: octets.reduce(0) { $0 << 8 | UInt128($1) })
        default: return nil
        }
    }

    /// Whether it is an IPv4 address.
    public var isV4: Bool { bits >> 32 == 0xFFFF }
    /// 127.0.0.0/8 (RFC 1122 §3.2.1.3) or ::1 (RFC 4291 §2.5.3).
    public var isLoopback: Bool { isV4 ? (bits >> 24) & 0xFF == 127 : bits == 1 }

    /// Whether a socket bound to one takes what is sent to the other: they are equal, or one is 0.0.0.0 and the other IPv4,
    /// or one is `::`, which takes IPv4, too (ipv6(7), `IPV6_V6ONLY`).
    public func overlaps(_ other: IPAddress) -> Bool {
        let (first, second) = (self, other)
        return first == second || first.bits == 0 || second.bits == 0
            || (first.bits == Self.mapped && second.isV4) || (second.bits == Self.mapped && first.isV4)
    }

    /// Parses dotted decimal without leading zeros, or IPv6 by RFC 4291 §2.2, without brackets and zone.
    ///
    /// - Returns: nil for anything else.
    public init?(_ text: String) {
        if text.utf8.contains(0x3A) {
            guard let bits = Self.v6(text) else { return nil }
            self.init(v6: bits)
        } else {
            guard let bits = Self.v4(text[...]) else { return nil }
            self.init(v4: bits)
        }
    }

    private static func v4(_ text: Substring) -> UInt32? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var bits: UInt32 = 0
        for part in parts {
            let isDecimal = (1...3).contains(part.utf8.count) && part.utf8.allSatisfy { (0x30...0x39).contains($0) }
            guard isDecimal, part == "0" || !part.hasPrefix("0"), let octet = UInt8(part) else { return nil }
            bits = bits << 8 | UInt32(octet)
        }
        return bits
    }

    private static func v6(_ text: String) -> UInt128? {
        guard text.utf8.count <= 45 else { return nil }
        guard let gap = text.utf8.firstRange(of: "::".utf8) else {
            guard let groups = groups(text[...], mayEndInV4: true), groups.count == 8 else { return nil }
            return joined(groups)
        }
        guard let head = groups(text[..<gap.lowerBound], mayEndInV4: false),
            let tail = groups(text[gap.upperBound...], mayEndInV4: true),
            head.count + tail.count <= 7
        else { return nil }
        return joined(head + [UInt16](repeating: 0, count: 8 - head.count - tail.count) + tail)
    }

    /// The 16-bit groups between colons; an address's last may be an IPv4 address, which is two of them.
    private static func groups(_ text: Substring, mayEndInV4: Bool) -> [UInt16]? {
        guard !text.isEmpty else { return [] }
        var groups: [UInt16] = []
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        for (index, part) in parts.enumerated() {
            if mayEndInV4, index == parts.count - 1, part.utf8.contains(0x2E) {
                guard let bits = v4(part) else { return nil }
                groups += [UInt16(truncatingIfNeeded: bits >> 16), UInt16(truncatingIfNeeded: bits)]
            } else {
                let isHexadecimal = (1...4).contains(part.utf8.count) && part.utf8.first != 0x2B
                guard isHexadecimal, let group = UInt16(part, radix: 16) else { return nil }
                groups.append(group)
            }
        }
        return groups
    }

    private static func joined(_ groups: [UInt16]) -> UInt128 { groups.reduce(0) { $0 << 16 | UInt128($1) } }
}

/// All addresses that begin with the same bits: `10.0.0.0/8`, `fd00::/8`, or one address (RFC 4632 §3.1).
public struct AddressPrefix: Hashable, Sendable {
    /// The first address.
    public let address: IPAddress
    /// The bits that count, of 128; an IPv4 prefix of n bits counts 96 + n.
    public let length: Int

    /// Parses an address with or without `/bits`.
    ///
    /// - Returns: nil when it is neither, or bits after the prefix are set (`10.0.0.1/8`).
    public init?(_ text: String) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let address = IPAddress(String(parts[0])) else { return nil }
        var length = 128
        if parts.count == 2 {
            let isDotted = !parts[0].utf8.contains(0x3A)
            let isDecimal =
                (1...3).contains(parts[1].utf8.count) && parts[1].utf8.allSatisfy { (0x30...0x39).contains($0) }
            guard isDecimal, let written = Int(parts[1]), written <= (isDotted ? 32 : 128) else { return nil }
            length = isDotted ? written + 96 : written
        }
        guard address.bits & ~Self.mask(length) == 0 else { return nil }
        self.address = address
        self.length = length
    }

    /// Whether `other` begins with the prefix's bits. O(1).
    public func contains(_ other: IPAddress) -> Bool { other.bits & Self.mask(length) == address.bits }

    private static func mask(_ length: Int) -> UInt128 { length == 0 ? 0 : ~UInt128(0) << (128 - length) }
}
