// Owns the words for why requests were held in vain: in the access log, and to the client.
internal import Switching

extension HoldReason {
    /// The reason in the access log. A lease that is missing is an event of its own: the group is out of reach.
    var logWord: StaticString {
        switch self {
        case .noLease: "no_lease"
        case .unregistered, .switching, .draining, .noUsableEndpoint: "held_too_long"
        }
    }

    /// What the body of the 503 says, so that who sees it knows where to look.
    var detail: StaticString {
        switch self {
        case .unregistered: "this proxy has not heard of the service from its group"
        case .switching, .draining: "the primary is being moved"
        case .noLease: "this proxy has no lease from its group to serve this"
        case .noUsableEndpoint: "the primary has no usable endpoint"
        }
    }
}
