// Owns backends that follow a script to the byte, and remember what they were sent and how each connection ended.
import Foundation
import Synchronization

/// A request as a backend got it.
struct ReceivedRequest: Sendable {
    /// The number of its connection, from 1.
    let connection: Int
    let head: String
    var body: [UInt8] = []
    var trailers: [String] = []

    var method: Substring { head.prefix { $0 != " " } }
    var target: Substring { head.dropFirst(method.count + 1).prefix { $0 != " " } }

    /// The value of a field; nil when there is none.
    subscript(_ name: String) -> String? { values(of: name).first }

    /// The values of all fields of a name.
    func values(of name: String) -> [String] {
        let mark = name.lowercased() + ":"
        return head.components(separatedBy: "\r\n").dropFirst().filter { $0.lowercased().hasPrefix(mark) }
            .map { $0.dropFirst(mark.count).trimmingCharacters(in: .whitespaces) }
    }
}

/// A server that runs a script for each connection; when the script ends, or fails, the connection is closed.
final class RawBackend: Sendable {
    let port: UInt16
    private let listener: Listener
    fileprivate let record: Shared<Record>
    var address: String { "127.0.0.1:\(port)" }

    fileprivate struct Record: Sendable {
        var connections = 0
        var requests: [ReceivedRequest] = []
        var endings: [Ending] = []
        /// The numbers of the connections that they are of.
        var ended: Set<Int> = []
    }

    /// - Parameter receiveBuffer: the size of the kernel's buffer of each connection, for backends that read slowly.
    init(receiveBuffer: Int32? = nil, _ script: @escaping @Sendable (Visit) throws -> Void) throws {
        let listener = try Listener(receiveBuffer: receiveBuffer)
        self.listener = listener
        port = listener.port
        let record = Shared(Record())
        self.record = record
        Thread.detachNewThread {
            var number = 0
            while let connection = listener.accept() {
                number += 1
                record.update { $0.connections = number }
                let visit = Visit(connection, number: number, record)
                Thread.detachNewThread {
                    do { try script(visit) } catch SocketError.reset {
                        record.update { $0.endings.append(.reset) }
                    } catch {}
                    connection.close()
                }
            }
        }
    }

    deinit { listener.stop() }

    /// How many connections came.
    var connectionCount: Int { record.value.connections }
    /// All requests whose heads came, with as much of their bodies as a script has read.
    var requests: [ReceivedRequest] { record.value.requests }
    /// How the proxy ended connections, as far as scripts have waited for it.
    var endings: [Ending] { record.value.endings }
}

/// One connection to a backend.
final class Visit: Sendable {
    let connection: Connection
    let number: Int
    private let record: Shared<RawBackend.Record>

    fileprivate init(_ connection: Connection, number: Int, _ record: Shared<RawBackend.Record>) {
        self.connection = connection
        self.number = number
        self.record = record
    }

    /// What came over this connection.
    var requests: [ReceivedRequest] { record.value.requests.filter { $0.connection == number } }

    /// Reads a head, and nothing behind it.
    ///
    /// - Returns: nil when the proxy has ended the connection before it.
    func head() throws -> ReceivedRequest? {
        connection.setTimeout(.seconds(120))
        let first: [UInt8]
        do { first = try connection.receive() } catch SocketError.reset {
            note(.reset)
            return nil
        }
        connection.setTimeout(.seconds(20))
        if first.isEmpty {
            note(.orderly)
            return nil
        }
        connection.unread(first)
        let request = ReceivedRequest(connection: number, head: try connection.receive(through: "\r\n\r\n"))
        record.update { $0.requests.append(request) }
        return request
    }

    /// Reads a request with its body.
    func request() throws -> ReceivedRequest? {
        guard var request = try head() else { return nil }
        try receiveBody(of: &request)
        return request
    }

    /// Reads the body of a request whose head was read.
    func receiveBody(of request: inout ReceivedRequest) throws {
        if request["transfer-encoding"]?.lowercased() == "chunked" {
            (request.body, request.trailers) = try connection.receiveChunks()
        } else if let length = request["content-length"] {
            request.body = try connection.receive(exactly: Int(length).unwrapped("a length in \(length)"))
        }
        let whole = request
        record.update { record in
            guard let index = record.requests.lastIndex(where: { $0.connection == whole.connection }) else { return }
            record.requests[index] = whole
        }
    }

    func send(_ text: String) throws { try connection.send(text) }

    /// Answers with a length.
    func answer(_ text: String, status: String = "200 OK", _ fields: String = "") throws {
        try send("HTTP/1.1 \(status)\r\n\(fields)Content-Length: \(text.utf8.count)\r\n\r\n\(text)")
    }

    /// Waits until the proxy has ended the connection.
    @discardableResult
    func awaitEnd() throws -> Ending {
        connection.setTimeout(.seconds(120))
        let ending = try connection.awaitEnd()
        note(ending)
        return ending
    }

    /// A connection ends once, however often it is read after that.
    private func note(_ ending: Ending) {
        record.update { record in
            if record.ended.insert(number).inserted { record.endings.append(ending) }
        }
    }
}

/// A place where scripts wait until the test lets them go on.
final class Gate: Sendable {
    private let isOpen = Shared(false)

    func open() { isOpen.update { $0 = true } }

    /// Waits; a test that has failed opens it for nobody, so this ends by itself.
    func wait(within limit: Duration = .seconds(60)) throws {
        try eventually("an open gate", within: limit) { isOpen.value }
    }
}
