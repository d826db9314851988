// Owns the lines with which each node logs changes that the group agreed on.
internal import Catalog
internal import Logging
internal import Topology

extension CatalogEvent {
    /// The line for this change.
    ///
    /// - Parameter now: by the wall clock. A node that was away logs old changes, and says how old they are.
    func logLine(now: UnixTime) -> LogLine {
        var line = LogLine(kind.logLevel, kind.logMessage, kind.logMetadata)
        line.metadata["index"] = "\(index)"
        line.metadata["author"] = author
        if !reason.isEmpty { line.metadata["reason"] = reason }
        let late = now - time
        if late >= .seconds(10) { line.metadata["ago"] = "\(late.components.seconds) s" }
        return line
    }
}

extension CatalogEvent.Kind {
    var logSubject: LogSubject {
        switch self {
        case .switchBegan, .primaryChanged, .frozen, .leaseChanged: .decisions
        case .serviceRegistered, .serviceRetired, .weightChanged, .stateChanged, .overrideExpired, .memberDescribed,
            .memberForgotten:
            .changes
        }
    }

    var logLevel: Logger.Level {
        switch self {
        case .switchBegan, .primaryChanged, .frozen, .stateChanged: .notice
        // A group that was just formed decides on the length that it was formed with: no news.
        case .leaseChanged(let from, let to): from == to ? .info : .notice
        case .overrideExpired(_, .state): .notice
        case .serviceRegistered, .serviceRetired, .weightChanged, .overrideExpired: .info
        // Every node does this at each start, and departures are logged with the members.
        case .memberDescribed, .memberForgotten: .debug
        }
    }

    fileprivate var logMessage: String {
        switch self {
        case .serviceRegistered: "a service was registered"
        case .serviceRetired: "a service left the settings"
        case .weightChanged: "a weight was changed"
        case .stateChanged(_, .draining): "draining"
        case .stateChanged(_, .active): "no longer draining"
        case .switchBegan: "the primary begins to move"
        case .primaryChanged(_, let from, let to, _, _): from == to ? "the primary stays" : "the primary moved"
        case .overrideExpired: "an override expired"
        case .frozen(true): "automatic moves of primaries are frozen"
        case .frozen(false): "automatic moves of primaries are allowed again"
        case .memberDescribed: "a member said what it is"
        case .memberForgotten: "what a member said was forgotten"
        case .leaseChanged(let from, let to): from == to ? "leases have a length" : "leases have another length"
        }
    }

    fileprivate var logMetadata: [String: String?] {
        switch self {
        case .serviceRegistered(let service), .serviceRetired(let service): ["service": service.text]
        case .weightChanged(let target, let from, let to):
            target.logMetadata.merging(["from": Self.weight(from), "to": Self.weight(to)]) { $1 }
        case .stateChanged(let target, _): target.logMetadata
        case .switchBegan(let service, let from, let to, let epoch, let cause):
            Self.move(service, from, to, epoch, cause)
        case .primaryChanged(let service, let from, let to, let epoch, let cause):
            Self.move(service, from, to, epoch, cause)
        case .overrideExpired(let target, let kind):
            target.logMetadata.merging(["override": kind.rawValue]) { $1 }
        case .frozen: [:]
        case .memberDescribed(let id), .memberForgotten(let id): ["member": id.text]
        case .leaseChanged(let from, let to): ["from": "\(from)", "to": "\(to)"]
        }
    }

    private static func move(
        _ service: ServiceName, _ from: DatacenterName?, _ to: DatacenterName, _ epoch: Epoch, _ cause: PrimaryCause
    ) -> [String: String?] {
        [
            "service": service.text, "from": from?.text, "to": to.text, "epoch": "\(epoch.count)",
            "cause": cause.logWord,
        ]
    }

    private static func weight(_ weight: Int?) -> String { weight.map(String.init) ?? "settings" }
}

extension PrimaryCause {
    /// As values of metadata are written.
    fileprivate var logWord: String {
        switch self {
        case .registration: "registration"
        case .removedFromSettings: "removed from the settings"
        case .operatorRequest: "operator"
        case .automatic: "failover"
        case .failback: "failback"
        }
    }
}

extension OverrideTarget {
    fileprivate var logMetadata: [String: String?] {
        ["service": service.text, "datacenter": datacenter.text, "endpoint": endpoint?.description]
    }
}
