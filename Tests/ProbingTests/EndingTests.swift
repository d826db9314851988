// Owns how checks leave a backend: it sees a client that goes in the ordinary way, never a reset.
import Health
import Proactor
import Testing
import Topology

@testable import Probing

@Suite struct EndingTests {
    private static let head = "HTTP/1.1 200 OK\r\nContent-Length: 500000\r\n\r\n"

    /// What comes after the verdict, and the text that the check looks for.
    @Test(arguments: [(1 << 10, ""), (300_000, ""), (300_000, "begins"), (300_000, "is not there")])
    func bodiesAreReadToTheirEnd(_ half: Int, _ text: String) throws {
        let place = try Place()
        let server = try ScriptedServer(place.loop, answers: [Self.head + "begins"])
        server.holds = true
        var check = HTTPCheck()
        check.bodyContains = text.isEmpty ? nil : text
        let probe = HTTPProbe(place.loop, check, of: .host("h", port: 1), timeout: .seconds(5))
        var outcomes: [ProbeOutcome] = []
        probe.start(server.address) { outcome, _ in outcomes.append(outcome) }
        let waits = text == "is not there"
        place.turn { waits ? !server.received.isEmpty : outcomes == [.verdict(.success)] }
        for _ in 0..<20 { place.loop.turn(limit: .zero) }
        #expect(server.openConnections == 1)
        server.finish(String(repeating: "x", count: half))
        place.turn { server.openConnections == 0 }
        #expect(server.failures.isEmpty && server.ends == 1)
        #expect(outcomes == [waits ? .verdict(.failure(.bodyMismatch)) : .verdict(.success)])
    }

    /// A backend that is slow to say all gets as long again.
    @Test func aSlowBodyIsNoReasonForAReset() throws {
        let place = try Place()
        let server = try ScriptedServer(place.loop, answers: [Self.head])
        server.holds = true
        var check = HTTPCheck()
        check.bodyContains = "text"
        let probe = HTTPProbe(place.loop, check, of: .host("h", port: 1), timeout: .milliseconds(200))
        #expect(place.run(probe, server.address).outcome == .verdict(.failure(.timedOut)))
        #expect(server.openConnections == 1)
        server.finish("too late")
        place.turn { server.openConnections == 0 }
        #expect(server.failures.isEmpty && server.ends == 1)
    }

    /// One that keeps the connection, whatever it was asked for, is left after a while.
    @Test func aConnectionThatIsKeptIsClosed() throws {
        let place = try Place()
        let server = try ScriptedServer(place.loop, answers: ["HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"])
        server.holds = true
        let probe = HTTPProbe(place.loop, HTTPCheck(), of: .host("h", port: 1), timeout: .milliseconds(50))
        #expect(place.run(probe, server.address).outcome == .verdict(.success))
        place.turn { server.ends == 1 }
        server.finish("")
        place.turn { server.openConnections == 0 }
        #expect(server.failures.isEmpty)
    }

    /// A reload ends the checks of a service that is gone.
    @Test(arguments: ["", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx"])
    func aCheckThatIsCancelledEndsInOrder(_ answer: String) throws {
        let place = try Place()
        let server = try ScriptedServer(place.loop, answers: [answer])
        server.holds = true
        var check = HTTPCheck()
        check.bodyContains = "text"
        let probe = HTTPProbe(place.loop, check, of: .host("h", port: 1), timeout: .seconds(5))
        var outcomes = 0
        probe.start(server.address) { _, _ in outcomes += 1 }
        place.turn { !server.received.isEmpty }
        probe.cancel()
        for _ in 0..<20 { place.loop.turn(limit: .zero) }
        server.finish("and the rest")
        place.turn { server.openConnections == 0 }
        #expect(server.failures.isEmpty && server.ends == 1)
        #expect(outcomes == 0)
    }
}
