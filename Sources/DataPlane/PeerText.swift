// Owns a client's address as text, made anew for each request: a connection that idles keeps no text.
internal import HTTPWire
internal import Topology

/// `10.0.0.1`, `2001:db8::1` (RFC 5952), or `unix`.
struct PeerText {
    private var storage = InlineArray<40, UInt8>(repeating: 0)
    private var count = 0

    /// - Parameter address: nil: a Unix socket's peer.
    @inline(__always)
    init(_ address: IPAddress?) {
        guard let address else {
            for byte in "unix".utf8 { append(byte) }
            return
        }
        if address.isV4 { writeV4(UInt32(truncatingIfNeeded: address.bits)) } else { writeV6(address) }
    }

    var span: Span<UInt8> {
        @_lifetime(borrow self)
        get { storage.span.extracting(0..<count) }
    }

    @inline(__always)
    private mutating func append(_ byte: UInt8) {
        storage[count] = byte
        count += 1
    }

    private mutating func writeV4(_ bits: UInt32) {
        for shift: UInt32 in [24, 16, 8, 0] {
            let octet = UInt8(truncatingIfNeeded: bits >> shift)
            if octet >= 100 { append(0x30 + octet / 100) }
            if octet >= 10 { append(0x30 + octet / 10 % 10) }
            append(0x30 + octet % 10)
            if shift > 0 { append(0x2E) }
        }
    }

    private mutating func writeV6(_ address: IPAddress) {
        var writer = OutputWriter(storage.mutableSpan)
        ProxySource(v6: address).append(to: &writer)
        let written = writer.count
        count = written
    }
}
