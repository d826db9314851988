// Owns positions, entries, configurations and pieces of snapshots on the wire.
internal import FoundationEssentials
internal import Raft
internal import Topology

extension PeerCodec {
    static func wire(_ position: LogPosition) -> WirePosition {
        var message = WirePosition()
        message.term = position.term.number
        message.index = position.index.number
        return message
    }

    static func wire(_ entry: LogEntry) -> WireEntry {
        var message = WireEntry()
        message.term = entry.position.term.number
        message.index = entry.position.index.number
        switch entry.payload {
        case .noop: message.noop = WireNothing()
        case .configuration(let configuration): message.configuration = wire(configuration)
        case .command(let command):
            message.command.session = command.session
            message.command.sequence = command.sequence
            message.command.content = Data(command.bytes)
        }
        return message
    }

    static func wire(_ chunk: SnapshotChunk) -> WireSnapshotChunk {
        var message = WireSnapshotChunk()
        message.position = wire(chunk.identity.position)
        message.configuration = wire(chunk.identity.configuration)
        message.byteCount = UInt64(clamping: chunk.identity.byteCount)
        message.checksum = chunk.identity.checksum
        message.offset = UInt64(clamping: chunk.offset)
        message.content = Data(chunk.bytes)
        return message
    }

    private static func wire(_ configuration: Configuration) -> WireConfiguration {
        var message = WireConfiguration()
        message.cluster = configuration.cluster
        message.members = configuration.members.map { wire($0) }
        if let outgoing = configuration.outgoing { message.outgoing.members = outgoing.map { wire($0) } }
        message.replicationQuorum = UInt32(clamping: configuration.replicationQuorum ?? 0)
        message.outgoingReplicationQuorum = UInt32(clamping: configuration.outgoingReplicationQuorum ?? 0)
        message.heartbeatNanoseconds = UInt64(clamping: configuration.timing.heartbeat.wholeNanoseconds)
        message.electionTimeoutNanoseconds = UInt64(clamping: configuration.timing.electionTimeout.wholeNanoseconds)
        message.leaseNanoseconds = UInt64(clamping: configuration.timing.lease.wholeNanoseconds)
        return message
    }

    private static func wire(_ member: Member) -> WireMember {
        var message = WireMember()
        message.id = member.id.text
        message.incarnation = member.incarnation
        message.isObserver = member.role == .observer
        message.address = member.address.description
        message.datacenter = member.datacenter.text
        message.rank = UInt32(clamping: member.rank)
        return message
    }

    // MARK: Decoding

    static func index(_ value: UInt64) throws(PeerCodecError) -> LogIndex { LogIndex(try number(value, "an index")) }

    /// A position, which the schema cannot require.
    static func position(_ isPresent: Bool, _ message: WirePosition) throws(PeerCodecError) -> LogPosition {
        guard isPresent else { throw PeerCodecError("a message without its position") }
        return LogPosition(term: Term(try number(message.term, "a term")), index: try index(message.index))
    }

    /// Entries, each of which follows the one before it: one index on, and never of an older term (Raft §5.3).
    static func entries(
        _ messages: [WireEntry], after previous: LogPosition
    ) throws(PeerCodecError) -> [LogEntry] {
        var entries: [LogEntry] = []
        entries.reserveCapacity(messages.count)
        var last = previous
        for message in messages {
            let entry = try decode(message)
            guard entry.position.index == last.index.next, entry.position.term >= last.term else {
                throw PeerCodecError("entry \(entry.position) after \(last)")
            }
            last = entry.position
            entries.append(entry)
        }
        return entries
    }

    private static func decode(_ message: WireEntry) throws(PeerCodecError) -> LogEntry {
        let position = LogPosition(term: Term(try number(message.term, "a term")), index: try index(message.index))
        switch message.payload {
        case nil: throw PeerCodecError("an entry of no known kind")
        case .noop: return LogEntry(position, .noop)
        case .configuration(let configuration): return LogEntry(position, .configuration(try decode(configuration)))
        case .command(let command):
            let sequence = try number(command.sequence, "a sequence")
            return LogEntry(
                position,
                .command(Command(session: command.session, sequence: sequence, bytes: [UInt8](command.content))))
        }
    }

    static func decode(_ message: WireSnapshotChunk) throws(PeerCodecError) -> SnapshotChunk {
        let byteCount = try size(message.byteCount, "a snapshot")
        let offset = try size(message.offset, "a snapshot")
        guard offset + message.content.count <= byteCount else {
            throw PeerCodecError("a piece of a snapshot beyond its end")
        }
        let identity = SnapshotIdentity(
            position: try position(message.hasPosition, message.position),
            configuration: try decode(message.configuration), byteCount: byteCount, checksum: message.checksum)
        return SnapshotChunk(identity: identity, offset: offset, bytes: [UInt8](message.content))
    }

    private static func decode(_ message: WireConfiguration) throws(PeerCodecError) -> Configuration {
        let timing = GroupTiming(
            heartbeat: try duration(message.heartbeatNanoseconds),
            electionTimeout: try duration(message.electionTimeoutNanoseconds),
            lease: try duration(message.leaseNanoseconds))
        return Configuration(
            cluster: message.cluster, members: try decode(message.members),
            outgoing: message.hasOutgoing ? try decode(message.outgoing.members) : nil,
            replicationQuorum: try quorum(message.replicationQuorum), timing: timing,
            outgoingReplicationQuorum: try quorum(message.outgoingReplicationQuorum))
    }

    private static func quorum(_ number: UInt32) throws(PeerCodecError) -> Int? {
        guard number <= UInt32(members) else { throw PeerCodecError("a quorum of \(number)") }
        return number == 0 ? nil : Int(number)
    }

    private static func decode(_ list: [WireMember]) throws(PeerCodecError) -> [Member] {
        guard list.count <= members else { throw PeerCodecError("\(list.count) members") }
        var decoded: [Member] = []
        for message in list {
            guard let address = Address(message.address), message.address.utf8.count <= textBytes else {
                throw PeerCodecError("a member without an address")
            }
            guard message.rank <= 1_024 else { throw PeerCodecError("a rank of \(message.rank)") }
            let member = Member(
                id: NodeID(try name(message.id)), incarnation: message.incarnation,
                role: message.isObserver ? .observer : .voter, address: address,
                datacenter: DatacenterName(try name(message.datacenter)), rank: Int(message.rank))
            if let last = decoded.last, last.id >= member.id { throw PeerCodecError("members out of order") }
            decoded.append(member)
        }
        return decoded
    }

    /// A time of the group's: up to a day.
    private static func duration(_ nanoseconds: UInt64) throws(PeerCodecError) -> Duration {
        guard nanoseconds <= 86_400_000_000_000 else { throw PeerCodecError("too long a time: \(nanoseconds) ns") }
        return .nanoseconds(Int64(nanoseconds))
    }
}
