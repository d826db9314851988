// Owns what a test uses up: a folder of its own, free ports, and time.
import Foundation

/// A temporary folder that goes with the test.
final class Scratch {
    let path: String

    init() throws {
        path = FileManager.default.temporaryDirectory.appending(path: "meridian-\(UUID().uuidString.prefix(8))").path()
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// Writes a file.
    ///
    /// - Returns: its path.
    @discardableResult
    func write(_ name: String, _ text: String) throws -> String {
        let file = path + "/" + name
        try text.write(toFile: file, atomically: true, encoding: .utf8)
        return file
    }

    /// Makes a file of zeros that takes no room on the disk.
    func makeSparse(_ name: String, bytes: Int) throws -> String {
        let file = path + "/" + name
        _ = FileManager.default.createFile(atPath: file, contents: nil)
        let handle = try FileHandle(forWritingTo: URL(filePath: file))
        try handle.truncate(atOffset: UInt64(bytes))
        try handle.close()
        return file
    }

    /// A configuration that starts and serves nobody.
    func minimalConfiguration() throws -> (path: String, port: UInt16) {
        let ports = try freePorts(3)
        let file = try write(
            "minimal.yaml",
            """
            admin: { bind: "127.0.0.1:\(ports[0])" }
            datacenters: [ west ]
            services: [ { name: one, health_check: off, endpoints: [ "127.0.0.1:\(ports[1])" ] } ]
            listeners: [ { name: web, bind: "127.0.0.1:\(ports[2])", service: one } ]
            workers: 1

            """)
        return (file, ports[2])
    }
}

/// Ports of 127.0.0.1 that nobody listens on, all different; the system chooses them for nobody else as long as the test runs.
///
/// A socket that is bound and does not listen stands in nobody's way who asks for the very port with SO_REUSEADDR, as the
/// programs here do; connections to it are refused.
func freePorts(_ count: Int) throws -> [UInt16] {
    let fresh = try (0..<count).map { _ in try Listener(backlog: nil) }
    // More than any test uses: no two of them run at the same time.
    keptPorts.update { $0 = ($0 + fresh).suffix(200) }
    return fresh.map(\.port)
}

private let keptPorts = Shared<[Listener]>([])

/// Waits until a condition holds.
///
/// - Throws: `TimeRanOut` when it does not hold in time.
func eventually(
    _ what: String, within limit: Duration = .seconds(15), _ condition: () throws -> Bool
) throws {
    let deadline = ContinuousClock.now + limit
    while try !condition() {
        guard ContinuousClock.now < deadline else { throw TimeRanOut(what: what, limit: limit) }
        usleep(5_000)
    }
}

/// Waits until a number has stopped growing: it was the same for a while in which it could have been looked at often.
///
/// - Returns: the number.
@discardableResult
func settled(_ what: String, within limit: Duration = .seconds(15), _ value: () throws -> Int) throws -> Int {
    var last = try value()
    var same = 0
    try eventually("an end of the growth of \(what)", within: limit) {
        let now = try value()
        same = now == last ? same + 1 : 0
        last = now
        return same == 40
    }
    return last
}

struct TimeRanOut: Error, CustomStringConvertible {
    let what: String
    let limit: Duration
    var description: String { "still no \(what) after \(limit)" }
}
