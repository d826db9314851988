// Owns which report of a node is newer, whatever way each has come.
internal import Switching
internal import Topology

/// Takes no report that is older than the last one taken of the same member.
struct ReportOrder {
    /// A report that seems older by more than this is one of a machine that has started anew: its clock began again. None
    /// is on its way for so long.
    private static let horizon = Duration.seconds(10)

    private var newest: [LeaseHolder: Tick] = [:]

    /// - Returns: whether a report that the member made then is to be taken.
    mutating func takes(_ madeAt: Tick, of member: LeaseHolder) -> Bool {
        if let last = newest[member], madeAt < last, last.nanoseconds &- madeAt.nanoseconds < Self.horizonNanoseconds {
            return false
        }
        newest[member] = madeAt
        return true
    }

    mutating func forget(allBut members: [LeaseHolder]) { newest = newest.filter { members.contains($0.key) } }

    private static var horizonNanoseconds: Int64 { horizon.wholeNanoseconds }
}
