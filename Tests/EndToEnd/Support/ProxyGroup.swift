// Owns a group of proxies under test: their files, data directories and processes.
import Foundation

/// Proxies of one group on loopback, one in each datacenter, with one service `shop` that has a primary.
final class ProxyGroup {
    struct Node {
        let name: String
        let port: UInt16
        let adminPort: UInt16
        let peerPort: UInt16
        let file: String
        var process: ChildProcess
    }

    private let scratch: Scratch
    private(set) var nodes: [Node] = []
    private let inputOutput: InputOutput

    /// Starts the proxies `n1`, `n2`… in the datacenters `dc1`, `dc2`…
    ///
    /// - Parameters:
    ///   - backends: the port of each datacenter's only endpoint.
    ///   - failover: further keys of the section, separated by commas, with one after the last.
    ///   - timing: keys of the group.
    ///   - others: further services, a line each.
    init(
        _ inputOutput: InputOutput, backends: [UInt16], service: String = "health_check: off,", failover: String = "",
        consistency: String = "strict", timing: String = "election_timeout: 600ms, lease: 3s", others: [String] = []
    ) throws {
        scratch = try Scratch()
        self.inputOutput = inputOutput
        let count = backends.count
        let ports = try freePorts(3 * count)
        let members = (1...count).map {
            "{ id: n\($0), address: \"127.0.0.1:\(ports[$0 - 1])\", datacenter: dc\($0) }"
        }
        let places = (1...count).map { "dc\($0): { \(endpoints([backends[$0 - 1]])) }" }
        for number in 1...count {
            let (port, adminPort) = (ports[count + number - 1], ports[2 * count + number - 1])
            let file = try scratch.write(
                "n\(number).yaml",
                """
                node: { id: n\(number), datacenter: dc\(number), data_dir: "\(scratch.path)/data\(number)" }
                admin: { bind: "127.0.0.1:\(adminPort)" }
                cluster:
                  bind: 127.0.0.1:\(ports[number - 1])
                  \(timing.replacing(", ", with: "\n  "))
                  members: [ \(members.joined(separator: ", ")) ]
                datacenters: [ \((1...count).map { "{ name: dc\($0) }" }.joined(separator: ", ")) ]
                services:
                  - { name: shop, datacenter_policy: primary, failover: { \(failover) consistency: \(consistency) }, \(service)
                      datacenters: { \(places.joined(separator: ", ")) } }
                \(others.joined(separator: "\n"))
                listeners: [ { name: web, bind: "127.0.0.1:\(port)", service: shop } ]
                workers: 1
                """)
            nodes.append(
                Node(
                    name: "n\(number)", port: port, adminPort: adminPort, peerPort: ports[number - 1], file: file,
                    process: try Self.start(file, inputOutput, scratch.path + "/n\(number).log")))
        }
    }

    private static func start(_ file: String, _ inputOutput: InputOutput, _ log: String) throws -> ChildProcess {
        try ChildProcess([Binary.path, "run", "-c", file, "--io", inputOutput.rawValue], log: log)
    }

    // MARK: Steering it

    /// Ends a node without a word.
    func kill(_ index: Int, _ signal: Int32 = SIGKILL) throws {
        nodes[index].process.signal(signal)
        _ = try nodes[index].process.waitForExit(within: .seconds(10))
    }

    /// Starts a node again once the kernel has let go of its addresses: what io_uring held of a killed process goes a little
    /// later than the process.
    func restart(_ index: Int) throws {
        let node = nodes[index]
        try eventually("the addresses of \(node.name)") {
            [node.port, node.adminPort, node.peerPort].allSatisfy { (try? Listener($0)) != nil }
        }
        nodes[index].process = try Self.start(
            nodes[index].file, inputOutput, scratch.path + "/\(nodes[index].name)-again.log")
    }

    /// Takes the disk of a node that was killed: it starts as one that has never run.
    func wipe(_ index: Int) throws {
        try FileManager.default.removeItem(atPath: "\(scratch.path)/data\(index + 1)")
    }

    /// Changes something by a command at a node, until it is acknowledged: a busy machine or disk may cost the leader its
    /// place in between, and the command then says that nothing, or perhaps nothing, was changed.
    func change(_ index: Int, _ words: String...) throws {
        try eventually("the acknowledgement of \(words)") {
            let result = try ChildProcess.run(
                [Binary.path] + words + ["--admin", "http://127.0.0.1:\(nodes[index].adminPort)"])
            guard result.exit != .code(1) else { throw Failure("\(words): \(result.output)") }
            return result.exit == .code(0)
        }
    }

