// Owns a plain HTTP/1.1 client of the tests, which shows what a real connection carried.
import Foundation

/// An answer as it came.
struct Response {
    /// The status line.
    let line: String
    var status: Int
    /// Names in lower case.
    var fields: [(name: String, value: String)]
    var body: [UInt8] = []
    /// The fields behind a chunked body, as they came.
    var trailers: [String] = []

    var text: String { String(decoding: body, as: UTF8.self) }

    subscript(_ name: String) -> String? { fields.first { $0.name == name }?.value }

    /// Parses a head with its empty line.
    init(head: String) throws {
        var lines = head.components(separatedBy: "\r\n")
        line = lines.removeFirst()
        let start = line.split(separator: " ", maxSplits: 2)
        guard start.count >= 2, start[0].hasPrefix("HTTP/1."), let status = Int(start[1]) else {
            throw Failure("no status line: \(head.prefix(200))")
        }
        self.status = status
        fields = try lines.filter { !$0.isEmpty }.map { line in
            guard let colon = line.firstIndex(of: ":") else { throw Failure("no field: \(line)") }
            let value = line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces)
            return (line[..<colon].lowercased(), value)
        }
    }
}

extension Connection {
    /// Reads one answer with its body.
    ///
    /// - Parameter skipsInterim: passes over 1xx answers, but for 101.
    func receiveResponse(toHead: Bool = false, skipsInterim: Bool = true) throws -> Response {
        var response = try Response(head: receive(through: "\r\n\r\n"))
        while skipsInterim, (100..<200).contains(response.status), response.status != 101 {
            response = try Response(head: receive(through: "\r\n\r\n"))
        }
        if toHead || response.status < 200 || response.status == 204 || response.status == 304 { return response }
        if response["transfer-encoding"]?.lowercased() == "chunked" {
            (response.body, response.trailers) = try receiveChunks()
        } else if let length = response["content-length"] {
            response.body = try receive(exactly: Int(length).unwrapped("a length in \(length)"))
        } else {
            response.body = try receiveToEnd()
        }
        return response
    }

    /// Reads a chunked body, and the trailers behind it.
    func receiveChunks() throws -> (body: [UInt8], trailers: [String]) {
        var body: [UInt8] = []
        while true {
            let line = try receive(through: "\r\n").dropLast()
            let size = try Int(line.prefix { $0 != ";" }, radix: 16).unwrapped("a chunk's size in \(line)")
            if size == 0 {
                var trailers: [String] = []
                while true {
                    let line = try receive(through: "\r\n")
                    if line == "\r\n" { return (body, trailers) }
                    trailers.append(String(line.dropLast()))
                }
            }
            body += try receive(exactly: size)
            guard try receive(exactly: 2) == [13, 10] else { throw Failure("no line end after a chunk") }
        }
    }

    /// Sends a request without a body, and reads the answer.
    func get(_ path: String = "/", host: String = "shop.example.com", _ fields: String = "") throws -> Response {
        try send("GET \(path) HTTP/1.1\r\nHost: \(host)\r\n\(fields)\r\n")
        return try receiveResponse()
    }
}

extension Connection {
    /// The heads of interim answers, and the answer that they came before.
    func receiveWithInterim() throws -> (interim: [Response], final: Response) {
        var interim: [Response] = []
        while true {
            let response = try receiveResponse(skipsInterim: false)
            guard (100..<200).contains(response.status), response.status != 101 else { return (interim, response) }
            interim.append(response)
        }
    }
}

/// So many requests, each on a connection of its own: enough of them meet every worker.
func fresh(_ count: Int, _ port: UInt16) throws -> [Response] { try (0..<count).map { _ in try get(port) } }

/// One request on a connection of its own.
func get(_ port: UInt16, _ path: String = "/", _ fields: String = "") throws -> Response {
    try Connection(port).get(path, "Connection: close\r\n" + fields)
}
