// Owns what the catalog remembers about its changes.
public import Topology

/// One past change, for `meridian events`.
public struct CatalogEvent: Hashable, Sendable {
    /// What changed.
    public enum Kind: Hashable, Sendable {
        case serviceRegistered(ServiceName)
        case serviceRetired(ServiceName)
        /// The weight override before and after; nil: the weight of the settings.
        case weightChanged(OverrideTarget, from: Int?, to: Int?)
        case stateChanged(OverrideTarget, to: OperatingState)
        /// Proxies stop writing towards `from`, the primary; once all have, `to` becomes it.
        case switchBegan(ServiceName, from: DatacenterName, to: DatacenterName, epoch: Epoch, cause: PrimaryCause)
        /// Traffic goes to `to` now. Equal to `from` when a switch was taken back.
        case primaryChanged(ServiceName, from: DatacenterName?, to: DatacenterName, epoch: Epoch, cause: PrimaryCause)
        case overrideExpired(OverrideTarget, OverrideSetting.Kind)
        case frozen(Bool)
        case memberDescribed(NodeID)
        case memberForgotten(NodeID)
        case leaseChanged(from: Duration, to: Duration)
    }

    /// Where in the log it happened; several events may share an index.
    public var index: UInt64
    public var time: UnixTime
    public var author: String
    public var reason: String
    public var kind: Kind
}
