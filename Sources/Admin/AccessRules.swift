// Owns who may use the API at all: requests for other hosts' names and from pages of other origins may not.
internal import HTTPTransport
internal import Proactor
internal import Settings
internal import Synchronization
internal import Topology

/// Refuses what a browser could be tricked into sending (DNS rebinding by `Host`, cross-site requests by `Origin`), and
/// requests without the token.
struct AccessRules: Sendable {
    private static let tokenLimit = 4_096

    /// In lower case.
    private let hosts: Set<String>
    private let token: [UInt8]?

    /// - Throws: when the token's file cannot be read or holds no token.
    init(_ settings: AdminSettings, bound: SocketAddress) throws(AdminError) {
        var names: Set<String> = ["localhost", "127.0.0.1", "[::1]"]
        let address = bound.description
        names.insert(bound.port == 0 ? address : String(address.dropLast(":\(bound.port)".utf8.count)))
        if case .host(let written, _) = settings.bind { names.insert(written.contains(":") ? "[\(written)]" : written) }
        // A Unix socket has no port, and clients leave the default one out.
        var hosts = Set(names.map { "\($0):\(bound.port)".lowercased() })
        if bound.port == 0 || bound.port == 80 { hosts.formUnion(names.map { $0.lowercased() }) }
        if let authority = settings.advertise?.split(separator: "/").dropFirst().first {
            hosts.insert(authority.lowercased())
        }
        self.hosts = hosts
        token = try settings.tokenFile.map(Self.readToken)
    }

    private static func readToken(_ path: String) throws(AdminError) -> [UInt8] {
        guard var token = SmallFile.bytes(of: path, limit: tokenLimit) else { throw .tokenFile(path, "cannot be read") }
        guard token.count <= tokenLimit else { throw .tokenFile(path, "is larger than \(tokenLimit) bytes") }
        while let last = token.last, last == 0x0A || last == 0x0D || last == 0x20 { token.removeLast() }
        guard !token.isEmpty, token.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw .tokenFile(path, "does not hold one line of printable characters without blanks")
        }
        return token
    }

    /// The statuses with which any request may be refused.
    static func refusals(needsToken: Bool) -> [Int] { (needsToken ? [401] : []) + [403, 421] }

    /// The answer that refuses the request; nil when it may pass.
    func refusal(_ request: HTTPRequest) -> HTTPResponse? {
        guard hosts.contains(request.authority.lowercased()) else {
            return .problem(421, "the Host field does not name this node")
        }
        if let origin = request[field: "origin"], origin.lowercased() != "http://\(request.authority.lowercased())" {
            return .problem(403, "requests from pages of other origins are refused")
        }
        guard let token, !Self.isSame(token, shown(by: request)) else { return nil }
        var response = HTTPResponse.problem(401, "the request must show the token of admin.token_file")
        response.fields.append(("WWW-Authenticate", "Bearer"))
        return response
    }

    /// The bearer token of a request (RFC 6750 section 2.1); empty without one.
    private func shown(by request: HTTPRequest) -> [UInt8] {
        guard let field = request[field: "authorization"], field.prefix(7).lowercased() == "bearer " else { return [] }
        return Array(field.utf8.dropFirst(7).drop { $0 == 0x20 })
    }

    /// Takes the same time for a near miss as for any other text.
    private static func isSame(_ token: [UInt8], _ shown: [UInt8]) -> Bool {
        var difference = token.count ^ shown.count
        for index in token.indices { difference |= Int(token[index] ^ (index < shown.count ? shown[index] : 0)) }
        return difference == 0
    }
}

/// The rules in force. Safe from every thread.
final class AccessGate: Sendable {
    private let rules: Mutex<AccessRules>
    init(_ rules: AccessRules) { self.rules = Mutex(rules) }
    func set(_ fresh: AccessRules) { rules.withLock { $0 = fresh } }
    func refusal(_ request: HTTPRequest) -> HTTPResponse? { rules.withLock { $0 }.refusal(request) }
}
