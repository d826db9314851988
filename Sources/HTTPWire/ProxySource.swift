// Owns an address that a proxy told: its bytes, how it is read from text, and how it is written.

/// The client that a proxy speaks for.
public struct ProxySource: Hashable, Sendable {
    /// The bytes of an address in network order: the first four of them for IPv4.
    public struct Address: Hashable, Sendable {
        private var high: UInt64 = 0
        private var low: UInt64 = 0

        public init() {}

        /// A byte, at a position below 16.
        public subscript(index: Int) -> UInt8 {
            get { UInt8(truncatingIfNeeded: (index < 8 ? high : low) >> UInt64((7 - index & 7) * 8)) }
            set {
                let shift = UInt64((7 - index & 7) * 8)
                let cleared = ~(UInt64(0xFF) << shift)
                if index < 8 {
                    high = high & cleared | UInt64(newValue) << shift
                } else {
                    low = low & cleared | UInt64(newValue) << shift
                }
            }
        }
    }

    public let address: Address
    public let isIPv6: Bool
    public let port: UInt16

    public init(address: Address, isIPv6: Bool, port: UInt16) {
        self.address = address
        self.isIPv6 = isIPv6
        self.port = port
    }

    /// Appends the address without the port: dotted decimal, or the form of RFC 5952 section 4. At most 39 bytes.
    @_lifetime(writer: copy writer)
    public func append(to writer: inout OutputWriter) {
        guard isIPv6 else {
            for index in 0..<4 {
                if index > 0 { writer.append(byte: 0x2E) }
                writer.append(decimal: Int(address[index]))
            }
            return
        }
        let gap = longestGap()
        var index = 0
        while index < 8 {
            if index == gap.lowerBound, !gap.isEmpty {
                writer.append("::")
                index = gap.upperBound
                continue
            }
            if index > 0, index != gap.upperBound || gap.isEmpty { writer.append(byte: 0x3A) }
            appendGroup(group(index), &writer)
            index += 1
        }
    }

    private func group(_ index: Int) -> UInt16 { UInt16(address[index * 2]) << 8 | UInt16(address[index * 2 + 1]) }

    /// The longest run of at least two groups of zero, the first of several (RFC 5952 section 4.2).
    private func longestGap() -> Range<Int> {
        var best = 0..<0
        var start = 0
        for index in 0...8 {
            if index < 8, group(index) == 0 { continue }
            if index - start > max(1, best.count) { best = start..<index }
            start = index + 1
        }
        return best
    }

    @_lifetime(writer: copy writer)
    private func appendGroup(_ group: UInt16, _ writer: inout OutputWriter) {
        var started = false
        for shift in [12, 8, 4, 0] as [UInt16] {
            let digit = UInt8(truncatingIfNeeded: (group >> shift) & 15)
            started = started || digit != 0 || shift == 0
            if started { writer.append(byte: digit < 10 ? 0x30 + digit : 0x57 + digit) }
        }
    }
}

/// Reads an address from text, strictly.
struct AddressReader: ~Escapable {
    private let bytes: Span<UInt8>
    private var position: Int
    private let end: Int

    @_lifetime(copy bytes)
    init(_ bytes: Span<UInt8>, _ range: Range<Int>) {
        self.bytes = bytes
        position = range.lowerBound
        end = range.upperBound
    }

    /// Four decimal numbers up to 255 without leading zeros, which some read as octal.
    @_lifetime(self: copy self)
    mutating func readIPv4() -> ProxySource.Address? {
        var address = ProxySource.Address()
        guard readIPv4(into: &address, at: 0), position == end else { return nil }
        return address
    }

    /// Eight groups, or fewer around one `::`; the last two may be written as IPv4 (RFC 4291 section 2.2).
    @_lifetime(self: copy self)
    mutating func readIPv6() -> ProxySource.Address? {
        var groups = ProxySource.Address()
        var count = 0
        var gap: Int?
        if take(0x3A) {
            guard take(0x3A) else { return nil }
            gap = 0
        }
        while position < end, count < 8 {
            if count <= 6, hasDot() {
                guard readIPv4(into: &groups, at: count * 2) else { return nil }
                count += 2
                break
            }
            guard let group = readGroup() else { return nil }
            groups[count * 2] = UInt8(truncatingIfNeeded: group >> 8)
            groups[count * 2 + 1] = UInt8(truncatingIfNeeded: group)
            count += 1
            guard position < end else { break }
            guard take(0x3A) else { return nil }
            if take(0x3A) {
                guard gap == nil else { return nil }
                gap = count
            } else if position == end {
                return nil
            }
        }
        guard position == end, gap == nil ? count == 8 : count < 8 else { return nil }
        return Self.spread(groups, count, gap ?? count)
    }

    /// Moves the groups behind the gap to the end.
    private static func spread(_ groups: ProxySource.Address, _ count: Int, _ gap: Int) -> ProxySource.Address {
        var address = ProxySource.Address()
        for index in 0..<(gap * 2) { address[index] = groups[index] }
        let moved = (count - gap) * 2
        for index in 0..<moved { address[16 - moved + index] = groups[gap * 2 + index] }
        return address
    }

    @_lifetime(self: copy self)
    private mutating func readIPv4(into address: inout ProxySource.Address, at offset: Int) -> Bool {
        for index in 0..<4 {
            if index > 0, !take(0x2E) { return false }
            let start = position
            var value = 0
            while position < end, position - start < 3, CharacterSets.isDigit(bytes[position]) {
                value = value * 10 + Int(bytes[position] &- 0x30)
                position += 1
            }
            guard position > start, value <= 255, position - start == 1 || bytes[start] != 0x30 else { return false }
            address[offset + index] = UInt8(truncatingIfNeeded: value)
        }
        return true
    }

    /// One to four hexadecimal digits.
    @_lifetime(self: copy self)
    private mutating func readGroup() -> UInt16? {
        var value: UInt16 = 0
        let start = position
        while position < end, position - start < 4, let digit = CharacterSets.hexValue(bytes[position]) {
            value = value << 4 | UInt16(digit)
            position += 1
        }
        return position > start ? value : nil
    }

    @_lifetime(self: copy self)
    private mutating func take(_ byte: UInt8) -> Bool {
        guard position < end, bytes[position] == byte else { return false }
        position += 1
        return true
    }

    /// Whether a dot comes before the next colon.
    private func hasDot() -> Bool {
        var index = position
        while index < end, bytes[index] != 0x3A {
            if bytes[index] == 0x2E { return true }
            index += 1
        }
        return false
    }
}
