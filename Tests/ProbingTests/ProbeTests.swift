// Owns single checks: what each kind of answer, silence or failure comes to.
import HTTPTransport
import Health
import Proactor
import Testing
import Topology

@testable import Probing

@Suite struct ProbeTests {
    /// What a server answers, and what a check makes of it.
    struct Case: Sendable, CustomTestStringConvertible {
        let testDescription: String
        var answer: [String]
        var check = HTTPCheck()
        let outcome: CheckResult

        init(_ name: String, _ answer: [String], _ outcome: CheckResult, _ adapt: (inout HTTPCheck) -> Void = { _ in })
        {
            testDescription = name
            self.answer = answer
            self.outcome = outcome
            adapt(&check)
        }
    }

    private static func ok(_ body: String) -> String {
        "HTTP/1.1 200 OK\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
    }
    private static func wants(_ text: String) -> (inout HTTPCheck) -> Void { { $0.bodyContains = text } }
    private static let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

    static let cases = [
        Case("an expected status", [ok("")], .success),
        Case("a redirect is expected by default", ["HTTP/1.1 302 Found\r\n\r\n"], .success),
        Case("an error", ["HTTP/1.1 503 Service Unavailable\r\n\r\n"], .failure(.status(503))),
        Case("a status outside of the ranges", [ok("")], .failure(.status(200))) {
            $0.expectedStatuses = [204...204, 500...599]
        },
        Case("a status in the second range", ["HTTP/1.1 503 No\r\n\r\n"], .success) {
            $0.expectedStatuses = [204...204, 500...599]
        },
        Case("an interim answer is skipped", ["HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n", ok("")], .success),
        Case("bare line feeds of an old server", ["HTTP/1.0 200 OK\nServer: old\n\n"], .success),
        Case("the text is there", [ok("all is well")], .success, wants("is well")),
        Case("the text is not there", [ok("all is bad")], .failure(.bodyMismatch), wants("is well")),
        Case(
            "the text comes in two pieces", ["HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nall is", " well"], .success,
            wants("is well")),
        Case(
            "the text is split by a chunk", [chunked, "6\r\nall is\r\n", "5\r\n well\r\n0\r\n\r\n"], .success,
            wants("is well")),
        Case("a chunk's size is no text", [chunked, "6\r\nall is\r\n0\r\n\r\n"], .failure(.bodyMismatch), wants("6")),
        Case("the text up to the close", ["HTTP/1.1 200 OK\r\n\r\n", "so well"], .success, wants("so well")),
        Case(
            "the text lies behind 64 KiB", [ok(String(repeating: "x", count: 64 << 10) + "well")],
            .failure(.bodyMismatch), wants("well")),
        Case(
            "the text ends at 64 KiB", [ok(String(repeating: "x", count: (64 << 10) - 4) + "well" + "x")], .success,
            wants("well")),
        Case("closed without a word", [], .failure(.closed)),
        Case("closed in the head", ["HTTP/1.1 200 O"], .failure(.closed)),
        Case("closed in the body", ["HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx"], .failure(.closed), wants("well")),
        Case("another protocol", ["220 smtp.example ESMTP hello\r\n"], .failure(.malformed)),
    ]

    @Test(arguments: cases)
    func answersAreJudged(_ test: Case) throws {
        let place = try Place()
        let server = try ScriptedServer(place.loop, answers: test.answer)
        let probe = HTTPProbe(place.loop, test.check, of: .host("127.0.0.1", port: 80), timeout: .seconds(5))
        let result = place.run(probe, server.address)
        #expect(result.outcome == .verdict(test.outcome))
        #expect((result.connectTime ?? .zero) > .zero)
        place.turn { server.openConnections == 0 }
        #expect(server.failures.isEmpty && server.ends == 1)
    }

    @Test func theRequestIsWhatThePolicySays() throws {
        let place = try Place()
        let server = try ScriptedServer(place.loop, answers: [Self.ok("")])
        var check = HTTPCheck()
        check.method = "HEAD"
        check.path = "/health?deep=1"
        check.host = "shop.example"
        _ = place.run(HTTPProbe(place.loop, check, of: .host("h", port: 1), timeout: .seconds(5)), server.address)
        #expect(server.received.hasPrefix("HEAD /health?deep=1 HTTP/1.1\r\nHost: shop.example\r\n"))
        #expect(server.received.contains("Connection: close\r\n"))
        check.host = nil
        _ = place.run(HTTPProbe(place.loop, check, of: .host("::1", port: 81), timeout: .seconds(5)), server.address)
        #expect(server.received.contains("Host: [::1]:81\r\n"))
    }

    @Test(arguments: [false, true])
    func refusedConnects(_ isHTTP: Bool) throws {
        let place = try Place()
        let address = try place.deadAddress()
        let probe: any Probe =
            isHTTP
            ? HTTPProbe(place.loop, HTTPCheck(), of: .host("h", port: 1), timeout: .seconds(5))
            : TCPProbe(place.loop, timeout: .seconds(5))
        let result = place.run(probe, address)
        #expect(result.outcome == .verdict(.failure(.connectRefused)))
        #expect(result.connectTime == nil)
    }

    @Test func silenceTimesOut() throws {
        let place = try Place()
        let server = try ScriptedServer(place.loop, answers: nil)
        let probe = HTTPProbe(place.loop, HTTPCheck(), of: .host("h", port: 1), timeout: .milliseconds(20))
        #expect(place.run(probe, server.address).outcome == .verdict(.failure(.timedOut)))
    }

    @Test func aConnectIsEnoughForTCPAndEndsWithAReset() throws {
        let place = try Place()
        let server = try ScriptedServer(place.loop, answers: nil)
        let result = place.run(TCPProbe(place.loop, timeout: .seconds(5)), server.address)
        #expect(result.outcome == .verdict(.success))
        #expect((result.connectTime ?? .zero) > .zero)
        place.turn { server.failures == [.reset] }
    }

    @Test func shortagesAreNoVerdict() {
        let shortages: [HTTPFailure] = [
            .noSocket(SystemError(code: 24, action: "socket")), .connect(.exhausted), .tooMany,
        ]
        for failure in shortages {
            guard case .shortage = ProbeOutcome(failure) else {
                Issue.record("\(failure) counts against the endpoint")
                continue
            }
        }
    }
}
