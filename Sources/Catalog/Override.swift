// Owns what an operator's override is, and the sorted list that a service keeps of them.

/// What an override sets.
public enum OverrideSetting: Hashable, Sendable {
    case weight(Int)
    case draining

    /// A target has at most one override of each kind.
    public enum Kind: String, CaseIterable, Comparable, Sendable {
        case weight, state
        public static func < (left: Kind, right: Kind) -> Bool { left == .weight && right == .state }
    }

    public var kind: Kind {
        switch self {
        case .weight: .weight
        case .draining: .state
        }
    }
}

/// A replicated change by an operator over what the settings say.
public struct Override: Hashable, Sendable {
    public var target: OverrideTarget
    public var setting: OverrideSetting
    public var author: String
    public var reason: String
    public var since: UnixTime
    /// nil: until someone resets it.
    public var until: UnixTime?
    /// Where in the log it was set.
    public var index: UInt64
}

/// The overrides of one service, by target and kind; a sorted array, so that its order is the same on every node.
public struct OverrideList: Hashable, Sendable {
    /// All of them, by target.
    public private(set) var all: [Override] = []

    init() {}

    /// The weight that an override sets, or else `base`, the weight of the settings. O(log n).
    ///
    /// The settings of the asking node are the layer below, so it passes its own `base`.
    public func weight(of target: OverrideTarget, otherwise base: Int) -> Int {
        if case .weight(let weight)? = self[target, .weight]?.setting { return weight }
        return base
    }

    /// Whether the target itself is drained; the state of an endpoint's datacenter does not count. O(log n).
    public func state(of target: OverrideTarget) -> OperatingState {
        self[target, .state] == nil ? .active : .draining
    }

    /// The override of this kind on `target`. O(log n).
    subscript(target: OverrideTarget, kind: OverrideSetting.Kind) -> Override? {
        let position = position(of: target, kind)
        return isAt(position, target, kind) ? all[position] : nil
    }

    mutating func set(_ override: Override) {
        let position = position(of: override.target, override.setting.kind)
        if isAt(position, override.target, override.setting.kind) {
            all[position] = override
        } else {
            all.insert(override, at: position)
        }
    }

    /// Removes one and returns it; nil if there was none.
    mutating func remove(_ target: OverrideTarget, _ kind: OverrideSetting.Kind) -> Override? {
        let position = position(of: target, kind)
        return isAt(position, target, kind) ? all.remove(at: position) : nil
    }

    private func isAt(_ position: Int, _ target: OverrideTarget, _ kind: OverrideSetting.Kind) -> Bool {
        position < all.count && all[position].target == target && all[position].setting.kind == kind
    }

    /// Where the override is, or would be inserted.
    private func position(of target: OverrideTarget, _ kind: OverrideSetting.Kind) -> Int {
        var low = 0
        var high = all.count
        while low < high {
            let middle = low + (high - low) / 2
            let candidate = all[middle]
            let isBefore =
                candidate.target == target ? candidate.setting.kind < kind : candidate.target < target
            if isBefore { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
