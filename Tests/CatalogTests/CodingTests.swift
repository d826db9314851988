// Tests the bytes of commands and snapshots: golden ones, round trips, and garbage.
import Catalog
import Testing
import Topology

private func hex(_ bytes: [UInt8]) -> String {
    bytes.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
}

private let sample: ServiceRegistration = {
    var sample = registration(shop, hasPrimary: true, consistency: .available)
    sample.failover.failbackAfter = .seconds(600)
    sample.failover.lagGate = .init(path: "/lag", limit: .milliseconds(1_500))
    sample.datacenters[0].endpoints[1].address = .unix(path: "/run/shop")
    return sample
}()

private let epoch = Epoch(formation: 1_800_000_000)
private let soon = UnixTime(milliseconds: 1_234_567)

private let changes: [CatalogChange] = [
    .registerService(sample), .registerService(sample, replacing: .absent),
    .registerService(sample, replacing: .digest(sample.digest)), .retireService(shop),
    .setWeight(256, of: place(shop, east), until: nil), .setWeight(-7, of: place(shop, east, "[::1]:80"), until: soon),
    .resetWeight(of: place(shop, east)), .setState(.draining, of: place(shop, west, "unix:/run/x"), until: soon),
    .setState(.active, of: place(shop, west), until: nil),
    .setPrimary(of: shop, to: west, expectedEpoch: nil, cause: .operatorRequest),
    .setPrimary(of: shop, to: west, expectedEpoch: epoch, cause: .automatic, term: 12),
    .setPrimary(of: shop, to: west, expectedEpoch: epoch, cause: .failback, term: 12),
    .completeSwitch(of: shop, epoch: epoch),
    .expireOverride(of: place(shop, east), setting: .weight, until: soon),
    .expireOverride(of: place(shop, east), setting: .state, until: soon), .setFrozen(true), .setFrozen(false),
    .describeMember(
        MemberDescription(id: NodeID("use1-a"), incarnation: .max, datacenter: east, admin: "http://a", version: "1")),
    .describeMember(MemberDescription(id: NodeID("b"), incarnation: 0, datacenter: east, version: "")),
    .forgetMember(NodeID("b"), incarnation: 3), .setLease(.milliseconds(1_200)),
]

@Suite struct CodingTests {
    @Test(arguments: changes)
    func commandsComeBack(_ change: CatalogChange) throws {
        let commands = [
            CatalogCommand(change, author: "ada", proposedAt: soon),
            CatalogCommand(
                change, author: "ädä", reason: "why\n not", proposedAt: UnixTime(milliseconds: -1),
                idempotencyKey: "key", expectedIndex: 9, force: true),
        ]
        for command in commands {
            let bytes = command.encoded
            #expect(try CatalogCommand(decoding: bytes) == command)
            for end in bytes.indices {
                #expect(throws: CatalogFormatError.self) { try CatalogCommand(decoding: Array(bytes[..<end])) }
            }
            #expect(throws: CatalogFormatError.trailingBytes(1)) { try CatalogCommand(decoding: bytes + [0]) }
        }
    }

