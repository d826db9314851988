// Owns the limit on retries: a share of the requests of the last ten seconds.

public import Topology

/// Counts requests and retries of the last ten seconds, in ten buckets of one second, so that retries never multiply an
/// overload.
///
/// One per worker and service: no locks. `RetryPolicy.minimumBudget` then holds for each worker; if the whole process
/// must keep to it, count in shared atomics and ask `allows(requests:retries:policy:)`.
public struct RetryBudget: Sendable {
    /// The length of the sliding window.
    public static let window = Duration.seconds(10)

    @usableFromInline static let bucketNanoseconds: Int64 = 1_000_000_000

    /// Requests (x) and retries (y) of each second, by second modulo 10.
    @usableFromInline var buckets = InlineArray<10, SIMD2<UInt32>>(repeating: .zero)
    /// The sum of all buckets.
    @usableFromInline var total = SIMD2<UInt32>.zero
    /// The second that the newest bucket stands for.
    @usableFromInline var second: Int64 = 0

    public init() {}

    /// Counts a request's first attempt. An instant before the newest one counts as the newest.
    @inlinable
    public mutating func recordRequest(now: Tick) {
        advance(to: now)
        count(SIMD2(1, 0))
    }

    /// Whether one more retry is within the budget; if so, it is counted.
    public mutating func mayRetry(now: Tick, policy: RetryPolicy) -> Bool {
        advance(to: now)
        guard Self.allows(requests: Int(total.x), retries: Int(total.y), policy: policy) else { return false }
        count(SIMD2(0, 1))
        return true
    }

    /// Whether one more retry is within the budget of a window that saw `requests` first attempts and `retries`.
    ///
    /// The budget is `policy.budget` of the requests, rounded down, and at least `policy.minimumBudget`.
    public static func allows(requests: Int, retries: Int, policy: RetryPolicy) -> Bool {
        // Millionths are exact for every percentage: 20 % of 100 is 20, which a binary fraction would round to 19. A
        // share that is not a number fails the comparison and gives 0.
        let share = policy.budget > 0 ? min(policy.budget, 1_000) : 0
        let millionths = UInt64(share * 1_000_000 + 0.5)
        let (high, low) = UInt64(max(requests, 0)).multipliedFullWidth(by: millionths)
        // The share is at most 1,000, so the quotient fits as long as the product's high half is below a million.
        let earned = high < 1_000_000 ? (1_000_000 as UInt64).dividingFullWidth((high, low)).quotient : .max
        return UInt64(max(retries, 0)) < max(UInt64(max(policy.minimumBudget, 0)), earned)
    }

    @inlinable
    mutating func count(_ one: SIMD2<UInt32>) {
        // 4 thousand million in ten seconds is beyond any worker; wrapping keeps sum and buckets equal even then.
        buckets[Int(second % 10)] &+= one
        total &+= one
    }

    /// Empties the buckets of the seconds that left the window.
    @inlinable
    mutating func advance(to now: Tick) {
        let wanted = max(now.nanoseconds, 0) / Self.bucketNanoseconds
        if wanted <= second { return }
        empty(upTo: wanted)
    }

    @usableFromInline
    mutating func empty(upTo wanted: Int64) {
        for step in 1...min(wanted - second, 10) {
            let bucket = Int((second + step) % 10)
            total &-= buckets[bucket]
            buckets[bucket] = .zero
        }
        second = wanted
    }
}
