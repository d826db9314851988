// Owns the tests of how many receive buffers the kernel has at a time.
import Testing

@testable import Proactor

@Suite struct OfferDepthTests {
    @Test func beginsWithFew() {
        #expect(OfferDepth(most: 512).count == 64)
        #expect(OfferDepth(most: 8).count == 8)
    }

    @Test func growsOnlyWhenAllWereFilled() {
        var depth = OfferDepth(most: 512)
        for _ in 0..<10_000 { depth.note(left: 1) }
        #expect(depth.count == 64)
        depth.note(left: 0)
        #expect(depth.count == 128)
        for _ in 0..<10 { depth.note(left: 0) }
        #expect(depth.count == 512, "all that there are")
    }

    @Test func shrinksAfterALongTimeOfLittleUse() {
        var depth = OfferDepth(most: 512)
        for _ in 0..<3 { depth.note(left: 0) }
        for _ in 0..<1_023 { depth.note(left: 512) }
        depth.note(left: 200)
        for _ in 0..<1_023 { depth.note(left: 512) }
        #expect(depth.count == 512, "one busy turn begins the count again")
        depth.note(left: 512)
        #expect(depth.count == 256)
        for _ in 0..<5_000 { depth.note(left: depth.count) }
        #expect(depth.count == 64, "never fewer")
    }
}
