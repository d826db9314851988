// Owns the encoding of log entries, configurations and positions on the disk.
internal import Raft
internal import Topology

/// The codes of kinds on the disk. They never get another meaning, because data directories outlive versions.
private enum PayloadCode {
    static let noop: UInt8 = 0
    static let configuration: UInt8 = 1
    static let command: UInt8 = 2
}

/// Limits of decoding, so that garbage cannot demand memory.
enum CodingLimits {
    /// The most bytes of one command. Greater than `RaftLimits.commandBytes`: that limit may be lowered, but old logs
    /// stay.
    static let commandBytes = 64 << 20
    /// The most members of one half of a configuration.
    static let members = 1_024
    /// The fewest bytes that an entry takes.
    static let leastEntryBytes = 9
}

extension DiskWriter {
    mutating func add(_ position: LogPosition) {
        add(position.term.number)
        add(position.index.number)
    }

    /// Term and payload; the index follows from the place.
    mutating func add(_ entry: LogEntry) {
        add(entry.position.term.number)
        switch entry.payload {
        case .noop: add(PayloadCode.noop)
        case .configuration(let configuration):
            add(PayloadCode.configuration)
            add(configuration)
        case .command(let command):
            add(PayloadCode.command)
            add(command.session)
            add(command.sequence)
            add(command.bytes)
        }
    }

    mutating func add(_ configuration: Configuration) {
        add(configuration.cluster)
        add(configuration.timing.heartbeat.wholeNanoseconds)
        add(configuration.timing.electionTimeout.wholeNanoseconds)
        add(configuration.timing.lease.wholeNanoseconds)
        add(Int64(configuration.replicationQuorum ?? -1))
        add(configuration.members)
        add(UInt8(configuration.outgoing == nil ? 0 : 1))
        if let outgoing = configuration.outgoing { add(outgoing) }
    }

    private mutating func add(_ members: [Member]) {
        add(UInt16(truncatingIfNeeded: members.count))
        for member in members {
            add(short: member.id.text)
            add(member.incarnation)
            add(UInt8(member.role == .voter ? 1 : 0))
            add(short: member.address.description)
            add(short: member.datacenter.text)
            add(Int64(member.rank))
        }
    }
}

extension DiskReader {
    mutating func logPosition() throws(Malformed) -> LogPosition {
        LogPosition(term: Term(try number(UInt64.self)), index: LogIndex(try number(UInt64.self)))
    }

    mutating func entry(at index: LogIndex) throws(Malformed) -> LogEntry {
        let place = LogPosition(term: Term(try number(UInt64.self)), index: index)
        let code = try byte()
        switch code {
        case PayloadCode.noop: return LogEntry(place, .noop)
        case PayloadCode.configuration: return LogEntry(place, .configuration(try configuration()))
        case PayloadCode.command:
            let session = try number(UInt64.self)
            let sequence = try number(UInt64.self)
            let bytes = try content(limit: CodingLimits.commandBytes)
            return LogEntry(place, .command(Command(session: session, sequence: sequence, bytes: bytes)))
        default: throw Malformed("no entry is of kind \(code)")
        }
    }

    mutating func configuration() throws(Malformed) -> Configuration {
        let cluster = try number(UInt64.self)
        let timing = GroupTiming(
            heartbeat: .nanoseconds(try signed()), electionTimeout: .nanoseconds(try signed()),
            lease: .nanoseconds(try signed()))
        let quorum = try signed()
        guard (-1...Int64(CodingLimits.members)).contains(quorum) else { throw Malformed("a quorum of \(quorum)") }
        let members = try members()
        let outgoing: [Member]? = try flag() ? try self.members() : nil
        return Configuration(
            cluster: cluster, members: members, outgoing: outgoing, replicationQuorum: quorum < 0 ? nil : Int(quorum),
            timing: timing)
    }

    mutating func flag() throws(Malformed) -> Bool {
        switch try byte() {
        case 0: return false
        case 1: return true
        case let other: throw Malformed("\(other) is neither yes nor no")
        }
    }

    private mutating func members() throws(Malformed) -> [Member] {
        let count = Int(try number(UInt16.self))
        guard count <= CodingLimits.members else { throw Malformed("\(count) members") }
        var members: [Member] = []
        for _ in 0..<count {
            let id = NodeID(try shortText())
            let incarnation = try number(UInt64.self)
            let role: Member.Role = try flag() ? .voter : .observer
            let text = try shortText()
            guard let address = Address(text) else { throw Malformed("\(text) is no address") }
            let datacenter = DatacenterName(try shortText())
            guard let rank = Int(exactly: try signed()) else { throw Malformed("a rank is too large") }
            members.append(
                Member(
                    id: id, incarnation: incarnation, role: role, address: address, datacenter: datacenter, rank: rank))
        }
        return members
    }
}