    /// What is in a log must stay readable forever: a change of these bytes needs a new level.
    @Test func aCommandHasTheseBytes() {
        let command = CatalogCommand(
            .setPrimary(of: shop, to: west, expectedEpoch: epoch, cause: .automatic, term: 12), author: "ada",
            reason: "down", proposedAt: soon, idempotencyKey: "k", expectedIndex: 258, force: true)
        #expect(
            hex(command.encoded)
                == "c10100050400000073686f700700000065752d77657374010100000000e9a435030c00000000000000030000"
                + "0061646104000000646f776e87d612000000000001010000006b01020100000000000001")
        #expect(String(sample.digest, radix: 16) == "cb50d75997a91801")
    }

    /// Four changes, in level 2 and as level 1 had them.
    private func snapshotLog() -> Log {
        var log = Log(formation: 1_800_000_000)
        log.term = 3
        log.apply(.registerService(registration(shop, hasPrimary: true, endpoints: 1)), key: "k")
        log.apply(.setPrimary(of: shop, to: west, expectedEpoch: nil, cause: .automatic, term: 3))
        log.apply(.setWeight(7, of: place(shop, east), until: soon))
        log.apply(.resetWeight(of: place(files, east)), key: "l")
        return log
    }

    @Test func aSnapshotHasTheseBytes() {
        #expect(
            hex(snapshotLog().catalog.snapshot)
                == "4d4341540200730200000000000000d2496b0400000000000000030000000000000000000000000000000000"
                + "00000000000000000000000000000000bca0650100000000bca0650100000000000000000100000004000000"
                + "73686f700100020000000700000075732d656173740100000001000000000800000031302e302e302e305000"
                + "010000000700000065752d776573740100000001000000000800000031302e312e302e3050000100000000f2"
                + "052a01000000009435770000000000d6117e0300000000a0b830460300000001000000460000000001010107"
                + "00000075732d656173740700000065752d776573740200000000e9a435030200000000000000010700000075"
                + "732d6561737401000000104a0f00000000000700000075732d656173740700000065752d7765737402000000"
                + "00e9a43500010000000400000073686f700700000075732d6561737400000700000003000000616461040000"
                + "0074657374f84d0f00000000000187d612000000000003000000000000000300000000000000030000000100"
                + "00000000000028460f0000000000030000006164610400000074657374000400000073686f70020000000000"
                + "0000104a0f0000000000030000006164610400000074657374050400000073686f700700000075732d656173"
                + "740700000065752d776573740200000000e9a435030300000000000000f84d0f000000000003000000616461"
                + "0400000074657374020400000073686f700700000075732d656173740000010700000000000000e0510f0000"
                + "00000002000000010000006be9932e1f09a30d7a01010000000000000028460f0000000000010000006c406e"
                + "46c30d4bd4d902000500000066696c6573e0510f00000000009f92e2e9a2cbec78")
    }

    /// What an older version wrote.
    @Test func aSnapshotOfLevel1IsStillRead() throws {
        let old =
            "4d43415401005b0200000000000000d2496b040000000000000003000000000000000000bca0650100000000"
            + "bca065010000000000000000010000000400000073686f700100020000000700000075732d65617374010000"
            + "0001000000000800000031302e302e302e305000010000000700000065752d77657374010000000100000000"
            + "0800000031302e312e302e3050000100000000f2052a01000000009435770000000000d6117e0300000000a0"
            + "b83046030000000100000046000000000101010700000075732d656173740700000065752d77657374020000"
            + "0000e9a435030200000000000000010700000075732d6561737401000000104a0f0000000000070000007573"
            + "2d656173740700000065752d776573740200000000e9a43500010000000400000073686f700700000075732d"
            + "65617374000007000000030000006164610400000074657374f84d0f00000000000187d61200000000000300"
            + "000000000000030000000000000003000000010000000000000028460f000000000003000000616461040000"
            + "0074657374000400000073686f700200000000000000104a0f00000000000300000061646104000000746573"
            + "74050400000073686f700700000075732d656173740700000065752d776573740200000000e9a43503030000"
            + "0000000000f84d0f0000000000030000006164610400000074657374020400000073686f700700000075732d"
            + "656173740000010700000000000000e0510f000000000002000000010000006be9932e1f09a30d7a01010000"
            + "000000000028460f0000000000010000006c406e46c30d4bd4d902000500000066696c6573e0510f00000000"
            + "00dea789db73f1f892"
        let bytes = stride(from: 0, to: old.utf8.count, by: 2).compactMap { place in
            UInt8(old.dropFirst(place).prefix(2), radix: 16)
        }
        #expect(try Catalog(snapshot: bytes).snapshot == snapshotLog().catalog.snapshot)
    }

    @Test(arguments: [
        ([] as [UInt8], CatalogFormatError.truncated), ([0xC2], .notACatalog), ([0xC1, 2, 0], .unknownLevel(2)),
        ([0xC1, 0, 0], .unknownLevel(0)), ([0xC1, 1, 0, 99], .unknownTag(99, of: "change")),
        ([0xC1, 1, 0, 7, 2], .impossible("flag")),
        ([0xC1, 1, 0, 1, 255, 255, 255, 255], .impossible("length of a text")),
        ([0xC1, 1, 0, 1, 1, 0, 0, 0, 0xFF], .invalidText),
    ])
    func rubbishIsTold(_ bytes: [UInt8], _ error: CatalogFormatError) {
        #expect(throws: error) { try CatalogCommand(decoding: bytes) }
    }

    /// A history with everything in it.
    private func history(_ seed: UInt64) -> Log {
        var random = RandomBits(seed: seed)
        var log = Log(formation: 1_800_000_000)
        for number in 0..<(200 + random.below(1_200)) {
            let change = changes[random.below(changes.count)]
            let key = random.below(2) == 0 ? "\(number - random.below(3))" : nil
            log.term = UInt64(number / 50)
            log.apply(change, key: key, force: random.below(2) == 0)
            log.apply(.registerService(registration(files, hasPrimary: false)))
            if let current = log.catalog.primary(of: shop)?.epoch {
                log.apply(.completeSwitch(of: shop, epoch: current))
            }
        }
        return log
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func aSnapshotIsTheWholeCatalog(_ seed: UInt64) throws {
        var log = history(seed)
        let bytes = log.catalog.snapshot
        var copy = log
        copy.catalog = try Catalog(snapshot: bytes)
        #expect(copy.catalog.snapshot == bytes)
        for change in changes {
            #expect(
                log.apply(change, key: "\(change)".count.description)
                    == copy.apply(change, key: "\(change)".count.description))
        }
        #expect(copy.catalog.snapshot == log.catalog.snapshot)
        #expect(copy.catalog.events() == log.catalog.events())
    }

    @Test func damageIsSeen() {
        let bytes = Log.withServices().catalog.snapshot
        for position in bytes.indices {
            var damaged = bytes
            damaged[position] ^= 0x40
            #expect(throws: CatalogFormatError.self) { try Catalog(snapshot: damaged) }
            #expect(throws: CatalogFormatError.self) { try Catalog(snapshot: Array(bytes[..<position])) }
        }
        #expect(throws: CatalogFormatError.trailingBytes(1)) { try Catalog(snapshot: bytes + [0]) }
    }

    /// Garbage that resembles the real thing and has a correct checksum, so that it reaches the decoders: the result
    /// must be an error, or a catalog that encodes to the very same bytes.
    @Test(arguments: [1, 2, 3, 4] as [UInt64])
    func noBytesDoHarm(_ seed: UInt64) {
        var random = RandomBits(seed: seed)
        var log = history(seed)
        log.apply(.registerService(sample))
        let whole = log.catalog.snapshot
        let small = Log.withServices(formation: 5).catalog.snapshot
        var accepted = 0
        for round in 0..<600 {
            var bytes = round < 40 ? whole : small
            mutate(&bytes, &random, head: 14, tail: 8)
            let end = bytes.count - 8
            var length = UInt64(end - 14)
            for place in 0..<8 {
                bytes[6 + place] = UInt8(truncatingIfNeeded: length)
                length >>= 8
            }
            var hash = StableHash()
            for byte in bytes[..<end] { hash.combine(byte) }
            var sum = hash.value
            for place in 0..<8 {
                bytes[end + place] = UInt8(truncatingIfNeeded: sum)
                sum >>= 8
            }
            if let catalog = try? Catalog(snapshot: bytes) {
                accepted += 1
                #expect(catalog.snapshot == bytes)
            }
        }
        #expect(accepted > 10)
    }

    @Test(arguments: [1, 2, 3, 4] as [UInt64])
    func noCommandDoesHarm(_ seed: UInt64) {
        var random = RandomBits(seed: seed)
        var log = Log.withServices(formation: 5)
        var accepted = 0
        for _ in 0..<4_000 {
            let change = changes[random.below(changes.count)]
            var bytes = CatalogCommand(change, author: "ada", reason: "r", proposedAt: soon).encoded
            mutate(&bytes, &random, head: 0, tail: 0)
            if let command = try? CatalogCommand(decoding: bytes) {
                accepted += 1
                #expect(command.encoded == bytes)
                log.index += 1
                _ = log.catalog.apply(command, at: log.index, term: 1)
            }
        }
        #expect(accepted > 100)
        // Whatever was applied, the state is one that a snapshot can carry.
        let bytes = log.catalog.snapshot
        #expect((try? Catalog(snapshot: bytes))?.snapshot == bytes)
    }

    /// Changes, removes or repeats a few bytes between `head` and `tail`.
    private func mutate(_ bytes: inout [UInt8], _ random: inout RandomBits, head: Int, tail: Int) {
        for _ in 0...random.below(3) {
            let space = bytes.count - head - tail
            guard space > 1 else { return }
            let position = head + random.below(space)
            switch random.below(5) {
            case 0: bytes[position] = UInt8(truncatingIfNeeded: random.next())
            case 1: bytes[position] ^= 1 << UInt8(random.below(8))
            case 2: bytes[position] = [0, 1, 0x7F, 0xFF][random.below(4)]
            case 3: bytes.removeSubrange(position..<min(position + 1 + random.below(4), bytes.count - tail))
            default: bytes.insert(UInt8(truncatingIfNeeded: random.next()), at: position)
            }
        }
    }
}
