// Owns the integers of RFC 7541 section 5.1: a prefix of some bits, then seven bits a byte.
import HTTPWire

enum HPACKInteger {
    /// The largest that is read: beyond any string or index that could be meant.
    static let maximum = 1 << 24
    /// The most bytes behind the prefix; zeros may fill them up.
    static let maximumBytes = 5

    /// Reads an integer whose first byte is at `position`, in the low bits that `mask` has.
    ///
    /// - Returns: nil when it ends behind the block or is too large; which one, `fault` says.
    @inline(__always)
    static func read(
        _ block: Span<UInt8>, _ position: inout Int, mask: UInt8, _ fault: inout HPACKFault?
    ) -> Int? {
        guard position < block.count else {
            fault = .truncated
            return nil
        }
        let prefix = block[position] & mask
        position += 1
        return prefix == mask ? readRest(block, &position, Int(mask), &fault) : Int(prefix)
    }

    private static func readRest(
        _ block: Span<UInt8>, _ position: inout Int, _ prefix: Int, _ fault: inout HPACKFault?
    ) -> Int? {
        var value = prefix
        for index in 0..<maximumBytes {
            guard position < block.count else {
                fault = .truncated
                return nil
            }
            let byte = block[position]
            position += 1
            value += Int(byte & 0x7F) << (7 * index)
            if value > maximum { break }
            if byte < 0x80 { return value }
        }
        fault = .integer
        return nil
    }

    /// Appends an integer behind the bits of `flags`; at most six bytes.
    @inline(__always)
    @_lifetime(writer: copy writer)
    static func write(_ value: Int, mask: UInt8, flags: UInt8, into writer: inout OutputWriter) {
        if value < Int(mask) {
            writer.append(byte: flags | UInt8(truncatingIfNeeded: value))
            return
        }
        writer.append(byte: flags | mask)
        var rest = value - Int(mask)
        while rest >= 0x80 {
            writer.append(byte: UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        writer.append(byte: UInt8(truncatingIfNeeded: rest))
    }
}
