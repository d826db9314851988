// Owns the tests of the bytes on the disk: what is written is read again, and rubbish is an error.
import CLinux
import Raft
import Testing
import Topology

@testable import RaftRuntime

@Suite("The bytes on the disk")
struct CodingTests {
    @Test("CRC32C of known bytes (RFC 3720 appendix B.4), by instruction and by table")
    func checksums() {
        let known: [([UInt8], UInt32)] = [
            ([UInt8](repeating: 0, count: 32), 0x8A91_36AA), ([UInt8](repeating: 0xFF, count: 32), 0x62A8_AB43),
            ((0..<32).map { UInt8($0) }, 0x46DD_794E), ((0..<32).map { UInt8(31 - $0) }, 0x113F_DB5C),
            (Array("123456789".utf8), 0xE306_9283), ([], 0),
        ]
        for (bytes, checksum) in known {
            #expect(Checksum.crc32c(bytes) == checksum)
            #expect(ml_crc32c_by_table(0, bytes, 0, bytes.count) == checksum)
        }
        var random = Chance(seed: 3)
        let bytes = (0..<300).map { _ in UInt8(truncatingIfNeeded: random.next()) }
        for start in 0..<20 {
            for end in stride(from: start, to: 300, by: 7) {
                #expect(Checksum.crc32c(bytes, start..<end) == ml_crc32c_by_table(0, bytes, start, end - start))
            }
        }
        #expect(ml_crc32c(ml_crc32c(0, bytes, 0, 100), bytes, 100, 200) == Checksum.crc32c(bytes))
        #expect(Checksum.crc32c(bytes, 290..<400) == Checksum.crc32c(bytes, 290..<300))
    }

    /// Every operation, with every kind of entry.
    static let operations: [LogOperation] = {
        var random = Chance(seed: 4)
        let entries = (0..<40).map { index in
            Workload.entry(LogPosition(term: Term(UInt64(index / 9)), index: LogIndex(UInt64(index) + 5)), &random)
        }
        let base = LogPosition(term: Term(3), index: LogIndex(1 << 40))
        return [Resumption.behind, .afresh, .at(segment: 7, offset: 512)].map {
            .open(Opening(resumption: $0, base: base, last: LogIndex(9)))
        } + [
            .rest(on: base, keepsRest: true), .rest(on: .zero, keepsRest: false), .cut(from: LogIndex(4)),
            .append(entries), .append([entries[0]]),
        ]
    }()

    static func bytes(_ operations: [LogOperation]) -> [UInt8] {
        var writer = DiskWriter()
        for operation in operations {
            switch operation {
            case .open(let opening): writer.add(opening)
            case .rest(let position, let keepsRest): writer.add(restOn: position, keepsRest: keepsRest)
            case .cut(let from): writer.add(cutFrom: from)
            case .append(let entries): writer.add(entries)
            }
        }
        return writer.bytes
    }

    @Test("Operations are read as they were written")
    func roundTrip() throws {
        var reader = DiskReader(Self.bytes(Self.operations))
        let read = try reader.operations()
        #expect(read == Self.operations)
    }

    @Test("What is cut off at any byte is an error")
    func truncated() {
        for operation in Self.operations {
            let bytes = Self.bytes([operation])
            for count in 1..<bytes.count {
                var reader = DiskReader(bytes, count: count)
                #expect(throws: Malformed.self) { _ = try reader.operations() }
            }
        }
    }

    @Test("Rubbish is an error, or other operations, but never a trap")
    func rubbish() {
        var random = Chance(seed: 5)
        let bytes = Self.bytes(Self.operations)
        var errors = 0
        for _ in 0..<20_000 {
            var changed = bytes
            for _ in 0..<1 + random.below(4) {
                changed[random.below(bytes.count)] = UInt8(truncatingIfNeeded: random.next())
            }
            var reader = DiskReader(changed)
            guard let read = try? reader.operations() else {
                errors += 1
                continue
            }
            var image = LogImage()
            let header = FrameHeader(
                sequence: 1, segment: 1, offset: 0, incarnation: 1, payloadCount: 0, payloadChecksum: 0,
                hardState: HardState(), lastIndex: LogIndex(44), missingThrough: .zero)
            for operation in read { try? image.apply(header, [operation], isOldest: random.chance(2)) }
        }
        #expect(errors > 2_000)
    }

