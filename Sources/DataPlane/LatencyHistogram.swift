// Owns how long requests took, by classes of time: one worker counts, others read.
internal import Synchronization

/// A histogram with fixed bounds. One thread at a time records, so that recording needs no locked instruction; every
/// thread may read.
public final class LatencyHistogram: Sendable {
    /// The upper bounds of the classes in nanoseconds, each included; a last class has none. From what a proxy beside its
    /// backend takes to what a time limit is.
    public static let bounds: [Int] = [
        100_000, 250_000, 500_000, 1_000_000, 2_500_000, 5_000_000, 10_000_000, 25_000_000, 50_000_000, 100_000_000,
        250_000_000, 500_000_000, 1_000_000_000, 2_500_000_000, 5_000_000_000, 10_000_000_000, 30_000_000_000,
    ]

    private let classes = InlineArray<18, Atomic<Int>> { _ in Atomic(0) }
    private let sum = Atomic<Int>(0)

    init() {}

    /// Counts one request. On the recording thread only.
    @inline(__always)
    func record(_ nanoseconds: Int) {
        var index = 0
        // Most requests are quick: the first few bounds decide.
        while index < Self.bounds.count, nanoseconds > Self.bounds[index] { index += 1 }
        classes[index].store(classes[index].load(ordering: .relaxed) &+ 1, ordering: .relaxed)
        sum.store(sum.load(ordering: .relaxed) &+ max(0, nanoseconds), ordering: .relaxed)
    }

    /// What was recorded so far.
    public var reading: LatencyReading {
        LatencyReading(
            counts: (0...Self.bounds.count).map { classes[$0].load(ordering: .relaxed) },
            nanoseconds: sum.load(ordering: .relaxed))
    }
}

/// Counts by class of time, of one histogram or of several.
public struct LatencyReading: Hashable, Sendable {
    /// Requests in each class, those beyond the last bound at the end.
    public private(set) var counts = [Int](repeating: 0, count: LatencyHistogram.bounds.count + 1)
    /// The summed time of all.
    public private(set) var nanoseconds = 0

    init() {}

    init(counts: [Int], nanoseconds: Int) {
        self.counts = counts
        self.nanoseconds = nanoseconds
    }

    public static func + (left: LatencyReading, right: LatencyReading) -> LatencyReading {
        LatencyReading(
            counts: zip(left.counts, right.counts).map { $0 &+ $1 },
            nanoseconds: left.nanoseconds &+ right.nanoseconds)
    }
}
