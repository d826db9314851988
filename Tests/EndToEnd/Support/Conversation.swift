// Owns what a client and the proxy say to each other, step by step, and what is written down of it.
import Foundation

/// What a client does next.
enum Step: Sendable {
    /// Sends text; `TOKEN` stands for what is this conversation's own.
    case send(String)
    /// Reads an answer with what came before it.
    case answer
    /// Reads an interim answer.
    case interim
    /// Reads an answer to a HEAD.
    case head
    /// Reads the head of an answer that is cut short once the client has it. How much of its body comes is chance.
    case cut
    /// Reads so much text.
    case text(Int)
    /// Lets the backend go on.
    case goOn
    /// Reads an answer, and waits until the backend has seen the end of its connection.
    case lastAnswer
    /// Says that nothing more will be sent.
    case halfClose
    /// The proxy ends the connection.
    case end
    /// The same, if it has said so in its answer.
    case endIfSaid
    /// Closes so that the proxy sees a reset.
    case abort
}

/// A kind of exchange.
struct Conversation: Sendable {
    let name: String
    let steps: [Step]
    /// Whether the connection serves another one afterwards, unless the proxy has said otherwise.
    var isKept = true
    /// Whether somebody broke the rules in it: then the next client's answer is of interest.
    var isBad = false

    init(_ name: String, isKept: Bool = true, isBad: Bool = false, _ steps: Step...) {
        self.name = name
        self.steps = steps
        self.isKept = isKept
        self.isBad = isBad
    }
}

/// A conversation under way.
final class Speaker {
    let conversation: Conversation
    let connection: Connection
    /// The names of the conversations that the connection has served before.
    let earlier: [String]
    private let token: String
    private let backend: EveryKindBackend
    private var next = 0
    private var hasFailed = false
    /// Whether the last answer was said to be the last.
    private var isToEnd = false
    /// What the client saw.
    private(set) var transcript: [String] = []

    /// - Parameters:
    ///   - number: makes it different from all others, and its messages as long as theirs.
    ///   - earlier: what the connection has served before.
    init(
        _ conversation: Conversation, number: Int, over connection: Connection, _ backend: EveryKindBackend,
        after earlier: [String] = []
    ) {
        self.conversation = conversation
        self.earlier = earlier
        self.connection = connection
        self.backend = backend
        token = "token-\(1_000_000 + number)"
        // Nothing here takes long; what is waited for in vain is a finding.
        connection.setTimeout(.seconds(10))
    }

    var isDone: Bool { hasFailed || next == conversation.steps.count }
    var isReusable: Bool { conversation.isKept && !hasFailed && !isToEnd }

    /// Does the next step.
    func advance() {
        do { try perform(conversation.steps[next]) } catch {
            transcript.append("failed at step \(next): \(error)")
            hasFailed = true
        }
        next += 1
    }

    private func perform(_ step: Step) throws {
        switch step {
        case .send(let text): try connection.send(text.replacing("TOKEN", with: token))
        case .answer: try readAnswer()
        case .head: try readAnswer(toHead: true)
        case .lastAnswer:
            try readAnswer()
            try backend.awaitEnd(of: token)
        case .interim: write(try connection.receiveResponse(skipsInterim: false))
        case .cut:
            write(try Response(head: connection.receive(through: "\r\n\r\n")))
            backend.open(token)
            _ = try connection.awaitEnd()
            transcript.append("cut")
        case .text(let count):
            transcript.append(own(String(decoding: try connection.receive(exactly: count), as: UTF8.self)))
        case .goOn: backend.open(token)
        case .halfClose: connection.shutdownWrite()
        case .endIfSaid where !isToEnd: break
        case .end, .endIfSaid:
            let rest = try connection.receiveToEnd()
            transcript.append(rest.isEmpty ? "end" : "more: \(own(String(decoding: rest, as: UTF8.self)))")
        case .abort: connection.abort()
        }
    }

    private func readAnswer(toHead: Bool = false) throws {
        while true {
            let response = try connection.receiveResponse(toHead: toHead, skipsInterim: false)
            write(response)
            if response.status >= 200 || response.status == 101 { return }
        }
    }

    private func write(_ response: Response) {
        isToEnd = response["connection"]?.lowercased() == "close"
        transcript.append(own(response.line))
        for field in response.fields {
            transcript.append(own("\(field.name): \(field.name == "date" ? "DATE" : field.value)"))
        }
        let body = own(response.text)
        transcript.append(body.utf8.count <= 2_000 ? body : "\(body.utf8.count) bytes, \(Self.digest(body))")
        transcript += response.trailers.map(own)
    }

    /// Without what differs from one time to the next: the token, and identifiers that were made, which are 32 hexadecimal
    /// digits.
    private func own(_ text: String) -> String {
        var bytes: [UInt8] = []
        var digits: [UInt8] = []
        func settle() {
            bytes += digits.count == 32 ? Array("IDENTIFIER".utf8) : digits
            digits.removeAll()
        }
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"): digits.append(byte)
            default:
                settle()
                bytes.append(byte)
            }
        }
        settle()
        return String(decoding: bytes, as: UTF8.self).replacing(token, with: "TOKEN")
    }

    /// FNV-1a.
    private static func digest(_ text: String) -> UInt64 {
        text.utf8.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    }
}
