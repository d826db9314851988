// Owns what any node may ask of the leader beside commands, and the leader's answers.
internal import FoundationEssentials

/// A question to the leader. Sent as JSON: people ask, so it is rare, and each version understands the parts that it
/// knows.
enum LeaderQuestion: Codable, Hashable {
    /// Why the primary of a service stays or moves.
    case explain(service: String)
    /// From which index on a read sees everything that was acknowledged before (ReadIndex, thesis §6.4).
    case readIndex
    /// Makes an observer a voter.
    case addVoter(id: String, by: Request)
    case removeMember(id: String, by: Request)
    /// Hands leadership to a voter, or to the best of the others.
    case transfer(id: String?, by: Request)

    /// Who asks for it, and why.
    struct Request: Codable, Hashable {
        var author: String
        var reason: String
        /// Whether to do it even if too few voters answer.
        var force: Bool
    }

    /// The most bytes of a question; larger ones are refused.
    static let mostBytes = 16 << 10
}

/// The leader's answer.
public enum LeaderAnswer: Codable, Hashable, Sendable {
    case explained(FailoverReport)
    /// A read may be answered by a node that has applied this index.
    case readable(UInt64)
    /// `changed` is false if everything was already as asked.
    case done(changed: Bool)
    /// Certainly not done, and asking again would not help.
    case refused(LeaderRefusal)
    /// Certainly not done: no leader is known, or it cannot act now. The words are for people.
    case unavailable(String, leader: String?)
    /// It may still be done.
    case unknown
}

/// Why the leader refused.
public struct LeaderRefusal: Error, Codable, Hashable, Sendable {
    public enum Kind: String, Codable, Sendable {
        /// There is no such member, or no such service.
        case notFound
        /// It cannot be done in the present state.
        case conflict
    }

    public var kind: Kind
    /// One sentence for an operator, without a full stop.
    public var reason: String
}

/// JSON of questions and answers.
enum LeaderCoding {
    static func bytes(_ value: some Encodable) -> [UInt8]? { (try? JSONEncoder().encode(value)).map { Array($0) } }

    /// nil for anything else.
    static func read<Value: Decodable>(_ type: Value.Type, _ bytes: [UInt8], limit: Int) -> Value? {
        guard bytes.count <= limit else { return nil }
        return try? JSONDecoder().decode(type, from: Data(bytes))
    }
}
