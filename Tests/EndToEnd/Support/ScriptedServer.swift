// Owns backends that do what nginx does not: they run in the test's process, a thread a connection.
import Foundation
import Synchronization

/// A server whose connections are handled by a closure; an error in it ends the connection.
final class ScriptedServer: Sendable {
    let port: UInt16
    private let listener: Listener
    private let accepted = Shared(0)
    var address: String { "127.0.0.1:\(port)" }

    init(_ handle: @escaping @Sendable (Connection) throws -> Void) throws {
        let listener = try Listener()
        self.listener = listener
        port = listener.port
        let accepted = accepted
        Thread.detachNewThread {
            while let connection = listener.accept() {
                accepted.update { $0 += 1 }
                Thread.detachNewThread {
                    try? handle(connection)
                    connection.close()
                }
            }
        }
    }

    deinit { listener.stop() }

    /// How many connections came.
    var connectionCount: Int { accepted.value }

    /// Answers each request with a status and a text, after a delay.
    static func answering(
        _ body: String, status: Int = 200, after delay: Duration = .zero
    ) throws -> ScriptedServer {
        try ScriptedServer { connection in
            while true {
                _ = try connection.receive(through: "\r\n\r\n")
                if delay > .zero { Thread.sleep(forTimeInterval: delay / .seconds(1)) }
                try connection.send("HTTP/1.1 \(status) Scripted\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)")
            }
        }
    }
}

/// A value that threads of a test share.
final class Shared<Value: Sendable>: Sendable {
    private let storage: Mutex<Value>
    init(_ value: Value) { storage = Mutex(value) }
    var value: Value { storage.withLock { $0 } }
    func update(_ change: (inout Value) -> Void) { storage.withLock { change(&$0) } }
}

/// Runs work on a thread of its own, so that no thread of the test runner is held up.
final class Background<Value: Sendable>: Sendable {
    private let result = Shared<Result<Value, any Error>?>(nil)

    init(_ work: @escaping @Sendable () throws -> Value) {
        let result = result
        Thread.detachNewThread {
            let outcome = Result { try work() }
            result.update { $0 = outcome }
        }
    }

    var isDone: Bool { result.value != nil }

    /// Waits for the end of the work.
    func value(within limit: Duration = .seconds(60)) throws -> Value {
        try eventually("end of background work", within: limit) { isDone }
        return try result.value.unwrapped("a result").get()
    }
}
