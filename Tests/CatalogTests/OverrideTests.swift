// Tests weights, states, their expiry and the rule that keeps a service running.
import Catalog
import Testing
import Topology

/// A change that comes third, after the two registrations, and its outcome.
struct RefusalCase: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var before: [CatalogChange] = []
    var change: CatalogChange
    var refusal: CatalogRefusal?
}

@Suite struct OverrideTests {
    @Test(arguments: [
        RefusalCase(testDescription: "weight", change: .setWeight(5, of: place(files, east), until: nil)),
        RefusalCase(testDescription: "greatest", change: .setWeight(256, of: place(files, east), until: nil)),
        RefusalCase(
            testDescription: "too heavy", change: .setWeight(257, of: place(files, east), until: nil),
            refusal: .weightOutOfRange(257)),
        RefusalCase(
            testDescription: "negative", change: .setWeight(-1, of: place(files, east), until: nil),
            refusal: .weightOutOfRange(-1)),
        RefusalCase(
            testDescription: "service", change: .setWeight(1, of: place(ServiceName("x"), east), until: nil),
            refusal: .unknownService(ServiceName("x"))),
        RefusalCase(
            testDescription: "datacenter", change: .setState(.draining, of: place(files, south), until: nil),
            refusal: .unknownDatacenter(south, service: files)),
        RefusalCase(
            testDescription: "endpoint", change: .resetWeight(of: place(files, east, "10.9.9.9:80")),
            refusal: .unknownEndpoint(address("10.9.9.9:80"), datacenter: east, service: files)),
        RefusalCase(
            testDescription: "expiry", change: .setWeight(1, of: place(files, east), until: UnixTime(milliseconds: 5)),
            refusal: .expiryInThePast),
        RefusalCase(
            testDescription: "drain one of two", change: .setState(.draining, of: place(files, east), until: nil)),
        RefusalCase(
            testDescription: "drain the second of two",
            before: [.setState(.draining, of: place(files, east), until: nil)],
            change: .setState(.draining, of: place(files, west), until: nil), refusal: .wouldStopService(files)),
        RefusalCase(
            testDescription: "weight 0 on the second of two",
            before: [.setWeight(0, of: place(files, east), until: nil)],
            change: .setWeight(0, of: place(files, west), until: nil), refusal: .wouldStopService(files)),
        RefusalCase(
            testDescription: "the last endpoint of the last datacenter",
            before: [
                .setWeight(0, of: place(files, east), until: nil),
                .setState(.draining, of: place(files, west, "10.1.0.0:80"), until: nil),
            ],
            change: .setWeight(0, of: place(files, west, "10.1.0.1:80"), until: nil), refusal: .wouldStopService(files)),
        RefusalCase(
            testDescription: "drain the primary", change: .setState(.draining, of: place(shop, east), until: nil),
            refusal: .wouldStopPrimary(east, service: shop)),
        RefusalCase(
            testDescription: "drain the other", change: .setState(.draining, of: place(shop, west), until: nil)),
    ])
    func answers(_ row: RefusalCase) {
        var log = Log.withServices()
        for change in row.before { #expect(log.apply(change) == .applied(index: log.index, changed: true)) }
        let overrides = log.catalog.overrides
        let outcome = log.apply(row.change)
        if let refusal = row.refusal {
            #expect(outcome == .refused(refusal))
            #expect(log.catalog.overrides == overrides)
        } else {
            #expect(outcome == .applied(index: log.index, changed: true))
        }
    }

    @Test func forceSkipsTheSafetyRule() {
        var log = Log.withServices()
        let drain = CatalogChange.setState(.draining, of: place(shop, east), until: nil)
        #expect(log.apply(drain, force: true) == .applied(index: 3, changed: true))
        #expect(log.catalog.state(of: place(shop, east)) == .draining)
        // What is already stopped may be changed without force, unless it would stay stopped when the drain ends.
        #expect(
            log.apply(.setWeight(0, of: place(shop, east), until: nil))
                == .refused(.wouldStopPrimary(east, service: shop)))
        #expect(log.apply(.setWeight(2, of: place(shop, east), until: nil)) == .applied(index: 5, changed: true))
    }

