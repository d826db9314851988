// Owns a backend that answers in every way, good and bad: the first part of a request's path says how.
import Foundation

final class EveryKindBackend: Sendable {
    private let server: RawBackend
    private let opened: Shared<Set<String>>
    private let ended: Shared<Set<String>>

    var address: String { server.address }

    init() throws {
        let opened = Shared<Set<String>>([])
        let ended = Shared<Set<String>>([])
        self.opened = opened
        self.ended = ended
        server = try RawBackend { visit in
            while var request = try visit.head() {
                let token = request["x-token"] ?? "none"
                let awaitOpening = { _ = try eventually("a step of \(token)") { opened.value.contains(token) } }
                if try Self.answersEarly(request, visit) { break }
                try visit.receiveBody(of: &request)
                guard try Self.answer(request, visit, awaitOpening) else { break }
            }
            // Answers that are the last say so by the end of the stream; what the proxy makes of it is waited for by some.
            visit.connection.shutdownWrite()
            try visit.awaitEnd()
            let tokens = visit.requests.compactMap { $0["x-token"] }
            ended.update { $0.formUnion(tokens) }
        }
    }

    /// Lets the script of a token go on.
    func open(_ token: String) { opened.update { $0.insert(token) } }

    /// Waits until the connection that has served a token is over.
    func awaitEnd(of token: String) throws {
        try eventually("the end of the connection of \(token)") { ended.value.contains(token) }
    }

    private static func kind(_ request: ReceivedRequest) -> Substring {
        request.target.dropFirst().prefix { $0 != "/" && $0 != "?" }
    }

    /// Answers before the body.
    private static func answersEarly(_ request: ReceivedRequest, _ visit: Visit) throws -> Bool {
        switch kind(request) {
        case "early-close":
            try visit.answer("early \(token(request))", status: "413 Too Large", "Connection: close\r\n")
        case "early": try visit.answer("early \(token(request))")
        case "refuse": try visit.answer("refused \(token(request))", status: "417 Expectation Failed")
        case "expect":
            try visit.send("HTTP/1.1 100 Continue\r\n\r\n")
            return false
        default: return false
        }
        return true
    }

    private static func token(_ request: ReceivedRequest) -> String { request["x-token"] ?? "none" }

    /// What was asked, so that nothing of another request can hide in it.
    private static func echo(_ request: ReceivedRequest) -> String {
        ([request.head, String(decoding: request.body, as: UTF8.self)] + request.trailers).joined(separator: "|")
    }

    /// - Returns: whether the connection goes on.
    private static func answer(
        _ request: ReceivedRequest, _ visit: Visit, _ awaitOpening: () throws -> Void
    ) throws -> Bool {
        let text = echo(request)
        let length = "Content-Length: \(text.utf8.count)\r\n"
        let chunk = "\(String(text.utf8.count, radix: 16))\r\n\(text)\r\n"
        switch kind(request) {
        case "head": try visit.send("HTTP/1.1 200 OK\r\nX-Token: \(token(request))\r\nContent-Length: 1000\r\n\r\n")
        case "empty": try visit.send("HTTP/1.1 204 No Content\r\nX-Token: \(token(request))\r\n\r\n")
        case "unchanged": try visit.send("HTTP/1.1 304 Not Modified\r\nETag: \"\(token(request))\"\r\n\r\n")
        case "missing": try visit.answer(text, status: "404 Not Found")
        case "broken": try visit.answer(text, status: "500 Internal Server Error")
        case "chunks":
            try visit.send(
                "HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n\(chunk)\(chunk)0\r\n"
                    + "X-Sum: \(token(request))\r\n\r\n")
        case "bytes":
            for byte in "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\(chunk)0\r\n\r\n".utf8 {
                try visit.connection.send([byte])
            }
        case "large": try visit.answer(String(repeating: text, count: 1_000))
        case "hints":
            try visit.send("HTTP/1.1 103 Early Hints\r\nLink: </\(token(request))>\r\n\r\n")
            try visit.send("HTTP/1.1 103 Early Hints\r\nLink: </b>\r\n\r\nHTTP/1.1 200 OK\r\n\(length)\r\n\(text)")
        case "until-close":
            try visit.send("HTTP/1.1 200 OK\r\n\r\n\(text)")
            return false
        case "last":
            try visit.answer(text, "Connection: close\r\n")
            return false
        case "gone":
            try visit.answer(text)
            return false
        case "slow":
            try visit.send("HTTP/1.1 200 OK\r\n\(length)\r\n")
            try awaitOpening()
            try visit.send(text)
        case "chat":
            if request["upgrade"] == nil {
                try visit.answer(text)
            } else {
                try visit.send(WebSocket.switching)
                try visit.connection.echo()
                return false
            }
        default: return try answerBadly(request, visit, text, awaitOpening)
        }
        return true
    }

    private static func answerBadly(
        _ request: ReceivedRequest, _ visit: Visit, _ text: String, _ awaitOpening: () throws -> Void
    ) throws -> Bool {
        let good = "HTTP/1.1 200 OK\r\nContent-Length: \(text.utf8.count)\r\n\r\n\(text)"
        switch kind(request) {
        case "more": try visit.send(good + "and more of \(token(request))")
        case "twice": try visit.send(good + good)
        case "empty-and-more": try visit.send("HTTP/1.1 204 No Content\r\n\r\nmore of \(token(request))")
        case "interim-for-ever":
            for _ in 0..<100 { try visit.send("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n") }
            try visit.send(good)
        case "two-framings":
            try visit.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
        case "half-a-head": try visit.send("HTTP/1.1 200 OK\r\nContent-Le")
        case "bare-switch": try visit.send("HTTP/1.1 101 Switching Protocols\r\n\r\n\(token(request))")
        case "cut-length":
            try visit.send("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n\(text)")
            try awaitOpening()
        case "cut-chunks":
            try visit.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n")
            try awaitOpening()
        case "reset-body":
            try visit.send("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n\(text)")
            try awaitOpening()
            visit.connection.abort()
        case "reset": visit.connection.abort()
        default:
            try visit.answer(text)
            return true
        }
        return false
    }
}
