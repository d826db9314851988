// Tests the retry budget at its edges: the share, the minimum, the sliding window.
import Balancing
import Testing
import Topology

private func policy(_ budget: Double, minimum: Int = 3) -> RetryPolicy {
    var policy = RetryPolicy()
    policy.budget = budget
    policy.minimumBudget = minimum
    return policy
}

private func at(_ milliseconds: Int) -> Tick { .zero + .milliseconds(milliseconds) }

@Suite struct RetryBudgetTests {
    /// Requests, retries before, share, minimum: allowed or not.
    @Test(arguments: [
        (0, 0, 0.2, 3, true), (0, 2, 0.2, 3, true), (0, 3, 0.2, 3, false), (15, 3, 0.2, 3, false),
        (19, 3, 0.2, 3, false), (20, 3, 0.2, 3, true), (20, 4, 0.2, 3, false), (100, 19, 0.2, 3, true),
        (100, 20, 0.2, 3, false), (100, 0, 0, 0, false), (100, 2, 0, 3, true), (100, 0, .nan, 0, false),
        (100, 0, -1, 0, false), (100, 99, 1, 0, true), (100, 100, 1, 0, false), (1, 999, .infinity, 0, true),
        (Int.max, Int.max - 1, 1, 0, true), (Int.max, Int.max, 1, 0, false), (Int.max, Int.max, 1000, 0, true),
        (-5, -5, 0.2, 0, false), (7, 0, 0.15, 0, true), (100, 28, 0.29, 0, true), (100, 29, 0.29, 0, false),
    ])
    func share(_ requests: Int, _ retries: Int, _ budget: Double, _ minimum: Int, _ allowed: Bool) {
        #expect(
            RetryBudget.allows(requests: requests, retries: retries, policy: policy(budget, minimum: minimum))
                == allowed)
    }

    @Test func aRetryConsumes() {
        var budget = RetryBudget()
        for _ in 0..<100 { budget.recordRequest(now: at(0)) }
        #expect((0..<30).count { _ in budget.mayRetry(now: at(500), policy: policy(0.2)) } == 20)
    }

    @Test func theWindowSlidesBySeconds() {
        var budget = RetryBudget()
        for second in 0..<10 {
            for _ in 0..<10 { budget.recordRequest(now: at(second * 1000)) }
        }
        // 100 requests in the window: 20. A second later the first 10 are out.
        #expect((0..<30).count { _ in budget.mayRetry(now: at(9_999), policy: policy(0.2)) } == 20)
        let early = budget.mayRetry(now: at(10_000), policy: policy(0.2))
        #expect(!early)
        // The retries of second 9 leave only with second 19.
        for _ in 0..<40 { budget.recordRequest(now: at(18_000)) }
        let late = budget.mayRetry(now: at(18_999), policy: policy(0.2))
        #expect(!late)
        #expect((0..<30).count { _ in budget.mayRetry(now: at(19_000), policy: policy(0.2)) } == 8)
    }

    @Test(arguments: [10_000, 11_000, 19_000, 25_000, 3_600_000]) func aLongPauseEmptiesIt(_ pause: Int) {
        var budget = RetryBudget()
        for _ in 0..<1000 { budget.recordRequest(now: at(0)) }
        #expect((0..<300).count { _ in budget.mayRetry(now: at(pause), policy: policy(0.2)) } == 3)
    }

    @Test func timeThatGoesBackIsNow() {
        var budget = RetryBudget()
        budget.recordRequest(now: at(50_000))
        for _ in 0..<99 { budget.recordRequest(now: at(1_000)) }
        budget.recordRequest(now: Tick(nanoseconds: .min))
        #expect((0..<30).count { _ in budget.mayRetry(now: at(2_000), policy: policy(0.2)) } == 20)
    }
}
