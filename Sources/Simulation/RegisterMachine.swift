// Owns the state machine that simulated groups replicate: a few registers that clients write, increment and read.
internal import Topology

/// A client's operation on a register.
enum RegisterAction: Hashable, Sendable {
    case write(Int64)
    case add(Int64)
    case read
}

/// Numbers by key, and a digest of all commands applied so far.
struct RegisterMachine: Hashable, Sendable {
    static let keys = 8
    /// The first byte of commands for the catalog.
    static let catalogMark: UInt8 = 3

    private(set) var values = [Int64](repeating: 0, count: keys)
    /// Depends on every applied command and their order: equal digests mean equal histories.
    private(set) var digest: UInt64 = 0

    /// The bytes of a command.
    static func encode(key: Int, _ action: RegisterAction) -> [UInt8] {
        switch action {
        case .write(let value): [0, UInt8(truncatingIfNeeded: key)] + bytes(of: UInt64(bitPattern: value))
        case .add(let value): [1, UInt8(truncatingIfNeeded: key)] + bytes(of: UInt64(bitPattern: value))
        case .read: [2, UInt8(truncatingIfNeeded: key)]
        }
    }

    /// Applies a command.
    ///
    /// - Returns: the key's value afterwards; 0 for bytes that are not a command, which change only the digest.
    mutating func apply(_ command: [UInt8]) -> Int64 {
        for byte in command { digest = StableHash.mix(digest ^ UInt64(byte)) }
        guard command.count == 10, command[0] < 2, command[1] < Self.keys else { return 0 }
        let key = Int(command[1])
        let operand = Int64(bitPattern: Self.number(command[2...]))
        values[key] = command[0] == 0 ? operand : values[key] &+ operand
        return values[key]
    }

    static let byteCount = 8 * (keys + 1)

    /// Everything as bytes, for a snapshot.
    var encoded: [UInt8] { values.flatMap { Self.bytes(of: UInt64(bitPattern: $0)) } + Self.bytes(of: digest) }

    /// What `encoded` made; nil for other bytes.
    init?(_ bytes: [UInt8]) {
        guard bytes.count == Self.byteCount else { return nil }
        for key in 0..<Self.keys { values[key] = Int64(bitPattern: Self.number(bytes[(8 * key)..<(8 * key + 8)])) }
        digest = Self.number(bytes[(8 * Self.keys)...])
    }

    init() {}

    private static func bytes(of number: UInt64) -> [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: number >> UInt64(8 * $0)) }
    }

    private static func number(_ bytes: ArraySlice<UInt8>) -> UInt64 {
        bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
}
