// Owns what a simulated node reads on its clock: another origin than the world's, and another speed.
internal import Topology

/// A monotonic clock that drifts. Instants of the world are at most an hour, so that no product below overflows.
struct NodeClock: Hashable, Sendable {
    /// What the clock shows at the world's beginning, in nanoseconds.
    var offset: Int64
    /// How much faster than the world it runs, in parts per million; negative when it is slower.
    var partsPerMillion: Int64

    /// What the clock shows at an instant of the world.
    func local(at instant: Tick) -> Tick {
        let elapsed = instant.nanoseconds
        let drift = elapsed / 1_000_000 * partsPerMillion + elapsed % 1_000_000 * partsPerMillion / 1_000_000
        return Tick(nanoseconds: offset + elapsed + drift)
    }

    /// The first instant of the world at which the clock shows at least this; the distant future where that is far.
    func instant(showing local: Tick) -> Tick {
        if local.nanoseconds >= Int64.max / 4 { return .distantFuture }
        let wanted = local.nanoseconds - offset
        let estimate = wanted / (1_000_000 + partsPerMillion) * 1_000_000
        var instant = Tick(nanoseconds: max(0, estimate - 2_000_000))
        // The estimate lacks at most two milliseconds; nine tenths of what is missing never leads beyond the first instant.
        while self.local(at: instant) < local {
            let missing = local.nanoseconds - self.local(at: instant).nanoseconds
            instant = Tick(nanoseconds: instant.nanoseconds + max(1, missing - missing / 10))
        }
        return instant
    }
}
