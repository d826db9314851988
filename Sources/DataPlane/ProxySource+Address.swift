// Owns the client that a PROXY protocol header names, as an address.
internal import HTTPWire
internal import Topology

extension ProxySource {
    /// An IPv4 address that is mapped into IPv6 is that IPv4 address.
    var ipAddress: IPAddress {
        var bits: UInt128 = 0
        for index in 0..<(isIPv6 ? 16 : 4) { bits = bits << 8 | UInt128(address[index]) }
        return isIPv6 ? IPAddress(v6: bits) : IPAddress(v4: UInt32(truncatingIfNeeded: bits))
    }

    init(v6 address: IPAddress) {
        var bytes = ProxySource.Address()
        for index in 0..<16 { bytes[index] = UInt8(truncatingIfNeeded: address.bits >> UInt128(120 - 8 * index)) }
        self.init(address: bytes, isIPv6: true, port: 0)
    }
}