    /// A command of the CLI at a node.
    func command(_ index: Int, _ words: String...) throws -> (exit: ChildProcess.Exit, output: String) {
        try ChildProcess.run(
            [Binary.path] + words + ["--admin", "http://127.0.0.1:\(nodes[index].adminPort)"])
    }

    // MARK: Looking at it

    /// What `GET /v1/status` of a node says of the group.
    struct State: Decodable {
        struct Member: Decodable {
            let id: String
            let reachable: Bool
        }
        struct Endpoint: Decodable {
            let address: String
            let weight: Int
            let inFlight: Int
        }
        struct Datacenter: Decodable {
            let name: String
            let weight: Int
            let healthy: Double
            let endpoints: [Endpoint]
            let votes: [String: String]
        }
        struct Service: Decodable {
            let name: String
            let primary: String?
            let epoch: Int?
            let configDrift: Bool
            let datacenters: [Datacenter]
        }
        let index: Int
        let quorum: Bool
        let leader: String?
        let members: [Member]
        let services: [Service]

        init(_ response: Response) throws {
            let decoder = JSONDecoder()
            decoder.keyDecodingStrategy = .convertFromSnakeCase
            self = try decoder.decode(State.self, from: Data(response.body))
        }

        var primary: String? { services.first?.primary }
        func healthy(of datacenter: String) -> Double? {
            services.first?.datacenters.first { $0.name == datacenter }?.healthy
        }
        func inFlight(at datacenter: String) -> Int? {
            services.first?.datacenters.first { $0.name == datacenter }?.endpoints.reduce(0) { $0 + $1.inFlight }
        }
        /// The votes on a datacenter, by the name of who votes.
        func votes(on datacenter: String) -> [String]? {
            services.first?.datacenters.first { $0.name == datacenter }?.votes.sorted { $0.key < $1.key }.map(\.value)
        }
        func weight(of datacenter: String) -> Int? {
            services.first?.datacenters.first { $0.name == datacenter }?.weight
        }
    }

    /// One request to a node's admin API: method and path, and a body.
    func ask(_ index: Int, _ line: String, _ body: String = "") throws -> Response {
        let connection = try Connection(nodes[index].adminPort)
        try connection.send(
            "\(line) HTTP/1.1\r\nHost: 127.0.0.1:\(nodes[index].adminPort)\r\nConnection: close\r\n"
                + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)")
        return try connection.receiveResponse()
    }

    /// The state as a node sees it; nil while it does not answer.
    func state(_ index: Int) throws -> State? {
        guard canConnect(nodes[index].adminPort) else { return nil }
        do {
            let connection = try Connection(nodes[index].adminPort)
            try connection.send(
                "GET /v1/status HTTP/1.1\r\nHost: 127.0.0.1:\(nodes[index].adminPort)\r\nConnection: close\r\n\r\n")
            let response = try connection.receiveResponse()
            guard response.status == 200 else { return nil }
            return try State(response)
        } catch SocketError.reset, SocketError.refused {
            // The kernel lets go of a killed process's io_uring, and with it of its listening sockets, a little later.
            return nil
        }
    }

    /// Waits until these nodes see the same leader, and know the service's primary.
    ///
    /// - Returns: the index of the leader.
    @discardableResult
    func awaitLeader(seenBy indexes: [Int]) throws -> Int {
        var leader = -1
        try eventually("one leader that \(indexes) see") {
            let states = try indexes.compactMap { try state($0) }
            guard states.count == indexes.count, states.allSatisfy({ $0.quorum && $0.primary != nil }) else {
                return false
            }
            guard Set(states.map(\.leader)).count == 1, let name = states[0].leader,
                let found = nodes.firstIndex(where: { $0.name == name }), indexes.contains(found)
            else { return false }
            leader = found
            return true
        }
        return leader
    }

    /// Waits until a condition holds at these nodes.
    func eventuallyAll(_ indexes: [Int], _ what: String, _ condition: (State) -> Bool) throws {
        for index in indexes {
            try eventually("\(what) at \(nodes[index].name)") { try state(index).map(condition) ?? false }
        }
    }
}
