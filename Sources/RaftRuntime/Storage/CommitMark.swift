// Owns the record of how far the log is known to be committed, which lies beside the durable mark.
internal import Raft

/// How far the entries of the log were known to be committed, and durable here, when this was written.
///
/// What is committed stays so (Raft §5.4.2), so an old record is still true, only shorter. It is written when there is
/// time, no acknowledgement waits for it, and one with a wrong checksum is ignored. With it a node that starts without
/// a quorum knows what the group had agreed, instead of what its last snapshot holds (thesis §3.8).
enum CommitMark {
    static let count = 24
    private static let magic: UInt32 = 0x4D43_444D  // "MDCM"

    static func bytes(_ commit: LogIndex, incarnation: UInt64) -> [UInt8] {
        var content = DiskWriter()
        content.add(incarnation)
        content.add(commit.number)
        var whole = DiskWriter()
        whole.add(magic)
        whole.add(Checksum.crc32c(content.bytes))
        whole.bytes += content.bytes
        return whole.bytes
    }

    /// The index in the record at `place`; nil if there is none for this data directory, or its checksum is wrong.
    static func read(_ bytes: [UInt8], at place: Int, incarnation: UInt64) -> LogIndex? {
        guard place >= 0, place <= bytes.count - count else { return nil }
        var reader = DiskReader(bytes, from: place, count: count)
        guard let found = try? reader.number(UInt32.self), found == magic,
            let checksum = try? reader.number(UInt32.self),
            Checksum.crc32c(bytes, reader.offset..<place + count) == checksum,
            let owner = try? reader.number(UInt64.self), owner == incarnation,
            let commit = try? reader.number(UInt64.self)
        else { return nil }
        return LogIndex(commit)
    }
}
