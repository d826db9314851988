// Owns a network of a test's own, in which local ports can run out without harm to others.
import Foundation
import Glibc

/// A network with nothing but a loopback interface.
enum NetworkNamespace {
    /// Whether this process may make one.
    static let isAvailable = (try? run {}) != nil

    /// Runs work on a thread that has a network of its own. Sockets that are made and processes that are started there
    /// belong to it, whichever threads use them afterwards.
    static func run<Value: Sendable>(_ work: @escaping @Sendable () throws -> Value) throws -> Value {
        try Background {
            try leaveNetwork()
            let up = try ChildProcess.run(["ip", "link", "set", "lo", "up"])
            guard up.exit == .code(0) else { throw Failure("no loopback interface: \(up.output)") }
            return try work()
        }.value(within: .seconds(120))
    }

    /// Gives this thread a network of its own. Swift's Glibc does not import unshare(2), which is an extension.
    private static func leaveNetwork() throws {
        let newNetwork: Int32 = 0x4000_0000
        typealias Unshare = @convention(c) (Int32) -> Int32
        let symbol = try dlsym(nil, "unshare").unwrapped("unshare")
        // SAFETY: it is glibc's function of this very signature (unshare(2)).
        let unshare = unsafeBitCast(symbol, to: Unshare.self)
        guard unshare(newNetwork) == 0 else { throw SocketError.other(errno) }
    }

    /// Says which ports the kernel chooses from for connections that are made; only inside of `run`.
    static func setLocalPorts(_ range: ClosedRange<UInt16>) throws {
        let file = "/proc/sys/net/ipv4/ip_local_port_range"
        let set = try ChildProcess.run(["sh", "-c", "echo \(range.lowerBound) \(range.upperBound) > \(file)"])
        guard set.exit == .code(0) else { throw Failure("the local ports stay as they are: \(set.output)") }
    }
}
