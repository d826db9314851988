// Owns the proof of what the command line refuses before anything is sent, and of what it says to ask again with.
import ArgumentParser
import Testing

@testable import meridian

@Suite struct Options {
    @Test(arguments: [
        ["weight", "set", "shop", "west", "5", "--expires", "5"], ["drain", "shop", "west", "--expires", "soon"],
        ["drain", "shop", "west", "--expires", "0s"], ["demo", "--for", "3"],
        ["serve-without-lease", "shop", "--old-primary-is-fenced", "--for", "10"],
        ["serve-without-lease", "shop", "--old-primary-is-fenced", "--for", "25h"],
        ["freeze", "on", "--idempotency-key", "a b"], ["freeze", "on", "--idempotency-key", ""],
    ])
    func wrongUsageIsSeenAtOnce(_ words: [String]) throws {
        let option = try #require(words.last { $0.hasPrefix("--") })
        do {
            _ = try Meridian.parseAsRoot(words)
            Issue.record("it was accepted")
        } catch {
            #expect(Meridian.exitCode(for: error) == .validationFailure)
            let message = Meridian.message(for: error)
            #expect(message.contains(option), "\(message)")
            if !option.hasSuffix("key") { #expect(message.contains("'\(words[words.count - 1])' is "), "\(message)") }
        }
    }

    @Test(arguments: [
        ["weight", "set", "shop", "west", "5", "--expires", "1h30m"], ["demo", "--for", "3s"],
        ["serve-without-lease", "shop", "--old-primary-is-fenced", "--for", "1d"],
        ["undrain", "shop", "west", "--idempotency-key", "k1"],
        ["primary", "set", "shop", "west", "--idempotency-key", "k"],
    ])
    func goodUsageIsTaken(_ words: [String]) throws { _ = try Meridian.parseAsRoot(words) }

    @Test func anUnknownOutcomeNamesTheKey() {
        let unknown = Failure("who knows", code: .unknownOutcome)
        let named = AdminClient.naming("k1", in: unknown, if: true)
        #expect(named.code == .unknownOutcome)
        #expect(named.message.hasPrefix("who knows\n") && named.message.contains("--idempotency-key k1"))
        #expect(AdminClient.naming("k1", in: unknown, if: false).message == "who knows")
        #expect(AdminClient.naming("k1", in: Failure("no", code: .noQuorum), if: true).message == "no")
    }

    /// A node of another version refuses a field that it does not know: what means the default is not sent.
    @Test func forceIsSentOnlyWhereItIsMeant() throws {
        for (words, expected) in [([], nil), (["--force"], true)] as [([String], Bool?)] {
            #expect(try ChangeOptions.parse(words).insists == expected)
        }
    }
}
