// Owns which of a node's reports is newer, whichever way each came.
internal import Switching
internal import Topology

/// Takes no report that is older than the last one taken of the same member.
struct ReportOrder {
    /// A report that seems older by more than this comes from a machine that was restarted, so that its clock began
    /// again. No report is on its way for that long.
    private static let horizon = Duration.seconds(10)

    private var newest: [LeaseHolder: Tick] = [:]

    /// - Returns: whether to take a report that the member made at that time.
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
