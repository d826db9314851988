// Owns the tests of binding beside what this process listens on already.
import Glibc
import Testing
import Topology

@testable import Proactor

@Suite struct ListeningTests {
    private func address(_ text: String) throws -> SocketAddress {
        try #require(Address(text).flatMap { SocketAddress(numeric: $0) })
    }

    @Test(arguments: [
        ("127.0.0.1", "0.0.0.0"), ("0.0.0.0", "127.0.0.1"), ("127.0.0.1", "[::]"), ("[::]", "127.0.0.1"),
        ("0.0.0.0", "[::]"), ("[::1]", "[::]"),
    ])
    func anAddressThatOverlapsOneOfOursIsBoundOnlyBesideIt(_ old: String, _ new: String) throws {
        let first = try ListeningSocket.bind(try address("\(old):0"), count: 2)
        defer { for socket in first { socket.close() } }
        let wanted = try address("\(new):0").withPort(try #require(first.first).address.port)
        #expect(wanted.overlaps(first[0].address) && first[0].address.overlaps(wanted))
        #expect(throws: SystemError(code: EADDRINUSE, action: "bind \(wanted)")) {
            for socket in try ListeningSocket.bind(wanted) { socket.close() }
        }
        let second = try ListeningSocket.bind(wanted, count: 2, beside: true)
        for socket in second { socket.close() }
    }

    @Test func aUnixSocketTakesThePlaceOfAnother() throws {
        let folder = "/tmp/meridian-listen-\(getpid())-\(UInt32.random(in: 0 ... .max))"
        #expect(mkdir(folder, 0o700) == 0)
        defer {
            unlink(folder + "/web.sock")
            rmdir(folder)
        }
        let place = try address("unix:\(folder)/web.sock")
        let first = try ListeningSocket.bind(place)
        #expect(throws: SystemError(code: EADDRINUSE, action: "bind \(place)")) { try ListeningSocket.bind(place) }
        // One that is given up leaves everything as it was.
        for socket in try ListeningSocket.bind(place, beside: true) { socket.close() }
        let second = try ListeningSocket.bind(place, count: 2, beside: true)
        #expect(second.map(\.address) == [place, place])
        try second[0].takePlace()
        for socket in first { socket.close() }
        // Reached by its path, and nothing is left beside it.
        let client = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        #expect(place.withSockaddr { connect(client, $0, $1) } == 0)
        close(client)
        for socket in second { socket.close() }
        #expect(access(folder + "/.m0", F_OK) != 0)
    }
}
