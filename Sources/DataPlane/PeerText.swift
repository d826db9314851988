// Owns a client's address as text, made anew for each request: a connection that idles keeps no text.
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
        if address.isV4 { writeV4(UInt32(truncatingIfNeeded: address.bits)) } else { writeV6(address.bits) }
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

    private mutating func writeV6(_ bits: UInt128) {
        func group(_ index: Int) -> UInt16 { UInt16(truncatingIfNeeded: bits >> UInt128(112 - 16 * index)) }
        let gap = Self.longestZeros(group)
        var index = 0
        while index < 8 {
            if index == gap.lowerBound, !gap.isEmpty {
                append(0x3A)
                append(0x3A)
                index = gap.upperBound
                continue
            }
            if index > 0, index != gap.upperBound || gap.isEmpty { append(0x3A) }
            writeHexadecimal(group(index))
            index += 1
        }
    }

    /// The longest run of at least two groups of zeros, the first of equal ones.
    private static func longestZeros(_ group: (Int) -> UInt16) -> Range<Int> {
        var best = 0..<0
        var start = 0
        while start < 8 {
            var end = start
            while end < 8, group(end) == 0 { end += 1 }
            if end - start > max(1, best.count) { best = start..<end }
            start = max(end, start + 1)
        }
        return best
    }

    private mutating func writeHexadecimal(_ value: UInt16) {
        var isLeading = true
        for shift: UInt16 in [12, 8, 4, 0] {
            let digit = UInt8(truncatingIfNeeded: value >> shift & 15)
            if digit == 0, isLeading, shift > 0 { continue }
            isLeading = false
            append(digit < 10 ? 0x30 + digit : 0x57 + digit)
        }
    }
}
