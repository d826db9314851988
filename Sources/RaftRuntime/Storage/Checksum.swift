// Owns the checksum of everything on the disk.
internal import CLinux

/// CRC32C (Castagnoli; RFC 3720 appendix B.4): catches every error of up to 3 bits, and every burst of up to 32, in what is
/// checked here.
public enum Checksum {
    /// The checksum of a range of bytes; about a byte a bit of the processor's clock with SSE 4.2.
    public static func crc32c(_ bytes: [UInt8], _ range: Range<Int>) -> UInt32 {
        let valid = range.clamped(to: 0..<bytes.count)
        return ml_crc32c(0, bytes, valid.lowerBound, valid.count)
    }

    /// The checksum of all the bytes.
    public static func crc32c(_ bytes: [UInt8]) -> UInt32 { crc32c(bytes, 0..<bytes.count) }
}
