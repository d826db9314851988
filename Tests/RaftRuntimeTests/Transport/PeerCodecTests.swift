// Owns the tests of the codec: every message there and back, its exact bytes, and what is no message.
import Foundation
import Raft
import SwiftProtobuf
import Testing
import Topology

@testable import RaftRuntime

@Suite("The codec of peers")
struct PeerCodecTests {
    static func encoded(_ frame: PeerFrame) throws -> [UInt8] {
        Array(try PeerCodec.encode(frame, to: NodeID("x"), limit: 1 << 20).dropFirst(4))
    }

    @Test("Every frame comes back as it was", arguments: Samples.frames)
    func roundTrip(_ frame: PeerFrame) throws {
        #expect(try PeerCodec.decode(Self.encoded(frame)) == frame)
    }

    @Test("The length stands in front, most significant byte first")
    func header() throws {
        let call = PeerFrame.call(
            number: 1, PeerCall(kind: 1, bytes: [UInt8](repeating: 7, count: 70_000)), timeout: .zero)
        let bytes = try PeerCodec.encode(call, to: NodeID("x"), limit: 1 << 20)
        let announced = bytes[..<4].reduce(0) { $0 << 8 | Int($1) }
        #expect(announced == bytes.count - 4 && announced > 70_000)
        #expect(throws: PeerCodecError("a frame of \(announced) bytes for x, where 70000 are the limit")) {
            try PeerCodec.encode(call, to: NodeID("x"), limit: 70_000)
        }
    }

    /// Bytes that another version, too, must read and write: a change here is a change of the protocol.
    static let goldenBytes: [(PeerFrame, String)] = [
        (
            Samples.frames[0],
            "0a330801100119080706050403020122067573"
                + "65312d6129887766554433221131ffffffffffffffff380342066575"
                + "77312d614801"
        ),
        (.refusal(PeerRefusal(.otherCluster, "no")), "1a0608021202" + "6e6f"),
        (
            .raft(cluster: 1, term: Term(300), .heartbeat(Heartbeat(round: 5, commit: LogIndex(6)))),
            "2212" + "090100000000000000" + "10ac02" + "6204" + "08051006"
        ),
        (
            .raft(
                cluster: 1, term: Term(2),
                .append(
                    Append(
                        previous: Samples.position(1, 1),
                        entries: [
                            LogEntry(Samples.position(2, 2), .noop),
                            LogEntry(Samples.position(2, 3), .command(Command(session: 1, sequence: 2, bytes: [3]))),
                        ], commit: LogIndex(1)))),
            "2233" + "090100000000000000" + "1002" + "5226" + "0a0408011001" + "1206080210021a00"
                + "1214" + "080210032a0e" + "090100000000000000" + "10021a0103" + "1801"
        ),
        (.call(number: 3, PeerCall(kind: 12, bytes: [1, 2]), timeout: .seconds(1)), "2a0b0803100c1a02010220e807"),
        (.reply(number: 3, .refusal("x")), "320508031a0178"),
        (.ping(1), "390100000000000000"),
        (.pong(2), "410200000000000000"),
    ]

    @Test("The bytes on the wire", arguments: goldenBytes.indices)
    func golden(_ index: Int) throws {
        let (frame, expected) = Self.goldenBytes[index]
        let bytes = try Self.encoded(frame)
        let text = bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        #expect(text == expected)
        #expect(try PeerCodec.decode(bytes) == frame)
    }

    /// Changes to an honest frame that no honest peer would make.
    static let lies: [(String, @Sendable (inout WireFrame) -> Void)] = [
        ("a frame of no known kind", { $0 = WireFrame() }),
        ("a message of Raft of no known kind", { $0.raft = WireRaft() }),
        ("too great a term: ", { $0.raft.term = .max }),
        ("too great a term: ", { $0.raft.term = 1 << 60 }),
        ("too great a round: ", { $0.raft.heartbeat.round = .max }),
        ("too great an index: ", { $0.raft.heartbeat.commit = .max }),
        ("a message without its position", { $0.raft.vote.commit = 1 }),
        ("too great an index: ", { $0.raft.appendReply.matchesThrough = 1 << 63 }),
        ("an append reply of no known kind", { $0.raft.appendReply = WireAppendReply() }),
        ("a snapshot reply of no known kind", { $0.raft.snapshotReply = WireSnapshotReply() }),
        (
            "a fetch reply of no known kind",
            {
                $0.raft.fetchReply.previous.index = 1
                $0.raft.fetchReply.target.index = 2
            }
        ),
        (
            "too great a snapshot: ",
            {
                $0.raft.snapshotReply.next.of.index = 1
                $0.raft.snapshotReply.next.offset = 1 << 48
            }
        ),
        (
            "entry 0/5 after 0/3",
            {
                $0.raft.append.previous.index = 3
                $0.raft.append.entries = [entry(term: 0, index: 5)]
            }
        ),
        (
            "entry 1/4 after 2/3",
            {
                $0.raft.append.previous.index = 3
                $0.raft.append.previous.term = 2
                $0.raft.append.entries = [entry(term: 1, index: 4)]
            }
        ),
        (
            "an entry of no known kind",
            {
                $0.raft.append.previous.index = 3
                $0.raft.append.entries = [WireEntry()]
            }
        ),
        (
            "too great a sequence: ",
            { member in
                var entry = entry(term: 0, index: 1)
                entry.command.sequence = .max
                member.raft.append.previous = WirePosition()
                member.raft.append.entries = [entry]
            }
        ),
        (
            "a piece of a snapshot beyond its end",
            {
                $0.raft.snapshotChunk.position.index = 1
                $0.raft.snapshotChunk.byteCount = 3
                $0.raft.snapshotChunk.offset = 2
                $0.raft.snapshotChunk.content = Data([1, 2])
            }
        ),
        ("a name that none may have", { chunk(&$0) { $0.members[0].id = "../etc" } }),
        ("a name that none may have", { chunk(&$0) { $0.members[0].datacenter = "" } }),
        ("a member without an address", { chunk(&$0) { $0.members[0].address = "nowhere" } }),
        ("a rank of 1025", { chunk(&$0) { $0.members[0].rank = 1_025 } }),
        ("members out of order", { chunk(&$0) { $0.members.append($0.members[0]) } }),
        ("257 members", { chunk(&$0) { $0.members = Array(repeating: $0.members[0], count: 257) } }),
        ("a quorum of 257", { chunk(&$0) { $0.replicationQuorum = 257 } }),
        ("too long a time: ", { chunk(&$0) { $0.leaseNanoseconds = .max } }),
        ("a name that none may have", { $0.hello.node = "a b" }),
        (
            "an unknown lane",
            {
                $0.hello.node = "a"
                $0.hello.to = "b"
                $0.hello.lane = .UNRECOGNIZED(7)
            }
        ),
        (
            "versions the wrong way round",
            {
                $0.hello.version = 1
                $0.hello.minimumVersion = 2
            }
        ),
        ("a reply of no known kind", { $0.reply.number = 1 }),
        ("a text of 1025 bytes", { $0.refusal.text = String(repeating: "x", count: 1_025) }),
    ]

    private static func entry(term: UInt64, index: UInt64) -> WireEntry {
        var entry = WireEntry()
        entry.term = term
        entry.index = index
        entry.noop = WireNothing()
        return entry
    }

    private static func chunk(_ frame: inout WireFrame, _ change: (inout WireConfiguration) -> Void) {
        frame.raft.snapshotChunk = PeerCodec.wire(Samples.chunk)
        change(&frame.raft.snapshotChunk.configuration)
    }

    @Test("What no honest peer says is an error, and names it", arguments: lies.indices)
    func dishonest(_ index: Int) throws {
        let (reason, change) = Self.lies[index]
        var frame = WireFrame()
        change(&frame)
        let bytes: [UInt8] = try frame.serializedBytes()
        do {
            let decoded = try PeerCodec.decode(bytes)
            Issue.record("decoded: \(decoded)")
        } catch {
            #expect(error.description.hasPrefix(reason), "\(error)")
        }
    }

    @Test("A verdict or reason that this version does not know means no")
    func unknownNumbers() throws {
        var frame = WireFrame()
        frame.raft.voteReply.verdict = .UNRECOGNIZED(99)
        frame.raft.voteReply.last = WirePosition()
        guard case .raft(_, _, .voteReply(let reply)) = try PeerCodec.decode(try frame.serializedBytes()) else {
            Issue.record("no vote reply")
            return
        }
        #expect(reply.verdict == .unable)
        var refusal = WireFrame()
        refusal.refusal.reason = .UNRECOGNIZED(99)
        #expect(try PeerCodec.decode(try refusal.serializedBytes()) == .refusal(PeerRefusal(.unknown, "")))
    }

    @Test("A peer's words cannot forge a line of the log")
    func forgery() throws {
        let bytes = try Self.encoded(.refusal(PeerRefusal(.busy, "a\nb\u{1B}[2J\u{85}c")))
        #expect(try PeerCodec.decode(bytes) == .refusal(PeerRefusal(.busy, "a?b?[2J?c")))
    }

    @Test("Changed and shortened frames are frames or errors, never a trap; what is decoded is encoded again")
    func mutations() throws {
        var random = RandomBits(seed: 1)
        let originals = try Samples.frames.map(Self.encoded)
        var accepted = 0
        for round in 0..<20_000 {
            var bytes = originals[round % originals.count]
            for _ in 0...random.below(3) where !bytes.isEmpty {
                switch random.below(4) {
                case 0: bytes[random.below(bytes.count)] = UInt8(truncatingIfNeeded: random.next())
                case 1: bytes.remove(at: random.below(bytes.count))
                case 2: bytes.insert(UInt8(truncatingIfNeeded: random.next()), at: random.below(bytes.count))
                default: bytes.removeLast(random.below(bytes.count))
                }
            }
            guard let frame = try? PeerCodec.decode(bytes) else { continue }
            accepted += 1
            #expect(try PeerCodec.decode(Self.encoded(frame)) == frame)
        }
        #expect(accepted > 100, "mutations that are all refused show little: \(accepted)")
    }
}