    @Test func resettingToAZeroInTheSettingsIsGuardedToo() {
        var log = Log()
        log.apply(.registerService(registration(files, hasPrimary: false, datacenters: [east], weight: 0)))
        log.apply(.setWeight(3, of: place(files, east), until: nil))
        #expect(log.apply(.resetWeight(of: place(files, east))) == .refused(.wouldStopService(files)))
        #expect(log.apply(.resetWeight(of: place(files, east)), force: true) == .applied(index: 4, changed: true))
    }

    @Test func weightsLieOverTheSettings() {
        var log = Log.withServices()
        let target = place(files, west, "10.1.0.1:80")
        #expect(log.catalog.weight(of: target, otherwise: 7) == 7)
        log.apply(.setWeight(3, of: target, until: nil))
        #expect(log.catalog.weight(of: target, otherwise: 7) == 3)
        #expect(log.apply(.setWeight(3, of: target, until: nil)) == .applied(index: 4, changed: false))
        log.apply(.resetWeight(of: target))
        #expect(log.catalog.weight(of: target, otherwise: 7) == 7)
        #expect(log.apply(.resetWeight(of: target)) == .applied(index: 6, changed: false))
    }

    @Test func showsWhoAndWhyAndUntilWhenInOneOrder() {
        var log = Log.withServices()
        let until = UnixTime(milliseconds: 9_000_000)
        log.apply(.setState(.draining, of: place(shop, west, "10.1.0.1:80"), until: nil))
        log.apply(.setWeight(2, of: place(shop, west), until: until))
        log.apply(.setWeight(4, of: place(files, west), until: nil))
        let shown = log.catalog.overrides
        #expect(shown.map(\.target) == [place(files, west), place(shop, west), place(shop, west, "10.1.0.1:80")])
        #expect(shown[1].author == "ada" && shown[1].reason == "test" && shown[1].until == until && shown[1].index == 4)
        #expect(log.catalog.overrides(of: files).all.count == 1)
    }

    @Test func expiresOnlyWhatWasNotChangedSince() {
        var log = Log.withServices()
        let target = place(files, east)
        let soon = UnixTime(milliseconds: log.now.milliseconds + 5_000)
        log.apply(.setWeight(9, of: target, until: soon))
        #expect(log.catalog.nextExpiry == soon)
        #expect(log.catalog.expirations(at: UnixTime(milliseconds: soon.milliseconds - 1)).isEmpty)
        let expirations = log.catalog.expirations(at: soon)
        #expect(expirations == [.expireOverride(of: target, setting: .weight, until: soon)])
        let later = UnixTime(milliseconds: soon.milliseconds + 60_000)
        log.apply(.setWeight(9, of: target, until: later))
        #expect(log.apply(expirations[0]) == .applied(index: 5, changed: false))
        #expect(log.catalog.weight(of: target, otherwise: 1) == 9)
        #expect(
            log.apply(.expireOverride(of: target, setting: .weight, until: later)) == .applied(index: 6, changed: true))
        #expect(log.catalog.weight(of: target, otherwise: 1) == 1)
        #expect(log.catalog.nextExpiry == nil)
    }

    @Test func theTableIsBounded() {
        var log = Log()
        let perService = Catalog.maximumOverrides / 20
        for number in 0..<20 {
            let service = ServiceName("s\(number)")
            let wide = registration(service, hasPrimary: false, datacenters: [east], endpoints: perService + 1)
            log.apply(.registerService(wide))
            for endpoint in wide.datacenters[0].endpoints.dropLast() {
                let target = OverrideTarget(service: service, datacenter: east, endpoint: endpoint.address)
                guard case .applied = log.apply(.setWeight(2, of: target, until: nil)) else {
                    Issue.record("refused before the limit")
                    return
                }
            }
        }
        let one = place(ServiceName("s0"), east)
        let full = CatalogOutcome.refused(.tableFull("overrides", limit: Catalog.maximumOverrides))
        #expect(log.apply(.setWeight(2, of: one, until: nil)) == full)
        log.apply(.resetWeight(of: log.catalog.overrides[0].target))
        #expect(log.apply(.setWeight(2, of: one, until: nil)) == .applied(index: log.index, changed: true))
        #expect(log.catalog.events().count == 1_000)
        #expect(log.catalog.events().last?.index == log.index)
    }
}
