// Owns the links between simulated nodes: how long a message takes, and whether, how often and in which order it
// arrives.
internal import Topology

/// Directed links between numbered nodes. A message's fate is drawn when it is sent.
struct SimulatedNetwork: Sendable {
    /// Conditions that are the same on all links that are not cut.
    struct Weather: Hashable, Sendable {
        var delayAtLeast: Duration = .milliseconds(1)
        var delayAtMost: Duration = .milliseconds(5)
        /// How many of 1,000 messages are lost.
        var lostInThousand = 0
        /// How many of 1,000 messages arrive twice.
        var doubledInThousand = 0
        /// How many of 1,000 messages take up to ten times the greatest delay.
        var lateInThousand = 0
    }

    /// How a partition cuts the links.
    enum Cut: Hashable, Sendable, CaseIterable {
        /// Two groups that do not hear each other.
        case halves
        /// One node that hears nobody and is heard by nobody.
        case lonely
        /// Only one direction of one node's links.
        case deaf, mute
        /// One link, both directions.
        case link
        /// One direction of one link.
        case oneWay
        /// Only one node is connected to all others, which do not hear each other.
        case star
    }

    let count: Int
    var weather = Weather()
    /// For each sender, a bit for each receiver that it cannot reach.
    private var blocked: [UInt64]

    init(count: Int) {
        self.count = count
        blocked = [UInt64](repeating: 0, count: count)
    }

    var isWhole: Bool { blocked.allSatisfy { $0 == 0 } }

    func reaches(from sender: Int, to receiver: Int) -> Bool { blocked[sender] & (1 << UInt64(receiver)) == 0 }

    mutating func heal() { blocked = [UInt64](repeating: 0, count: count) }

    private mutating func block(_ sender: Int, _ receiver: Int) { blocked[sender] |= 1 << UInt64(receiver) }

    /// Cuts further links. The first nodes of `shuffled` are on one side.
    mutating func apply(_ cut: Cut, shuffled: [Int], sideCount: Int) {
        guard shuffled.count >= 2 else { return }
        let first = shuffled[0]
        let others = shuffled.dropFirst()
        let second = shuffled[1]
        switch cut {
        case .halves:
            for left in shuffled.prefix(sideCount) {
                for right in shuffled.dropFirst(sideCount) {
                    block(left, right)
                    block(right, left)
                }
            }
        case .lonely:
            for other in others {
                block(first, other)
                block(other, first)
            }
        case .deaf: for other in others { block(other, first) }
        case .mute: for other in others { block(first, other) }
        case .link:
            block(first, second)
            block(second, first)
        case .oneWay: block(first, second)
        case .star: for left in others { for right in others where left != right { block(left, right) } }
        }
    }

    /// How long the copies of a message that is sent now take; none when it is lost.
    func delays(from sender: Int, to receiver: Int, _ random: inout RandomBits) -> (first: Int64?, second: Int64?) {
        guard reaches(from: sender, to: receiver) else { return (nil, nil) }
        if weather.lostInThousand > 0, random.below(1_000) < weather.lostInThousand { return (nil, nil) }
        let first = delay(&random)
        let isDoubled = weather.doubledInThousand > 0 && random.below(1_000) < weather.doubledInThousand
        return (first, isDoubled ? delay(&random) : nil)
    }

    private func delay(_ random: inout RandomBits) -> Int64 {
        let least = weather.delayAtLeast.wholeNanoseconds
        let most = weather.delayAtMost.wholeNanoseconds
        var delay = least + Int64(random.below(Int(max(1, most - least))))
        if weather.lateInThousand > 0, random.below(1_000) < weather.lateInThousand {
            delay += Int64(random.below(Int(10 * max(1, most))))
        }
        return delay
    }
}
