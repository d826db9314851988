// Owns the first 136 bytes of a frame, which are also the durable mark.
internal import Raft
internal import Topology

/// What one group commit wrote: where, how much, and the state after it.
///
/// A frame is the log's record: everything that waited when the storage thread came by, written by one write, made
/// durable by one fdatasync, and read again as a whole or not at all. Its header has a checksum of its own, so that its
/// length can be trusted before the payload is read. It contains its own place, so that a misdirected write or read is
/// noticed.
struct FrameHeader: Hashable, Sendable {
    static let count = 136
    private static let magic: UInt32 = 0x4C57_444D  // "MDWL"
    private static let nobody: UInt8 = 0xFF

    /// Counts the frames of the log from 1, one more for each. After a repair it continues above all numbers seen
    /// before.
    var sequence: UInt64
    /// Where it lies: the segment's number and the offset in it.
    var segment: UInt64
    var offset: Int
    /// The data directory that it was written to.
    var incarnation: UInt64
    var payloadCount: Int
    var payloadChecksum: UInt32
    /// After this frame: the term, the vote, and the last index of the log.
    var hardState: HardState
    var lastIndex: LogIndex
    /// Damage cost the log entries up to here, which it has not got back yet; 0 while it is sound.
    var missingThrough: LogIndex

    /// Where the frame ends and the next one begins.
    var end: Int { offset + SectorLayout.size(Self.count + payloadCount) }

    var bytes: [UInt8] {
        var writer = DiskWriter()
        writer.bytes.reserveCapacity(Self.count)
        writer.add(sequence)
        writer.add(segment)
        writer.add(UInt64(offset))
        writer.add(incarnation)
        writer.add(UInt32(payloadCount))
        writer.add(payloadChecksum)
        writer.add(hardState.term.number)
        writer.add(lastIndex.number)
        writer.add(missingThrough.number)
        let vote = Array((hardState.votedFor?.text ?? "").utf8.prefix(NameRule.maximumLength))
        writer.add(hardState.votedFor == nil ? Self.nobody : UInt8(vote.count))
        writer.bytes.append(contentsOf: vote)
        writer.bytes.append(contentsOf: repeatElement(0, count: NameRule.maximumLength - vote.count))
        var whole = DiskWriter()
        whole.bytes.reserveCapacity(Self.count)
        whole.add(Self.magic)
        whole.add(Checksum.crc32c(writer.bytes))
        whole.bytes.append(contentsOf: writer.bytes)
        return whole.bytes
    }

    init(
        sequence: UInt64, segment: UInt64, offset: Int, incarnation: UInt64, payloadCount: Int,
        payloadChecksum: UInt32, hardState: HardState, lastIndex: LogIndex,
        missingThrough: LogIndex
    ) {
        self.sequence = sequence
        self.segment = segment
        self.offset = offset
        self.incarnation = incarnation
        self.payloadCount = payloadCount
        self.payloadChecksum = payloadChecksum
        self.hardState = hardState
        self.lastIndex = lastIndex
        self.missingThrough = missingThrough
    }

    /// The header at `offset`; nil if there is none, or its checksum is wrong.
    init?(_ bytes: [UInt8], at place: Int) {
        guard place >= 0, place <= bytes.count - Self.count else { return nil }
        guard let header = try? Self.read(bytes, at: place) else { return nil }
        self = header
    }

    private static func read(_ bytes: [UInt8], at place: Int) throws(Malformed) -> FrameHeader {
        var reader = DiskReader(bytes, from: place, count: count)
        guard try reader.number(UInt32.self) == magic else { throw Malformed("it is no frame") }
        let checksum = try reader.number(UInt32.self)
        guard Checksum.crc32c(bytes, reader.offset..<place + count) == checksum else {
            throw Malformed("the header's checksum is wrong")
        }
        let sequence = try reader.number(UInt64.self)
        let segment = try reader.number(UInt64.self)
        guard let offset = Int(exactly: try reader.number(UInt64.self)) else { throw Malformed("the offset is wrong") }
        let incarnation = try reader.number(UInt64.self)
        let payloadCount = Int(try reader.number(UInt32.self))
        let payloadChecksum = try reader.number(UInt32.self)
        let term = Term(try reader.number(UInt64.self))
        let lastIndex = LogIndex(try reader.number(UInt64.self))
        let missingThrough = LogIndex(try reader.number(UInt64.self))
        let length = try reader.byte()
        var vote: NodeID?
        if length != nobody {
            guard length <= NameRule.maximumLength else { throw Malformed("the vote is too long") }
            let text = String(validating: bytes[reader.offset..<reader.offset + Int(length)], as: UTF8.self)
            guard let text else { throw Malformed("the vote is not UTF-8") }
            vote = NodeID(text)
        }
        return FrameHeader(
            sequence: sequence, segment: segment, offset: offset, incarnation: incarnation, payloadCount: payloadCount,
            payloadChecksum: payloadChecksum, hardState: HardState(term: term, votedFor: vote), lastIndex: lastIndex,
            missingThrough: missingThrough)
    }
}
