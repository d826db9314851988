// Owns who may talk to the API at all: pages of other origins and names that are not this node's may not.
internal import HTTPTransport
internal import Proactor

/// Refuses what a browser could be tricked into sending: DNS rebinding by Host, cross-site requests by Origin.
struct RequestGuard: Sendable {
    private let hosts: Set<String>

    init(bound: SocketAddress, advertised: String?) {
        var hosts: Set<String> = [
            bound.description, "localhost:\(bound.port)", "127.0.0.1:\(bound.port)", "[::1]:\(bound.port)",
        ]
        if let authority = advertised?.split(separator: "/", omittingEmptySubsequences: true).dropFirst().first {
            hosts.insert(String(authority))
        }
        self.hosts = hosts
    }

    /// The answer that refuses the request; nil when it may pass.
    func refusal(_ request: HTTPRequest) -> HTTPResponse? {
        guard let host = request[field: "host"], hosts.contains(host.lowercased()) else {
            return .problem(421, "the Host field does not name this node")
        }
        if let origin = request[field: "origin"], origin != "http://\(host)" {
            return .problem(403, "requests from pages of other origins are refused")
        }
        return nil
    }
}
