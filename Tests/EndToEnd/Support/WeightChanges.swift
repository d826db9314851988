// Owns many changes of weights, each of another endpoint: so every one that was acknowledged can be looked for at the end.
import Foundation
import Synchronization

/// Operators that give each endpoint of some services one new weight, whatever happens to the nodes meanwhile.
///
/// A change that was not acknowledged is asked for again, at another node and under the same key, so that none counts twice.
final class WeightChanges: Sendable {
    /// Endpoints of a service and datacenter: few, since every answer shows the whole service.
    private static let endpoints = 9
    private static let datacenters = ["dc1", "dc2", "dc3"]

    struct Change: Sendable {
        let service: String
        let datacenter: String
        let address: String
        let weight: Int
        var path: String { "/v1/services/\(service)/datacenters/\(datacenter)/endpoints/\(address)/weight" }
    }

    private struct State {
        var next = 0
        var acknowledged: [Change] = []
        var failure: String?
        /// The last answer that was none.
        var trouble = ""
        var isEnded = false
    }

    let changes: [Change]
    private let ports: [UInt16]
    private let state = Mutex(State())

    /// Plans so many changes at the nodes with these admin ports.
    init(_ count: Int, ports: [UInt16], seed: UInt64) {
        self.ports = ports
        var random = SplitMix(seed: seed)
        changes = (0..<count).map { number in
            let place = number / Self.endpoints
            return Change(
                service: "s\(place / 3)", datacenter: Self.datacenters[place % 3],
                // Nobody listens there, and nobody asks.
                address: "127.0.0.1:\(1 + number % Self.endpoints)", weight: Int.random(in: 2...256, using: &random))
        }
    }

    /// What the services of so many changes are in the settings.
    static func services(for count: Int) -> [String] {
        let list = (1...endpoints).map { "\"127.0.0.1:\($0)\"" }.joined(separator: ", ")
        let places = datacenters.map { "\($0): { endpoints: [ \(list) ] }" }.joined(separator: ", ")
        let services = (count + 3 * endpoints - 1) / (3 * endpoints)
        return (0..<services).map { "  - { name: s\($0), health_check: off, datacenters: { \(places) } }" }
    }

    /// Begins, with so many operators at a time.
    func begin(operators: Int) {
        for number in 0..<operators { Thread.detachNewThread { [self] in run(SplitMix(seed: UInt64(number))) } }
    }

    func end() { state.withLock { $0.isEnded = true } }

    /// Waits until so many were acknowledged.
    func await(_ count: Int) throws {
        do {
            try eventually("\(count) acknowledged changes", within: .seconds(30)) { try acknowledged() >= count }
        } catch let error as TimeRanOut {
            throw Failure("\(error); the last trouble: \(state.withLock(\.trouble))")
        }
    }

    /// How many were acknowledged.
    ///
    /// - Throws: when one was refused for good.
    func acknowledged() throws -> Int {
        try state.withLock { state in
            if let failure = state.failure { throw Failure(failure) }
            return state.acknowledged.count
        }
    }

    /// The acknowledged changes that a node does not show.
    func missing(in shown: ProxyGroup.State) -> [Change] {
        var weights: [String: Int] = [:]
        for service in shown.services {
            for datacenter in service.datacenters {
                for endpoint in datacenter.endpoints {
                    weights["\(service.name) \(datacenter.name) \(endpoint.address)"] = endpoint.weight
                }
            }
        }
        return state.withLock(\.acknowledged).filter {
            weights["\($0.service) \($0.datacenter) \($0.address)"] != $0.weight
        }
    }

    // MARK: An operator

    private func run(_ start: SplitMix) {
        var random = start
        while let number = take() {
            let change = changes[number]
            var node = Int.random(in: ports.indices, using: &random)
            var connection: Connection?
            while !state.withLock({ $0.isEnded || $0.failure != nil }) {
                let status = ask(change, key: "change-\(number)", of: ports[node], over: &connection)
                if status == 200 {
                    state.withLock { $0.acknowledged.append(change) }
                    break
                }
                let trouble = "\(change.path) at \(ports[node]): \(status.map { "\($0)" } ?? "no answer")"
                state.withLock { state in
                    state.trouble = trouble
                    // Else nobody leads, or nobody knows; or the node is dead.
                    if let status, status != 503, status != 504 { state.failure = trouble }
                }
                connection = nil
                node = (node + 1) % ports.count
                usleep(2_000)
            }
        }
    }

    private func take() -> Int? {
        state.withLock { state in
            guard state.next < changes.count, !state.isEnded else { return nil }
            defer { state.next += 1 }
            return state.next
        }
    }

    /// - Returns: the answer's status; nil when none came.
    private func ask(_ change: Change, key: String, of port: UInt16, over connection: inout Connection?) -> Int? {
        do {
            let open = try connection ?? Connection(port, timeout: .seconds(6))
            connection = open
            let body = "{\"weight\":\(change.weight),\"reason\":\"test\"}"
            try open.send(
                "PUT \(change.path) HTTP/1.1\r\nHost: 127.0.0.1:\(port)\r\nContent-Type: application/json\r\n"
                    + "Idempotency-Key: \(key)\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)")
            return try open.receiveResponse().status
        } catch { return nil }
    }
}
