// Owns the proof that members on real disks and sockets make a group that agrees and outlives the loss of one.
import Foundation
import Logging
import Proactor
import Raft
import RaftRuntime
import Synchronization
import Testing
import Topology

/// The commands in the order in which they were applied; its own encoding is one command a line.
private final class Journal: ReplicatedState, Sendable {
    struct Content {
        var lines: [String] = []
        var role: RoleReport?
        var configuration = Configuration.empty
    }

    private let content = Mutex(Content())
    var now: Content { content.withLock { $0 } }

    func apply(_ commands: [CommittedCommand]) {
        content.withLock { $0.lines += commands.map { String(decoding: $0.bytes, as: UTF8.self) } }
    }

    func restore(_ bytes: [UInt8], at index: LogIndex) {
        let text = String(decoding: bytes, as: UTF8.self)
        content.withLock { $0.lines = text.split(separator: "\n").map(String.init) }
    }

    func encoded() -> [UInt8] { Array(now.lines.joined(separator: "\n").utf8) }
    func roleChanged(_ report: RoleReport) { content.withLock { $0.role = report } }
    func configurationChanged(_ configuration: Configuration) {
        content.withLock { $0.configuration = configuration }
    }
}

/// A member on a thread of its own.
private final class TestMember {
    let journal = Journal()
    let failures = Mutex<[String]>([])
    private let host: LoopHost<GroupMember>

    init(_ name: String, port: UInt16, contacts: [MemberContact], folder: String) throws {
        let own =
            contacts.first { $0.id.text == name }
            ?? MemberContact(
                id: NodeID(name), address: .host("127.0.0.1", port: port), datacenter: DatacenterName("dc"))
        let options = GroupMember.Options(
            own: own, contacts: contacts,
            timing: GroupTiming(heartbeat: .milliseconds(50), electionTimeout: .milliseconds(300)), policy: .auto,
            tls: nil, formation: 1)
        var logger = Logger(label: name)
        logger.logLevel = .error
        let log = logger
        let opened = try FileLogStore.open(folder + "/" + name, node: NodeID(name))
        let address = try #require(SocketAddress(numeric: .host("127.0.0.1", port: port)))
        // A process that another test is starting may hold a copy of its predecessor's socket for a moment.
        let socket = try #require(try ListeningSocket.bind(address, timeout: .seconds(10)).first)
        let journal = journal
        host = try LoopHost.start(name: name, io: .epoll, buffers: .modest) { loop throws(SystemError) in
            try GroupMember(
                loop: loop, options: options, opened: (store: opened.store, loaded: opened.loaded), listening: socket,
                state: journal, logger: log,
                handlers: GroupMember.Handlers(
                    receivedCall: { $0.refuse("nothing else is known") },
                    fail: { log.critical("\($0)") }))
        }
    }

    var leads: Bool { journal.now.role?.role == .leader }

    /// Proposes a command and waits for its outcome.
    func propose(_ text: String) throws -> RaftOutcome {
        let outcome = Mutex<RaftOutcome?>(nil)
        let box = OutcomeBox()
        host.post { member in member.driver.propose(Array(text.utf8)) { box.set($0) } }
        try eventually("an outcome of \(text)") {
            outcome.withLock { $0 = box.value }
            return box.value != nil
        }
        return try #require(box.value)
    }

    func stop() {
        let box = OutcomeBox()
        host.post { member in
            member.stop()
            box.set(.unknown)
        }
        try? eventually("the end of a member") { box.value != nil }
        host.stop()
    }
}

private final class OutcomeBox: Sendable {
    private let outcome = Mutex<RaftOutcome?>(nil)
    var value: RaftOutcome? { outcome.withLock { $0 } }
    func set(_ value: RaftOutcome) { outcome.withLock { $0 = value } }
}

private struct TimeOver: Error { let what: String }

private func eventually(_ what: String, within limit: Duration = .seconds(20), _ condition: () throws -> Bool) throws {
    let end = ContinuousClock.now + limit
    while try !condition() {
        guard ContinuousClock.now < end else { throw TimeOver(what: what) }
        Thread.sleep(forTimeInterval: 0.005)
    }
}