@Suite("How much a frame may unfold to")
struct WireBudgetTests {
    @Test("Every honest frame is within it, also the largest")
    func honest() throws {
        for frame in Samples.frames { #expect(WireBudget.allows(try PeerCodecTests.encoded(frame))) }
        let many = (1...8_192).map { index in
            LogEntry(
                Samples.position(1, UInt64(index)),
                .command(Command(session: .max, sequence: UInt64(index), bytes: [1])))
        }
        let append = PeerFrame.raft(
            cluster: 1, term: Term(1), .append(Append(previous: .zero, entries: many, commit: .zero)))
        #expect(WireBudget.allows(try PeerCodecTests.encoded(append)))
    }

    @Test(
        "A million empty members or entries in two megabytes are refused before they are decoded", arguments: [4, 10])
    func amplified(_ field: Int) throws {
        var frame = WireFrame()
        if field == 10 {
            frame.raft.append.entries = Array(repeating: WireEntry(), count: 200_000)
        } else {
            frame.raft.snapshotChunk.configuration.members = Array(repeating: WireMember(), count: 200_000)
        }
        let bytes: [UInt8] = try frame.serializedBytes()
        #expect(!WireBudget.allows(bytes))
        #expect(throws: PeerCodecError("no frame, or one of too many fields")) { try PeerCodec.decode(bytes) }
    }

    @Test(
        "Broken outsides",
        arguments: [
            [0x08], [0x0A, 0x05, 0x01], [0x0B], [0x0C], [0x0F, 0x00], [0x39, 0, 0, 0], [0x3D, 0],
            [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01],
            [0x0A, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01],
            [0x22, 0x03, 0x52, 0x05, 0x00],
        ] as [[UInt8]])
    func broken(_ bytes: [UInt8]) { #expect(!WireBudget.allows(bytes)) }

    @Test("Limits count every level")
    func counting() throws {
        // Frame.raft, its cluster, term and append, that one's previous and commit, and two numbers within: as many as stand there.
        let bytes = try PeerCodecTests.encoded(
            .raft(
                cluster: 1, term: Term(1),
                .append(
                    Append(
                        previous: .zero, entries: [LogEntry(Samples.position(1, 1), .noop)], commit: LogIndex(1)))))
        // raft, cluster, term, append, previous, entry, its term, index and noop, commit.
        #expect(WireBudget.allows(bytes, limit: 10))
        #expect(!WireBudget.allows(bytes, limit: 9))
    }
}
