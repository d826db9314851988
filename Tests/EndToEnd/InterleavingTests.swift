// Owns the proof that no request leaves a trace in another one's answer.
import Foundation
import Testing

extension EndToEnd {
    /// Connections, buffers and what is kept of a request are used again and again. So all kinds of requests, good and bad,
    /// go through one proxy, step by step and mixed by chance, and each answer is compared with what a proxy gave that had
    /// never seen another.
    @Suite struct Interleaving {
        /// `MERIDIAN_SEED` names the one that is to be tried again.
        private static let seeds: [UInt64] =
            ProcessInfo.processInfo.environment["MERIDIAN_SEED"].flatMap { UInt64($0) }.map { [$0] } ?? [1, 2, 3]
        private static let conversations = 400
        /// How many speak at the same time.
        private static let voices = 6

        private func configuration(_ backend: EveryKindBackend) throws -> String {
            """
            node: { id: n1, datacenter: west }
            datacenters: [ west ]
            services:
              - { name: shop, health_check: off, outlier: off, endpoints: [ "\(backend.address)" ] }
              - { name: empty, health_check: off, endpoints: [ { address: "\(backend.address)", weight: 0 } ] }
              - { name: gone, health_check: off, outlier: off, endpoints: [ "127.0.0.1:\(try freePorts(1)[0])" ] }
            listeners:
              - name: web
                bind: "127.0.0.1:$PORT"
                routes: [ { host: shop, service: shop }, { host: empty, service: empty }, { host: gone, service: gone } ]
            """
        }

        @Test(arguments: InputOutput.available)
        func everyAnswerIsThatOfAFreshProxy(_ inputOutput: InputOutput) throws {
            let backend = try EveryKindBackend()
            let configuration = try configuration(backend)
            var expected: [String: [String]] = [:]
            for (number, conversation) in Conversation.all.enumerated() {
                let fresh = try Proxy(inputOutput, configuration, workers: 1)
                let speaker = Speaker(conversation, number: number, over: try Connection(fresh.port), backend)
                while !speaker.isDone { speaker.advance() }
                let transcript = speaker.transcript
                #expect(!transcript.contains { $0.hasPrefix("failed") }, "\(conversation.name): \(transcript)")
                #expect(expected.updateValue(transcript, forKey: conversation.name) == nil)
            }
            // One worker, so that all of them share everything; one proxy for all seeds.
            let proxy = try Proxy(inputOutput, configuration, workers: 1)
            for seed in Self.seeds {
                var crowd = Crowd(proxy.port, backend, expected, seed: seed)
                do { try crowd.speak(Self.conversations, voices: Self.voices) } catch {
                    let end = proxy.process.poll().map { "The proxy has ended: \($0)\n" } ?? ""
                    Issue.record("\(error)\n\(end)To try it again: MERIDIAN_SEED=\(seed)")
                    return
                }
            }
            #expect(proxy.process.isRunning)
        }
    }
}

/// Clients that take turns by chance.
private struct Crowd {
    private let port: UInt16
    private let backend: EveryKindBackend
    private let expected: [String: [String]]
    private var random: SplitMix
    private var number: Int
    private var speaking: [Speaker] = []
    private var kept: [Speaker] = []
    private var history: [String] = []

    init(_ port: UInt16, _ backend: EveryKindBackend, _ expected: [String: [String]], seed: UInt64) {
        self.port = port
        self.backend = backend
        self.expected = expected
        random = SplitMix(seed: seed)
        number = Int(seed % 8) * 100_000 + 1_000
    }

    mutating func speak(_ count: Int, voices: Int) throws {
        var begun = 0
        while begun < count || !speaking.isEmpty {
            if begun < count, speaking.count < voices, speaking.isEmpty || Bool.random(using: &random) {
                begun += 1
                let conversation = try Conversation.all.randomElement(using: &random).unwrapped("a conversation")
                speaking.append(try begin(conversation, maySpeakOverKept: Bool.random(using: &random)))
                continue
            }
            let index = Int.random(in: 0..<speaking.count, using: &random)
            let speaker = speaking[index]
            speaker.advance()
            guard speaker.isDone else { continue }
            speaking.remove(at: index)
            try end(speaker)
            guard speaker.conversation.isBad else { continue }
            let second = try begin(.plain, maySpeakOverKept: false)
            while !second.isDone { second.advance() }
            try end(second)
        }
    }

    private mutating func begin(_ conversation: Conversation, maySpeakOverKept: Bool) throws -> Speaker {
        number += 1
        let before = maySpeakOverKept ? kept.popLast() : nil
        return Speaker(
            conversation, number: number, over: try before?.connection ?? Connection(port), backend,
            after: (before?.earlier ?? []) + [before?.conversation.name].compactMap(\.self))
    }

    private mutating func end(_ speaker: Speaker) throws {
        let name = speaker.conversation.name
        let wanted = expected[name] ?? []
        guard speaker.transcript == wanted else {
            throw Failure(
                """
                '\(name)' went otherwise than with a fresh proxy
                after: \(history.suffix(12).joined(separator: ", "))
                over a connection that has served: \(speaker.earlier.joined(separator: ", "))
                beside: \(speaking.map(\.conversation.name).joined(separator: ", "))
                --- expected
                \(wanted.joined(separator: "\n"))
                --- seen
                \(speaker.transcript.joined(separator: "\n"))
                """)
        }
        history.append(name)
        if speaker.isReusable { kept.insert(speaker, at: 0) }
        if kept.count > 8 { kept.removeLast() }
    }
}
