// Owns how a frame lies in the sectors of a segment, so that a torn frame can be told from a rotted one.

/// A frame begins at a sector and takes whole sectors of 512 bytes, the least that a disk writes at once. The last byte
/// of each is the frame's stamp, which is never 0.
///
/// A segment's bytes are zeros before a frame is written. So a sector that a power cut kept from the disk ends in 0,
/// whether it was lost whole or after any byte, and a sector that reached the disk ends in the stamp: if a checksum is
/// wrong although every stamp is there, a power cut was not the cause. The sectors of earlier frames are never written
/// again, so a torn write leaves them alone.
enum SectorLayout {
    static let sector = 512
    /// The bytes of a sector that are the frame's own.
    static let room = sector - 1

    /// The bytes that a frame of `count` bytes takes in the segment.
    static func size(_ count: Int) -> Int { (count + room - 1) / room * sector }

    /// The stamp of a frame. At least two of its bits are set, so that one flipped bit does not make it 0.
    static func stamp(_ sequence: UInt64) -> UInt8 { 0x81 | UInt8(truncatingIfNeeded: sequence & 0x3F) << 1 }

    /// The frame's bytes as they lie in the segment.
    static func stamped(_ frame: [UInt8], _ stamp: UInt8) -> [UInt8] {
        var sectors: [UInt8] = []
        sectors.reserveCapacity(size(frame.count))
        var start = 0
        while start < frame.count {
            let end = min(start + room, frame.count)
            sectors.append(contentsOf: frame[start..<end])
            if end - start < room { sectors.append(contentsOf: repeatElement(0, count: room - (end - start))) }
            sectors.append(stamp)
            start = end
        }
        return sectors
    }

    /// The first `count` bytes of the frame that lies at `offset`; nil unless all its sectors are there, have the stamp
    /// and are padded with zeros.
    static func frame(in segment: [UInt8], at offset: Int, count: Int, stamp: UInt8) -> [UInt8]? {
        let size = size(count)
        guard count > 0, offset >= 0, offset <= segment.count, size <= segment.count - offset else { return nil }
        var frame: [UInt8] = []
        frame.reserveCapacity(size / sector * room)
        for start in stride(from: offset, to: offset + size, by: sector) {
            guard segment[start + room] == stamp else { return nil }
            frame.append(contentsOf: segment[start..<start + room])
        }
        guard isZero(frame, count..<frame.count) else { return nil }
        frame.removeLast(frame.count - count)
        return frame
    }

    static func isZero(_ bytes: [UInt8], _ range: Range<Int>) -> Bool {
        bytes[range.clamped(to: 0..<bytes.count)].allSatisfy { $0 == 0 }
    }

    /// The offset of the last byte that is not 0; nil when there is none from `start` on.
    static func lastUsed(_ bytes: [UInt8], from start: Int) -> Int? {
        bytes[min(start, bytes.count)...].lastIndex { $0 != 0 }
    }
}
