// Owns the nine bytes that every frame begins with (RFC 9113 section 4.1).
public import HTTPWire

/// The kinds of frames that mean something here.
public enum FrameKind: UInt8, Sendable {
    case data = 0x0
    case headers = 0x1
    case priority = 0x2
    case reset = 0x3
    case settings = 0x4
    case pushPromise = 0x5
    case ping = 0x6
    case goAway = 0x7
    case windowUpdate = 0x8
    case continuation = 0x9
    /// RFC 9218 section 7.
    case priorityUpdate = 0x10
}

/// The flags of a frame; which of them count depends on its kind.
public struct FrameFlags: OptionSet, Hashable, Sendable {
    public let rawValue: UInt8

    public init(rawValue: UInt8) { self.rawValue = rawValue }

    public static let endStream = FrameFlags(rawValue: 0x1)
    /// The same bit as `endStream`, in SETTINGS and PING.
    public static let acknowledgement = FrameFlags(rawValue: 0x1)
    public static let endHeaders = FrameFlags(rawValue: 0x4)
    public static let padded = FrameFlags(rawValue: 0x8)
    public static let priority = FrameFlags(rawValue: 0x20)
}

/// The header of a frame.
public struct FrameHeader: Hashable, Sendable {
    /// Bytes of a header.
    public static let size = 9
    /// The largest stream identifier.
    public static let maximumStream: UInt32 = 0x7FFF_FFFF

    /// Bytes of the payload.
    public var length: Int
    /// The kind as it came; `FrameKind` knows some.
    public var kind: UInt8
    public var flags: FrameFlags
    /// Zero is the connection.
    public var stream: UInt32

    public init(length: Int, kind: FrameKind, flags: FrameFlags = [], stream: UInt32) {
        self.length = length
        self.kind = kind.rawValue
        self.flags = flags
        self.stream = stream
    }

    /// Reads a header; the caller has checked that nine bytes are there. The reserved bit is left out.
    public init(_ bytes: Span<UInt8>, at position: Int) {
        length = Int(bytes[position]) << 16 | Int(bytes[position + 1]) << 8 | Int(bytes[position + 2])
        kind = bytes[position + 3]
        flags = FrameFlags(rawValue: bytes[position + 4])
        stream = bytes.bigEndian(position + 5) & Self.maximumStream
    }
}

extension Span<UInt8> {
    /// Four bytes as a number.
    @inline(__always)
    func bigEndian(_ position: Int) -> UInt32 {
        UInt32(self[position]) << 24 | UInt32(self[position + 1]) << 16 | UInt32(self[position + 2]) << 8
            | UInt32(self[position + 3])
    }
}

extension OutputWriter {
    /// Appends a frame's header.
    @_lifetime(self: copy self)
    public mutating func append(_ header: FrameHeader) {
        // From the top: three bytes of length, kind, flags.
        let start = UInt64(truncatingIfNeeded: header.length) << 40 | UInt64(header.kind) << 32
        append(word: (start | UInt64(header.flags.rawValue) << 24).byteSwapped, count: 5)
        append(bigEndian: header.stream)
    }

    /// Appends a number of four bytes.
    @inline(__always)
    @_lifetime(self: copy self)
    mutating func append(bigEndian value: UInt32) {
        append(word: UInt64(value.byteSwapped), count: 4)
    }

    /// Appends a number of two bytes.
    @inline(__always)
    @_lifetime(self: copy self)
    mutating func append(bigEndian value: UInt16) {
        append(word: UInt64(value.byteSwapped), count: 2)
    }
}
