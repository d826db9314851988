// Owns turning frames into bytes and back: the schema of peer.proto, and every bound that it cannot say.
internal import FoundationEssentials
internal import Raft
internal import SwiftProtobuf
internal import Topology

/// Why bytes are no frame.
struct PeerCodecError: Error, Hashable, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

/// Encodes and decodes frames. Whatever bytes it is given, decoding ends with a frame whose every number is within the
/// bounds that the core counts on, or with an error.
enum PeerCodec {
    /// Terms, indexes, rounds and sequences stay below this, so that adding to one never overflows.
    static let greatestNumber: UInt64 = 1 << 60
    /// Sizes and offsets of snapshots and logs, in bytes.
    static let greatestSize: UInt64 = 1 << 48
    /// The most members of a configuration, in each half.
    static let members = 256
    static let textBytes = 1 << 10

    // MARK: Encoding

    /// The frame's bytes, with the four of its length in front.
    ///
    /// - Throws: when they are more than `limit`.
    static func encode(_ frame: PeerFrame, to node: NodeID, limit: Int) throws(PeerCodecError) -> [UInt8] {
        let message = wire(frame)
        let body: [UInt8]
        do { body = try message.serializedBytes() } catch { throw PeerCodecError("not encoded: \(error)") }
        guard body.count <= limit else {
            throw PeerCodecError("a frame of \(body.count) bytes for \(node), where \(limit) are the limit")
        }
        var bytes = [UInt8].frameHeader(body.count)
        bytes.append(contentsOf: body)
        return bytes
    }

    private static func wire(_ frame: PeerFrame) -> WireFrame {
        var message = WireFrame()
        switch frame {
        case .hello(let hello): message.hello = wire(hello)
        case .welcome(let hello): message.welcome = wire(hello)
        case .refusal(let refusal):
            message.refusal.reason = WireRefusal.Reason(rawValue: refusal.reason.rawValue) ?? .unknown
            message.refusal.text = String(decoding: refusal.text.utf8.prefix(textBytes), as: UTF8.self)
        case .raft(let cluster, let term, let body):
            message.raft = wire(body)
            message.raft.cluster = cluster
            message.raft.term = term.number
        case .call(let number, let call, let timeout):
            message.call.number = number
            message.call.kind = call.kind
            message.call.content = Data(call.bytes)
            message.call.milliseconds = UInt32(clamping: timeout.wholeNanoseconds / 1_000_000)
        case .reply(let number, let content):
            message.reply.number = number
            switch content {
            case .bytes(let bytes): message.reply.content = Data(bytes)
            case .refusal(let text):
                message.reply.refusal = String(decoding: text.utf8.prefix(textBytes), as: UTF8.self)
            }
        case .ping(let number): message.ping = number
        case .pong(let number): message.pong = number
        }
        return message
    }

    private static func wire(_ hello: PeerHello) -> WireHello {
        var message = WireHello()
        message.version = hello.version
        message.minimumVersion = hello.minimumVersion
        message.cluster = hello.identity.cluster
        message.node = hello.identity.node.text
        message.incarnation = hello.identity.incarnation
        message.membersDigest = hello.identity.membersDigest
        message.formatLevel = hello.identity.formatLevel
        message.to = hello.to.text
        message.lane = hello.lane == .urgent ? .urgent : .bulk
        return message
    }

    // MARK: Decoding

    /// The frame in these bytes, without its length.
    static func decode(_ bytes: [UInt8]) throws(PeerCodecError) -> PeerFrame {
        guard WireBudget.allows(bytes) else { throw PeerCodecError("no frame, or one of too many fields") }
        var options = BinaryDecodingOptions()
        options.messageDepthLimit = 16
        options.discardUnknownFields = true
        let message: WireFrame
        do { message = try WireFrame(serializedBytes: bytes, options: options) } catch {
            throw PeerCodecError("no frame: \(error)")
        }
        switch message.content {
        case nil: throw PeerCodecError("a frame of no known kind")
        case .hello(let hello): return .hello(try decode(hello))
        case .welcome(let hello): return .welcome(try decode(hello))
        case .refusal(let refusal):
            let reason = PeerRefusalReason(rawValue: refusal.reason.rawValue) ?? .unknown
            return .refusal(PeerRefusal(reason, try text(refusal.text)))
        case .raft(let raft):
            return .raft(cluster: raft.cluster, term: Term(try number(raft.term, "a term")), try decode(raft))
        case .call(let call):
            return .call(
                number: call.number, PeerCall(kind: call.kind, bytes: [UInt8](call.content)),
                timeout: .milliseconds(Int64(call.milliseconds)))
        case .reply(let reply): return .reply(number: reply.number, try decode(reply))
        case .ping(let number): return .ping(number)
        case .pong(let number): return .pong(number)
        }
    }

    private static func decode(_ hello: WireHello) throws(PeerCodecError) -> PeerHello {
        let lane: PeerLaneKind
        switch hello.lane {
        case .urgent: lane = .urgent
        case .bulk: lane = .bulk
        case .UNRECOGNIZED: throw PeerCodecError("an unknown lane")
        }
        guard hello.minimumVersion <= hello.version else { throw PeerCodecError("versions the wrong way round") }
        let identity = PeerIdentity(
            node: NodeID(try name(hello.node)), incarnation: hello.incarnation, cluster: hello.cluster,
            membersDigest: hello.membersDigest, formatLevel: hello.formatLevel)
        return PeerHello(
            version: hello.version, minimumVersion: hello.minimumVersion, identity: identity,
            to: NodeID(try name(hello.to)), lane: lane)
    }

    private static func decode(_ reply: WireReply) throws(PeerCodecError) -> PeerReplyContent {
        switch reply.result {
        case nil: throw PeerCodecError("a reply of no known kind")
        case .content(let content): return .bytes([UInt8](content))
        case .refusal(let reason): return .refusal(try text(reason))
        }
    }

    // MARK: Bounds

    static func number(_ value: UInt64, _ what: String) throws(PeerCodecError) -> UInt64 {
        guard value < greatestNumber else { throw PeerCodecError("too great \(what): \(value)") }
        return value
    }

    static func size(_ value: UInt64, _ what: String) throws(PeerCodecError) -> Int {
        guard value < greatestSize else { throw PeerCodecError("too great \(what): \(value) bytes") }
        return Int(value)
    }

    static func name(_ text: String) throws(PeerCodecError) -> String {
        guard NameRule.allows(text) else { throw PeerCodecError("a name that none may have") }
        return text
    }

    /// Words of a peer for the log: of bounded length, without what could forge a line.
    static func text(_ text: String) throws(PeerCodecError) -> String {
        guard text.utf8.count <= textBytes else { throw PeerCodecError("a text of \(text.utf8.count) bytes") }
        let scalars = text.unicodeScalars.map { $0.value < 0x20 || (0x7F...0x9F).contains($0.value) ? "?" : $0 }
        return String(String.UnicodeScalarView(scalars))
    }
}
