// Owns writing the frequent messages between nodes and leader as bytes; `PeerBytesReader` reads them.
internal import Topology

/// Appends numbers, little-endian, and texts, each after a byte for its length.
struct ReportWriter {
    var bytes: [UInt8] = []

    mutating func put(_ number: Int64, _ count: Int = 8) {
        for shift in 0..<count { bytes.append(UInt8(truncatingIfNeeded: number >> (8 * Int64(shift)))) }
    }

    mutating func put(_ text: String) {
        put(Int64(text.utf8.count), 1)
        bytes += text.utf8
    }

    /// In milliseconds; -1 for none.
    mutating func put(_ duration: Duration?) { put(duration.map { $0.wholeNanoseconds / 1_000_000 } ?? -1) }
}
