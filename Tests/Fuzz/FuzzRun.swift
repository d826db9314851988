// Owns how a fuzz test runs: from a seed, for a number of rounds, and with the way to repeat what it found.
import Foundation
import Testing

/// A generator whose whole sequence follows from its seed (SplitMix64: Steele, Lea and Flood, 2014).
struct SeededBits: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// A number below `bound`.
    mutating func below(_ bound: Int) -> Int { Int.random(in: 0..<max(1, bound), using: &self) }

    /// True once in `times`.
    mutating func once(in times: Int) -> Bool { below(times) == 0 }

    mutating func pick<Element>(_ items: [Element]) -> Element { items[below(items.count)] }
}

/// Runs a test over many inputs. `MERIDIAN_FUZZ_ITERATIONS` sets how many, `MERIDIAN_FUZZ_SEED` with which one to start.
enum FuzzRun {
    static let iterations = number("MERIDIAN_FUZZ_ITERATIONS") ?? 15_000
    static let firstSeed = UInt64(number("MERIDIAN_FUZZ_SEED") ?? 1)

    private static func number(_ name: String) -> Int? { ProcessInfo.processInfo.environment[name].flatMap(Int.init) }

    /// Calls `body` with a generator a seed. It returns what is wrong, or nil; the first fault ends the test.
    ///
    /// - Parameters:
    ///   - times: how many rounds an iteration stands for.
    ///   - parts: how many iterations a round stands for, where one takes long.
    /// - Returns: how many rounds there were.
    @discardableResult
    static func rounds(times: Int = 1, parts: Int = 1, _ body: (inout SeededBits) -> String?) -> Int {
        let count = max(1, iterations * times / parts)
        for round in 0..<UInt64(count) {
            let seed = firstSeed &+ round
            var bits = SeededBits(seed: seed)
            if let fault = body(&bits) {
                Issue.record("\(fault)\nrepeat with MERIDIAN_FUZZ_SEED=\(seed) MERIDIAN_FUZZ_ITERATIONS=1")
                return Int(round) + 1
            }
        }
        return count
    }

    /// Fails when so few inputs got as far as the thing that a test is about that it shows nothing.
    static func expectMany(_ reached: Int, of rounds: Int) {
        if rounds >= 100 { #expect(reached * 10 > rounds, "only \(reached) of \(rounds) inputs were good enough") }
    }
}

extension [UInt8] {
    /// The bytes as a text that can be pasted into a test.
    var escaped: String {
        map { byte in
            switch byte {
            case 0x0D: "\\r"
            case 0x0A: "\\n"
            case 0x22, 0x5C: "\\\(UnicodeScalar(byte))"
            case 0x20..<0x7F: String(UnicodeScalar(byte))
            default: "\\x\(String(byte, radix: 16))"
            }
        }.joined()
    }
}