    @Test("A header is 136 bytes, and every bit of it counts")
    func header() throws {
        for vote in [nil, NodeID(""), NodeID("a"), NodeID(String(repeating: "ü", count: 31))] {
            let header = FrameHeader(
                sequence: 77, segment: 3, offset: 1_024, incarnation: .max, payloadCount: 9, payloadChecksum: 4,
                hardState: HardState(term: Term(.max), votedFor: vote), lastIndex: LogIndex(1 << 50),
                missingThrough: LogIndex(3))
            let bytes = header.bytes
            #expect(bytes.count == FrameHeader.count && FrameHeader([0] + bytes, at: 1) == header)
            for bit in 0..<bytes.count * 8 {
                var flipped = bytes
                flipped[bit / 8] ^= 1 << UInt8(bit % 8)
                #expect(FrameHeader(flipped, at: 0) == nil, "bit \(bit)")
            }
            #expect(FrameHeader(Array(bytes.dropLast()), at: 0) == nil)
        }
    }

    @Test("Sectors end in a stamp of at least two bits, and take no byte from the frame")
    func sectors() {
        for count in [1, 510, 511, 512, 1_022, 1_023, 5_000] {
            let frame = (0..<count).map { UInt8(truncatingIfNeeded: $0) }
            let stamp = SectorLayout.stamp(UInt64(count))
            #expect(stamp.nonzeroBitCount >= 2)
            let sectors = SectorLayout.stamped(frame, stamp)
            #expect(sectors.count == SectorLayout.size(count) && sectors.count % 512 == 0)
            #expect(SectorLayout.frame(in: sectors, at: 0, count: count, stamp: stamp) == frame)
            #expect(SectorLayout.frame(in: sectors, at: 0, count: count, stamp: stamp ^ 2) == nil)
            #expect(SectorLayout.frame(in: sectors, at: 512, count: count, stamp: stamp) == nil)
        }
    }

    @Test("Names of files are read as they were written, and others are left alone")
    func names() {
        #expect(SegmentName.of(7) == "log-0000000007" && SegmentName.number(of: "log-0000000007") == 7)
        #expect(SegmentName.number(of: SegmentName.of(.max)) == .max)
        for name in ["log-7", "log-", "log-00000000x7", "log-0000000007.old", "lock"] {
            #expect(SegmentName.number(of: name) == nil)
        }
        let position = LogPosition(term: Term(4), index: LogIndex(19))
        #expect(SnapshotStore.name(of: position) == "snapshot-19-4")
        #expect(SnapshotStore.position(of: "snapshot-19-4") == position)
        for name in ["snapshot-19-4.new", "snapshot-019-4", "snapshot-19", "snapshot--4", "snap"] {
            #expect(SnapshotStore.position(of: name) == nil)
        }
    }

    @Test("The terms of a log, beside a list of them")
    func terms() {
        var random = Chance(seed: 6)
        var map = TermMap(base: .zero)
        var list: [LogPosition] = [.zero]
        for _ in 0..<3_000 {
            switch random.below(12) {
            case 0 where list.count > 1:
                let from = list[1 + random.below(list.count - 1)].index
                map.cut(from: from)
                list.removeAll { $0.index >= from }
            case 1 where list.count > 1:
                let base = list[1 + random.below(list.count - 1)]
                map.rest(on: base, keepsRest: true)
                list.removeAll { $0.index < base.index }
            case 2 where random.chance(9):
                let base = LogPosition(term: Term(99), index: LogIndex(map.last.number + 3))
                map.rest(on: base, keepsRest: false)
                list = [base]
            default:
                let term = Term(UInt64(random.below(4)))
                let position = LogPosition(term: term, index: map.last.next)
                map.append(position)
                list.append(position)
            }
            #expect(map.base == list[0] && map.last == list[list.count - 1].index)
            let probe = list[random.below(list.count)]
            #expect(map.term(at: probe.index) == probe.term)
            #expect(map.term(at: map.last.next) == nil)
            #expect(list[0] == .zero || map.term(at: list[0].index.previous) == nil)
        }
    }
}
