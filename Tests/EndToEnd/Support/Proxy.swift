// Owns the proxy under test: its configuration, its process and its admin API.
import Foundation

/// A running `meridian`.
final class Proxy {
    let port: UInt16
    let adminPort: UInt16
    let process: ChildProcess
    private let scratch: Scratch
    /// Where the configuration is.
    let file: String

    /// Starts the proxy and waits until it is ready.
    ///
    /// - Parameters:
    ///   - configuration: the file without `admin`, with `$PORT` for the listener's port and `$FOLDER` for a folder of
    ///     the proxy's own.
    ///   - prefix: words before the command, such as those that lower a limit.
    init(
        _ inputOutput: InputOutput, _ configuration: String, workers: Int = 2, prefix: [String] = []
    ) throws {
        scratch = try Scratch()
        let ports = try freePorts(2)
        port = ports[0]
        adminPort = ports[1]
        file = scratch.path + "/meridian.yaml"
        try Self.write(configuration, to: file, port: port, adminPort: adminPort)
        process = try ChildProcess(
            prefix + [
                Binary.path, "run", "-c", file, "--io", inputOutput.rawValue, "--workers", "\(workers)",
            ], log: scratch.path + "/meridian.log")
        try eventually("readiness of the proxy") {
            guard process.isRunning else { throw Failure("meridian has ended: \(process.output)") }
            guard canConnect(adminPort) else { return false }
            return try admin("GET", "/readyz").status == 200
        }
    }

    private static func write(_ configuration: String, to file: String, port: UInt16, adminPort: UInt16) throws {
        let text = "admin: { bind: \"127.0.0.1:\(adminPort)\" }\n" + configuration + "\n"
        let folder = URL(filePath: file).deletingLastPathComponent().path()
        try text.replacing("$PORT", with: "\(port)").replacing("$FOLDER/", with: folder)
            .write(toFile: file, atomically: true, encoding: .utf8)
    }

    // MARK: Changing it

    /// Replaces the file and tells the process.
    func reload(_ configuration: String) throws {
        try Self.write(configuration, to: file, port: port, adminPort: adminPort)
        process.signal(SIGHUP)
    }

    /// Ends the process as an operator does.
    @discardableResult
    func stop(within limit: Duration = .seconds(20)) throws -> ChildProcess.Exit {
        process.signal(SIGTERM)
        return try process.waitForExit(within: limit)
    }

    // MARK: Asking it

    /// The lines of `$FOLDER/access.log`, once there are so many.
    func accessLog(_ count: Int) throws -> [String] {
        var lines: [String] = []
        try eventually("\(count) lines in the access log") {
            let text = (try? String(contentsOfFile: scratch.path + "/access.log", encoding: .utf8)) ?? ""
            lines = text.split(separator: "\n").map(String.init)
            return lines.count >= count && text.hasSuffix("\n")
        }
        return lines
    }

    /// A request to the admin API.
    func admin(_ method: String, _ path: String, _ body: String? = nil) throws -> Response {
        let connection = try Connection(adminPort)
        let content = body.map { "Content-Type: application/json\r\nContent-Length: \($0.utf8.count)\r\n" } ?? ""
        try connection.send(
            "\(method) \(path) HTTP/1.1\r\nHost: 127.0.0.1:\(adminPort)\r\nConnection: close\r\n\(content)\r\n\(body ?? "")"
        )
        return try connection.receiveResponse()
    }

    /// A command of the CLI about this proxy.
    func command(_ words: String...) throws -> (exit: ChildProcess.Exit, output: String) {
        try ChildProcess.run([Binary.path] + words + ["--admin", "http://127.0.0.1:\(adminPort)"])
    }

    func status() throws -> Status {
        try Status(Data(admin("GET", "/v1/status").body))
    }

    /// The state of an endpoint, such as `up`.
    func state(of address: String) throws -> String? {
        try status().endpoints.first { $0.address == address }?.state
    }

    /// A sample of `/metrics`; nil when there is none of this name.
    func metric(_ name: String) throws -> Double? {
        let lines = try admin("GET", "/metrics").text.split(separator: "\n").filter { !$0.hasPrefix("#") }
        let values = lines.filter { $0.hasPrefix(name + " ") || $0.hasPrefix(name + "{") }
            .compactMap { $0.split(separator: " ").last.flatMap { Double($0) } }
        return values.isEmpty ? nil : values.reduce(0, +)
    }
}

/// What `GET /v1/status` says, as far as tests look at it.
struct Status: Decodable {
    struct Endpoint: Decodable {
        let address: String
        let weight: Int
        let state: String
        let inFlight: Int
        let requests: Int
        let errors: Int
    }
    struct Datacenter: Decodable {
        let name: String
        let weight: Int
        let state: String
        let healthy: Double
        let endpoints: [Endpoint]
    }
    struct Service: Decodable {
        let name: String
        let policy: String
        let primary: String?
        let datacenters: [Datacenter]
    }
    let node: String
    let services: [Service]

    init(_ bytes: Data) throws {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        self = try decoder.decode(Status.self, from: bytes)
    }

    var endpoints: [Endpoint] { services.flatMap { $0.datacenters.flatMap(\.endpoints) } }
}

/// A configuration with one service, `shop`, behind one listener.
///
/// - Parameters:
///   - service: further keys of the service, separated by commas, with one after the last.
///   - places: endpoints by datacenter; further keys of a datacenter may precede `endpoints`.
func shop(_ service: String = "", _ places: KeyValuePairs<String, String>, more: String = "") -> String {
    let names = places.map { "{ name: \($0.key) }" }.joined(separator: ", ")
    let entries = places.map { "\($0.key): { \($0.value) }" }.joined(separator: ", ")
    let own = places.first?.key ?? ""
    return """
        node: { id: n1, datacenter: \(own) }
        datacenters: [ \(names) ]
        services:
          - { name: shop, \(service) datacenters: { \(entries) } }
        listeners:
          - { name: web, bind: "127.0.0.1:$PORT", service: shop }
        \(more)
        """
}

/// `endpoints: […]` of ports, each with a weight if one is given.
func endpoints(_ ports: [UInt16], weights: [Int] = []) -> String {
    let entries = ports.enumerated().map { index, port in
        "{ address: \"127.0.0.1:\(port)\", weight: \(index < weights.count ? weights[index] : 1) }"
    }
    return "endpoints: [ \(entries.joined(separator: ", ")) ]"
}
