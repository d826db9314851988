// Owns the decision to wait for several completions at once, which a busy loop does.

/// Whether a turn of the loop is worth more than one receive.
///
/// A turn costs a system call and cold caches, whether it brings one receive or ten. When receives come so densely that
/// several come while a turn is at work anyway, the next turn waits a moment longer for more of them. The moment is short
/// beside what a request then waits for its turn, and a loop with little to do never waits: receives have to come together
/// before it does, and more of them while it does.
struct Gathering {
    /// The longest wait for company.
    static let microseconds: UInt32 = 20
    static let nanoseconds = Int64(microseconds) * 1000
    /// Completions that end it.
    static let most: UInt32 = 16
    /// Receives a turn, in 256ths, from which waiting is tried for some turns, and below which it is given up: while it
    /// waits, more have to come together than without.
    private static let worthTrying = 4 * 256
    private static let worthKeeping = 8 * 256

    /// Whether the next turn should wait for several completions.
    private(set) var isOn = false
    private let isPossible: Bool
    /// Receives a turn, of those that brought any, over some 32 turns; in 256ths.
    private var average = 256

    /// - Parameter isPossible: whether the kernel can wait in this way.
    init(isPossible: Bool) { self.isPossible = isPossible }

    /// Learns how many receives a turn brought.
    @inline(__always)
    mutating func note(receives: Int) {
        average += (min(receives, 64) * 256 - average) >> 5
        if isOn {
            guard average < Self.worthKeeping else { return }
            isOn = false
            average = 256
        } else if average >= Self.worthTrying, isPossible {
            isOn = true
            average = 2 * Self.worthKeeping
        }
    }
}
