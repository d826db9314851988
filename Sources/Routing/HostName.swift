// Owns how a Host field is read for routing, and how its names are hashed.
internal import Topology

/// The part of a `Host` field that names the host.
enum HostName {
    /// The length of the name at the start of `host`: without the port and without one trailing dot.
    ///
    /// RFC 9110 section 7.2 lets a port follow; an IPv6 address stands in brackets (RFC 3986 section 3.2.2) and keeps
    /// them.
    static func length(_ host: Span<UInt8>) -> Int {
        var length = host.count
        if length > 0, host[0] == UInt8(ascii: "[") {
            for index in 0..<length where host[index] == UInt8(ascii: "]") { return index + 1 }
            return length
        }
        for index in 0..<length where host[index] == UInt8(ascii: ":") {
            length = index
            break
        }
        if length > 1, host[length - 1] == UInt8(ascii: ".") { length -= 1 }
        return length
    }

    /// The hash of a name in lower case, from its last byte to its first. That way it passes the hashes of all
    /// suffixes, which wildcards need.
    static func hash(_ name: [UInt8]) -> UInt64 {
        var hash = StableHash()
        for byte in name.reversed() { hash.combine(byte) }
        return hash.value
    }
}
