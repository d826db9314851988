// Owns the code of RFC 7541 appendix B, and the tables that both directions read.

/// The Huffman code for strings. It is canonical: codes of one length go up with their symbols, so the lengths alone define
/// it.
enum HuffmanCode {
    /// The symbol that may only be padding (RFC 7541 section 5.2).
    static let endOfString = 256

    /// The length in bits of each symbol's code.
    static let lengths: [UInt8] = [
        13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28,
        28, 28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15,
        6, 12, 10, 13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
        15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28, 20, 22,
        20,
        20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23,
        24, 22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22,
        22, 23, 22, 22, 23, 26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27,
        24, 21, 21, 26, 26, 28, 27, 27, 27, 20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26,
        26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26, 30,
    ]
}

/// The tables of the code, made once.
struct HuffmanTables: Sendable {
    /// By the next eight bits: symbol × 16 + length of the code; 0 where the code is longer than eight bits.
    let short: [UInt16]
    /// By length: the least value of 32 bits that no code of this length or a shorter one begins.
    let limits: [UInt64]
    /// By length: the first code, moved to the top of 32 bits.
    let bases: [UInt64]
    /// By length: where its symbols begin in `symbols`.
    let offsets: [Int]
    /// All symbols by the length of their code, then by value.
    let symbols: [UInt16]
    /// By symbol: code × 64 + length.
    let codes: [UInt64]

    init() {
        let lengths = HuffmanCode.lengths
        var short = [UInt16](repeating: 0, count: 256)
        var limits = [UInt64](repeating: 0, count: 31)
        var bases = limits
        var offsets = [Int](repeating: 0, count: 31)
        var symbols: [UInt16] = []
        var codes = [UInt64](repeating: 0, count: 257)
        var code: UInt64 = 0
        for length in 1...30 {
            code <<= 1
            bases[length] = code << UInt64(32 - length)
            offsets[length] = symbols.count
            for symbol in 0..<257 where Int(lengths[symbol]) == length {
                codes[symbol] = code << 6 | UInt64(length)
                symbols.append(UInt16(symbol))
                if length <= 8 {
                    let first = Int(code) << (8 - length)
                    for index in first..<(first + (1 << (8 - length))) { short[index] = UInt16(symbol << 4 | length) }
                }
                code += 1
            }
            limits[length] = code << UInt64(32 - length)
        }
        self.short = short
        self.limits = limits
        self.bases = bases
        self.offsets = offsets
        self.symbols = symbols
        self.codes = codes
    }
}