/// Members of a group in a folder that goes with it.
private final class TestGroup {
    let folder: String
    private var ports: [KeptPort] = []
    var contacts: [MemberContact] = []
    var members: [String: TestMember] = [:]

    init(_ names: [String]) throws {
        folder = NSTemporaryDirectory() + "meridian-group-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        for name in names {
            let port = try KeptPort()
            ports.append(port)
            contacts.append(
                MemberContact(
                    id: NodeID(name), address: .host("127.0.0.1", port: port.number),
                    datacenter: DatacenterName("dc-\(name)")))
        }
    }

    deinit {
        for member in members.values { member.stop() }
        try? FileManager.default.removeItem(atPath: folder)
    }

    func start(_ name: String, contacts others: [MemberContact]? = nil) throws {
        let own = try #require(contacts.first { $0.id.text == name })
        guard case .host(_, let port) = own.address else { return }
        members[name] = try TestMember(name, port: port, contacts: others ?? contacts, folder: folder)
    }

    func stop(_ name: String) { members.removeValue(forKey: name)?.stop() }

    func leader() throws -> (name: String, member: TestMember) {
        var found: (String, TestMember)?
        try eventually("a leader") {
            found = members.first { $0.value.leads }.map { ($0.key, $0.value) }
            return found != nil
        }
        return try #require(found)
    }

    /// Proposes until it is applied: leadership may change in between. A command that may have been applied is repeated too.
    func commit(_ text: String) throws {
        try eventually("the commit of \(text)") {
            if case .applied = try leader().member.propose(text) { return true }
            return false
        }
    }

    func agree(on count: Int) throws {
        // The same: one that was repeated may have come to some a second time, and not yet to others.
        try eventually("the same \(count) lines everywhere") {
            let journals = Set(members.values.map(\.journal.now.lines))
            return journals.count == 1 && journals.allSatisfy { Set($0).count == count }
        }
    }
}

@Suite(.serialized) struct GroupTests {
    @Test func threeNodesFormAGroupAndAgree() throws {
        let group = try TestGroup(["a", "b", "c"])
        for name in ["a", "b", "c"] { try group.start(name) }
        for number in 0..<50 { try group.commit("line \(number)") }
        try group.agree(on: 50)
        let clusters = Set(group.members.values.map { $0.journal.now.configuration.cluster })
        #expect(clusters.count == 1 && clusters.first != 0)
    }

    /// The leader goes; the others go on; it comes back, with what it had on its disk, and gets the rest.
    @Test func aRestartedLeaderCatchesUp() throws {
        let group = try TestGroup(["a", "b", "c"])
        for name in ["a", "b", "c"] { try group.start(name) }
        for number in 0..<20 { try group.commit("before \(number)") }
        let first = try group.leader().name
        group.stop(first)
        for number in 0..<20 { try group.commit("meanwhile \(number)") }
        try group.start(first)
        try group.agree(on: 40)
        for number in 0..<20 { try group.commit("after \(number)") }
        try group.agree(on: 60)
    }

    /// All of them stop: what was acknowledged is on their disks.
    @Test func everythingIsThereAfterAFullStop() throws {
        let group = try TestGroup(["a", "b", "c"])
        for name in ["a", "b", "c"] { try group.start(name) }
        for number in 0..<20 { try group.commit("line \(number)") }
        for name in ["a", "b", "c"] { group.stop(name) }
        for name in ["a", "b", "c"] { try group.start(name) }
        try group.commit("one more")
        try group.agree(on: 21)
    }

    @Test func aNewcomerIsAdmittedAsAnObserver() throws {
        let group = try TestGroup(["a", "b", "c", "d"])
        let three = Array(group.contacts.prefix(3))
        for name in ["a", "b", "c"] { try group.start(name, contacts: three) }
        for number in 0..<20 { try group.commit("line \(number)") }
        try group.start("d", contacts: three)
        try group.agree(on: 20)
        let configuration = try #require(group.members["d"]).journal.now.configuration
        #expect(configuration.members.first { $0.id.text == "d" }?.role == .observer)
    }
}
