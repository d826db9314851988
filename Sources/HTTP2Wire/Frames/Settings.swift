// Owns the settings that both ends tell each other, and which values they may have (RFC 9113 section 6.5.2).

/// The settings of one end.
public struct H2Settings: Hashable, Sendable {
    /// The settings by their number; RFC 9113, RFC 8441 section 3, RFC 9218 section 2.1.
    public enum Identifier: UInt16, Sendable {
        case headerTableSize = 0x1
        case enablePush = 0x2
        case maximumConcurrentStreams = 0x3
        case initialWindowSize = 0x4
        case maximumFrameSize = 0x5
        case maximumHeadSize = 0x6
        case enableConnectProtocol = 0x8
        case noOldPriorities = 0x9
    }

    /// The default and least size of a frame's payload.
    public static let leastFrameSize = 1 << 14
    /// The default size of a window.
    public static let defaultWindow = 65_535
    /// The largest window there may be.
    public static let largestWindow = 0x7FFF_FFFF

    public var headerTableSize = 4096
    public var enablesPush = true
    /// Nil: as many as one likes.
    public var maximumConcurrentStreams: Int?
    public var initialWindowSize = Self.defaultWindow
    public var maximumFrameSize = Self.leastFrameSize
    /// Nil: not said.
    public var maximumHeadSize: Int?
    public var enablesConnectProtocol = false
    public var hasNoOldPriorities = false

    public init() {}

    /// Takes one value. Settings that are unknown change nothing.
    ///
    /// - Parameter isOfServer: whether the other end, which sent it, is the server: it may not enable pushes.
    /// - Returns: the code of the connection's error; nil when the value is right.
    public mutating func apply(_ identifier: UInt16, _ value: UInt32, isOfServer: Bool) -> ErrorCode? {
        guard let known = Identifier(rawValue: identifier) else { return nil }
        let number = Int(value)
        switch known {
        case .headerTableSize: headerTableSize = number
        case .enablePush:
            guard value <= (isOfServer ? 0 : 1) else { return .protocolError }
            enablesPush = value == 1
        case .maximumConcurrentStreams: maximumConcurrentStreams = number
        case .initialWindowSize:
            guard number <= Self.largestWindow else { return .flowControlError }
            initialWindowSize = number
        case .maximumFrameSize:
            guard (Self.leastFrameSize...0xFF_FFFF).contains(number) else { return .protocolError }
            maximumFrameSize = number
        case .maximumHeadSize: maximumHeadSize = number
        case .enableConnectProtocol:
            // Once it was offered, it may not be taken back (RFC 8441 section 3).
            guard value <= 1, value == 1 || !enablesConnectProtocol else { return .protocolError }
            enablesConnectProtocol = value == 1
        case .noOldPriorities:
            guard value <= 1 else { return .protocolError }
            hasNoOldPriorities = value == 1
        }
        return nil
    }
}
