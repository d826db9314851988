// Owns the decision how many receive buffers the kernel has at a time.

/// Few buffers stay in the processor's caches. But a turn may bring more receives than there are buffers, and each one too
/// many ends its operation, which then has to be armed again: so the kernel has more after it has used up all of them, and
/// fewer again after a long time in which it needed few.
struct OfferDepth {
    /// More than most turns fill.
    static let least = 64
    /// Turns of little use after which it has half of them.
    private static let patience = 1_024

    private(set) var count: Int
    private let most: Int
    private var calmTurns = 0

    /// - Parameter most: all buffers of the kind.
    init(most: Int) {
        self.most = most
        count = min(Self.least, most)
    }

    /// Learns how many of its buffers the kernel has left after a turn.
    @inline(__always)
    mutating func note(left: Int) {
        if left == 0 {
            count = min(most, count * 2)
            calmTurns = 0
        } else if count > Self.least {
            noteWithMany(left)
        }
    }

    private mutating func noteWithMany(_ left: Int) {
        let isCalm = count - left < count / 4
        calmTurns = isCalm ? calmTurns + 1 : 0
        guard calmTurns == Self.patience else { return }
        count /= 2
        calmTurns = 0
    }
}
