// Owns a simulated node's clock, whose origin and speed differ from the world's.
internal import Topology

/// A monotonic clock that drifts. A run lasts at most an hour, so that no product below overflows.
struct NodeClock: Hashable, Sendable {
    /// What the clock shows at the beginning of the run, in nanoseconds.
    var offset: Int64
    /// How much faster than the world's time it runs, in parts per million; negative when slower.
    var partsPerMillion: Int64

    /// What the clock shows at an instant of the world's time.
    func local(at instant: Tick) -> Tick {
        let elapsed = instant.nanoseconds
        let drift = elapsed / 1_000_000 * partsPerMillion + elapsed % 1_000_000 * partsPerMillion / 1_000_000
        return Tick(nanoseconds: offset + elapsed + drift)
    }

    /// The first instant of the world at which the clock shows at least this; the distant future if that is far away.
    func instant(showing local: Tick) -> Tick {
        if local.nanoseconds >= Int64.max / 4 { return .distantFuture }
        let wanted = local.nanoseconds - offset
        let estimate = wanted / (1_000_000 + partsPerMillion) * 1_000_000
        var instant = Tick(nanoseconds: max(0, estimate - 2_000_000))
        // The estimate lacks at most two milliseconds; nine tenths of what is missing never leads beyond the first
        // instant.
        while self.local(at: instant) < local {
            let missing = local.nanoseconds - self.local(at: instant).nanoseconds
            instant = Tick(nanoseconds: instant.nanoseconds + max(1, missing - missing / 10))
        }
        return instant
    }
}
