// Tests that a retried command acts once, and that applying is a function of the log alone.
import Catalog
import Testing
import Topology

@Suite struct IdempotencyTests {
    private let weight = CatalogChange.setWeight(5, of: place(files, east), until: nil)

    @Test func aRetryGetsTheFirstOutcome() {
        var log = Log.withServices()
        #expect(log.apply(weight, key: "a") == .applied(index: 3, changed: true))
        log.apply(.resetWeight(of: place(files, east)))
        #expect(log.apply(weight, key: "a") == .applied(index: 3, changed: true))
        #expect(log.catalog.weight(of: place(files, east), otherwise: 1) == 1)
        #expect(log.apply(.setFrozen(true), key: "a") == .refused(.idempotencyKeyReused))
    }

    /// The author asks for "an hour"; the end is a time by the proposer's clock.
    @Test func aRetryMayExpireAtAnotherTime() {
        var log = Log.withServices()
        func change(_ weight: Int, _ time: Int64?) -> CatalogChange {
            .setWeight(
                weight, of: place(files, east), until: time.map { UnixTime(milliseconds: log.now.milliseconds + $0) })
        }
        #expect(log.apply(change(5, 60_000), key: "a") == .applied(index: 3, changed: true))
        #expect(log.apply(change(5, 60_007), key: "a") == .applied(index: 3, changed: true))
        #expect(log.apply(change(6, 60_000), key: "a") == .refused(.idempotencyKeyReused))
        #expect(log.apply(change(5, nil), key: "a") == .refused(.idempotencyKeyReused))
    }

    @Test func refusalsAreRememberedToo() {
        var log = Log.withServices()
        let move = CatalogChange.setPrimary(of: shop, to: south, expectedEpoch: nil, cause: .operatorRequest)
        let refused = CatalogOutcome.refused(.unknownDatacenter(south, service: shop))
        #expect(log.apply(move, key: "a") == refused)
        log.apply(.registerService(registration(shop, hasPrimary: true, datacenters: [east, south])))
        #expect(log.apply(move, key: "a") == refused)
        #expect(log.apply(move, key: "b") == .applied(index: 5 + 1, changed: true))
    }

    @Test func aKeyIsForgottenAfterAnHour() {
        var log = Log.withServices()
        log.apply(weight, key: "a")
        log.now.milliseconds += 3_600_000 - 1_000
        #expect(log.apply(weight, key: "a") == .applied(index: 3, changed: true))
        #expect(log.apply(weight, key: "a") == .applied(index: 5, changed: false))
    }

    @Test func tenThousandKeysAreRemembered() {
        var log = Log.withServices()
        let start = log.now
        for key in 0..<25_000 {
            log.now = start
            log.apply(.setFrozen(key.isMultiple(of: 2)), key: "\(key)")
        }
        log.now = start
        #expect(log.apply(.setFrozen(true), key: "15001") == .refused(.idempotencyKeyReused))
        #expect(log.apply(.setFrozen(true), key: "15000") == .applied(index: log.index - 10_001, changed: true))
        #expect(log.apply(.setFrozen(true), key: "14999") == .applied(index: log.index, changed: true))
    }

    @Test func anIndexIsAppliedOnce() {
        var log = Log.withServices()
        log.index = 1
        #expect(log.apply(weight) == .refused(.alreadyApplied(index: 2)))
        #expect(log.catalog.appliedIndex == 2)
    }

    @Test func longTextsAreRefused() {
        var catalog = Catalog()
        let long = String(repeating: "é", count: 65)
        let time = UnixTime(milliseconds: 1)
        let command = CatalogCommand(.setFrozen(true), author: long, proposedAt: time)
        #expect(catalog.apply(command, at: 1) == .refused(.textTooLong(field: "author", limit: 128)))
        let keyed = CatalogCommand(.setFrozen(true), author: "a", proposedAt: time, idempotencyKey: long)
        #expect(catalog.apply(keyed, at: 2) == .refused(.textTooLong(field: "idempotency key", limit: 128)))
        let reason = String(repeating: "x", count: 1_025)
        let explained = CatalogCommand(.setFrozen(true), author: "a", reason: reason, proposedAt: time)
        #expect(catalog.apply(explained, at: 3) == .refused(.textTooLong(field: "reason", limit: 1_024)))
        #expect(!catalog.isFrozen)
    }

    /// A random history, applied twice: every outcome and every query must agree, and epochs never go back.
    @Test(arguments: [1, 2, 3] as [UInt64])
    func theSameLogGivesTheSameState(_ seed: UInt64) {
        var random = RandomBits(seed: seed)
        var first = Log.withServices()
        var second = Log.withServices()
        var epoch = first.catalog.primary(of: shop)?.epoch
        for _ in 0..<3_000 {
            let change = randomChange(&random, now: first.now)
            let key = random.below(4) == 0 ? "\(random.below(50))" : nil
            let force = random.below(8) == 0
            let outcome = first.apply(change, key: key, force: force)
            #expect(outcome == second.apply(change, key: key, force: force))
            if let next = first.catalog.primary(of: shop)?.epoch {
                if let before = epoch { #expect(next == before || next == before.next) }
                epoch = next
            }
        }
        #expect(first.catalog.overrides == second.catalog.overrides)
        #expect(first.catalog.events() == second.catalog.events())
        #expect(first.catalog.primary(of: shop) == second.catalog.primary(of: shop))
    }

    private func randomChange(_ random: inout RandomBits, now: UnixTime) -> CatalogChange {
        let service = random.below(2) == 0 ? shop : files
        let datacenter = [east, west, south][random.below(3)]
        let endpoint = random.below(2) == 0 ? nil : "10.\(random.below(3)).0.\(random.below(2)):80"
        let target = place(service, datacenter, endpoint)
        let until = random.below(3) == 0 ? UnixTime(milliseconds: now.milliseconds + 9_000) : nil
        switch random.below(9) {
        case 0:
            let datacenters = random.below(2) == 0 ? [east, west] : [west, south]
            return .registerService(registration(service, hasPrimary: service == shop, datacenters: datacenters))
        case 1: return random.below(4) == 0 ? .retireService(service) : .setFrozen(random.below(2) == 0)
        case 2, 3: return .setWeight(random.below(4), of: target, until: until)
        case 4: return .resetWeight(of: target)
        case 5: return .setState(.draining, of: target, until: until)
        case 6: return .setState(.active, of: target, until: nil)
        case 7: return .expireOverride(of: target, setting: .weight, until: now)
        default: return .setPrimary(of: service, to: datacenter, expectedEpoch: nil, cause: .operatorRequest)
        }
    }
}
