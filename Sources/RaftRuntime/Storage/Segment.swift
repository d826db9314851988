// Owns the files of the log: their names, their bytes, and the frames that can be read from them.
internal import Glibc
internal import Proactor

/// The names of segments: `log-` and a number that only grows.
enum SegmentName {
    private static let prefix = "log-"
    private static let digits = 10

    static func of(_ number: UInt64) -> String {
        let text = String(number)
        return prefix + String(repeating: "0", count: max(0, digits - text.utf8.count)) + text
    }

    /// The number of a segment's name; nil for other files.
    static func number(of name: String) -> UInt64? {
        guard name.hasPrefix(prefix), let number = UInt64(name.dropFirst(prefix.count)), of(number) == name else {
            return nil
        }
        return number
    }
}

/// A frame as it was read.
struct Frame: Sendable {
    var header: FrameHeader
    var operations: [LogOperation]

    /// How the segment begins that this frame is the first of.
    var opening: Opening? {
        guard case .open(let opening)? = operations.first else { return nil }
        return opening
    }
}

/// A segment's bytes.
struct Segment: Sendable {
    /// The most bytes of a segment that are read; real ones are never as large.
    static let mostBytes = 1 << 30
    /// Replaces bytes that the disk could not read. It is neither zero nor a stamp, so it is never taken for a torn
    /// write.
    private static let unreadable: UInt8 = 0xEE
    private static let piece = 4_096

    let number: UInt64
    let incarnation: UInt64
    /// Up to the last byte that is not 0, padded to a whole sector.
    let bytes: [UInt8]
    /// The bytes that are reserved on the disk.
    let size: Int

    init(number: UInt64, incarnation: UInt64, bytes: [UInt8], size: Int) {
        self.number = number
        self.incarnation = incarnation
        self.size = size
        let used = (SectorLayout.lastUsed(bytes, from: 0) ?? -1) + 1
        let sectors = (used + SectorLayout.sector - 1) / SectorLayout.sector
        self.bytes =
            Array(bytes[..<used]) + [UInt8](repeating: 0, count: sectors * SectorLayout.sector - used)
    }

    /// Reads a segment. Bytes that the disk cannot read are damage like any other.
    static func read(
        _ number: UInt64, in folder: String, incarnation: UInt64, _ fileSystem: any FileSystem
    ) throws(StorageFailure) -> Segment {
        let path = "\(folder)/\(SegmentName.of(number))"
        let (bytes, size) = try StorageFailure.fatally(path) { () throws(SystemError) -> ([UInt8]?, Int) in
            let file = try fileSystem.open(path, creates: false)
            defer { fileSystem.close(file) }
            let size = try fileSystem.size(of: file)
            return (size <= mostBytes ? try content(of: file, size, fileSystem) : nil, size)
        }
        guard let bytes else { throw .refused("\(path) has \(size) bytes, where at most \(mostBytes) may be") }
        return Segment(number: number, incarnation: incarnation, bytes: bytes, size: size)
    }

    private static func content(
        of file: OpenFile, _ size: Int, _ fileSystem: any FileSystem
    ) throws(SystemError) -> [UInt8] {
        do throws(SystemError) { return try fileSystem.read(file, at: 0, count: size) } catch  where error.code == EIO {
            var bytes: [UInt8] = []
            while bytes.count < size {
                let count = min(piece, size - bytes.count)
                do throws(SystemError) {
                    bytes += try fileSystem.read(file, at: bytes.count, count: count)
                } catch  where error.code == EIO {
                    bytes += [UInt8](repeating: unreadable, count: count)
                }
            }
            return bytes
        }
    }

    /// The header at an offset, if it is valid and says that this is its place.
    func header(at offset: Int) -> FrameHeader? {
        guard let header = FrameHeader(bytes, at: offset), header.segment == number, header.offset == offset,
            header.incarnation == incarnation
        else { return nil }
        return header
    }

    /// The frame at an offset.
    ///
    /// - Throws: what is wrong with it.
    func frame(at offset: Int) throws(Malformed) -> Frame {
        guard let header = header(at: offset) else { throw Malformed("no frame's header is intact there") }
        let count = FrameHeader.count + header.payloadCount
        let stamp = SectorLayout.stamp(header.sequence)
        guard let frame = SectorLayout.frame(in: bytes, at: offset, count: count, stamp: stamp) else {
            throw Malformed("sectors of frame \(header.sequence) are missing")
        }
        guard Checksum.crc32c(frame, FrameHeader.count..<count) == header.payloadChecksum else {
            throw Malformed("the checksum of frame \(header.sequence) is wrong")
        }
        var reader = DiskReader(frame, from: FrameHeader.count)
        return Frame(header: header, operations: try reader.operations())
    }

    /// Every valid header from an offset on, whatever lies between them.
    func headers(from offset: Int) -> [FrameHeader] {
        stride(from: offset, to: bytes.count, by: SectorLayout.sector).compactMap { header(at: $0) }
    }

    /// Whether a power cut could have left this in place of frame `sequence`: some sector of the frame ends in 0
    /// instead of the stamp, none ends in anything else, and nothing follows the frame.
    func looksTorn(at offset: Int, sequence: UInt64) -> Bool {
        let stamp = SectorLayout.stamp(sequence)
        let ends = stride(from: offset, to: bytes.count, by: SectorLayout.sector).map { bytes[$0 + SectorLayout.room] }
        guard ends.allSatisfy({ $0 == stamp || $0 == 0 }) else { return false }
        // If its first sector is no help, that must be the one that was lost.
        guard let header = header(at: offset) else { return ends.first == 0 }
        // Sectors beyond the last used byte of the segment count as lost, too.
        let isIncomplete = header.end > bytes.count || header.end == bytes.count && ends.contains(0)
        return header.sequence == sequence && isIncomplete
    }
}
