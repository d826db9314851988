// Owns coding strings with the Huffman code, both ways, without memory of its own.
import HTTPWire

extension HuffmanTables {
    /// Appends what the bits of `block[start..<end]` say.
    ///
    /// - Returns: false when they are no string: the symbol for its end, or padding of more than seven bits or other ones
    ///   than its first (RFC 7541 section 5.2).
    @_lifetime(writer: copy writer)
    func decode(_ block: Span<UInt8>, _ start: Int, _ end: Int, into writer: inout OutputWriter) -> Bool {
        // The bits that were read and not used, from the top; the rest is zero.
        var bits: UInt64 = 0
        var available: UInt64 = 0
        var position = start
        var output: UInt64 = 0
        // Bits of `output` that are in use.
        var pending: UInt64 = 0
        let short = short.span
        while true {
            let taken = min(Int(truncatingIfNeeded: (63 &- available) >> 3), end &- position)
            bits |= block.word(position, count: taken).byteSwapped &>> available
            available &+= UInt64(truncatingIfNeeded: taken) << 3
            position &+= taken
            // Codes of up to eight bits, which nearly all are.
            while available >= 8 {
                let entry = UInt64(short[Int(truncatingIfNeeded: bits >> 56)])
                if entry == 0 { break }
                bits = bits &<< (entry & 15)
                available &-= entry & 15
                output |= (entry >> 4) &<< pending
                pending &+= 8
                if pending == 64 {
                    writer.append(word: output, count: 8)
                    output = 0
                    pending = 0
                }
            }
            // A long code, or the last bits.
            guard position == end || available >= 30 else { continue }
            var entry = UInt64(short[Int(truncatingIfNeeded: bits >> 56)])
            if entry == 0 {
                guard let found = longSymbol(bits >> 32) else { return false }
                entry = found
            } else {
                entry = (entry >> 4) << 6 | entry & 15
            }
            let length = entry & 63
            if length > available {
                writer.append(word: output, count: Int(truncatingIfNeeded: pending >> 3))
                return available < 8 && bits | UInt64.max &>> available == UInt64.max
            }
            bits = bits &<< length
            available &-= length
            output |= (entry >> 6) &<< pending
            pending &+= 8
            if pending == 64 {
                writer.append(word: output, count: 8)
                output = 0
                pending = 0
            }
        }
    }

    /// The symbol whose code of more than eight bits begins 32 bits: symbol × 64 + length. Nil for the end of a string.
    private func longSymbol(_ bits: UInt64) -> UInt64? {
        let limits = limits.span
        var length = 10
        while length < 30, bits >= limits[length] { length &+= 1 }
        let index = offsets[length] &+ Int((bits &- bases[length]) &>> UInt64(32 &- length))
        guard index < HuffmanCode.endOfString else { return nil }
        return UInt64(symbols[index]) << 6 | UInt64(length)
    }

    /// The bytes that the code of a string takes.
    ///
    /// - Parameter lowercases: whether of letters the small ones are coded.
    func encodedCount(_ text: Span<UInt8>, _ range: Range<Int>, lowercases: Bool) -> Int {
        let codes = codes.span
        var bits = 0
        for index in range {
            let byte = lowercases ? text.lowercased(index) : text[index]
            bits &+= Int(codes[Int(byte)] & 63)
        }
        return (bits + 7) >> 3
    }

    /// Appends the code of a string.
    @_lifetime(writer: copy writer)
    func encode(_ text: Span<UInt8>, _ range: Range<Int>, lowercases: Bool, into writer: inout OutputWriter) {
        let codes = codes.span
        var bits: UInt64 = 0
        var used = 0
        for index in range {
            let code = codes[Int(lowercases ? text.lowercased(index) : text[index])]
            let length = Int(code & 63)
            bits |= (code >> 6) &<< UInt64(64 &- used &- length)
            used &+= length
            if used >= 32 {
                writer.append(word: (bits >> 32).byteSwapped >> 32, count: 4)
                bits <<= 32
                used -= 32
            }
        }
        guard used > 0 else { return }
        bits |= UInt64.max >> UInt64(used)
        writer.append(word: bits.byteSwapped, count: (used + 7) >> 3)
    }
}
