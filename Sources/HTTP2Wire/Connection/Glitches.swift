// Owns the budget of what is no fault and yet only costs: each kind counted, all paid from one purse.

/// What a peer does that a fair one does seldom.
public enum GlitchKind: Int, CaseIterable, Sendable {
    /// RST_STREAM of a stream whose answer was not over.
    case earlyReset
    /// A stream that we had to reset: a malformed message, a window that overflows, data beyond what was declared.
    case causedReset
    /// A stream beyond the limit on concurrent ones.
    case refusedStream
    case largeHead
    /// A CONTINUATION frame that is small or one of many.
    case continuation
    /// A DATA frame without data that does not end a stream.
    case emptyData
    case ping
    case settings
    case priority
    case windowUpdate
    case unknownFrame
    /// A frame for a stream that is over.
    case closedStream
    /// A window that lets nearly nothing through while data waits.
    case stalledStream
}

/// How far the budget is used up.
enum GlitchLevel: Sendable {
    case fine
    /// Three quarters: time to say goodbye.
    case high
    case exceeded
}

/// One connection's glitches.
public struct Glitches: Sendable {
    /// How many there were of each kind, by its raw value, for metrics.
    public private(set) var counts = InlineArray<13, UInt32>(repeating: 0)
    private let budget: Int64
    private let perSecond: Int64
    /// In millionths of a glitch.
    private var spent: Int64 = 0
    private var lastChange: Int64 = 0
    /// Updates of windows and priorities that cost nothing: what is sent and opened brings some.
    private var courtesy = Self.firstCourtesy

    private static let million: Int64 = 1_000_000
    private static let firstCourtesy = 50
    private static let mostCourtesy = 1000

    init(_ limits: H2Limits) {
        budget = Int64(max(1, limits.glitches)) * Self.million
        perSecond = Int64(max(0, limits.glitchesPerSecond))
    }

    /// How many glitches of a kind there were.
    public func count(_ kind: GlitchKind) -> UInt32 { counts[kind.rawValue] }

    /// Notes a glitch.
    ///
    /// - Parameter now: nanoseconds of a monotonic clock.
    mutating func spend(_ kind: GlitchKind, cost: Int = 1, now: Int64) -> GlitchLevel {
        counts[kind.rawValue] &+= 1
        // Millionths a second are thousandths a millisecond; a year is as good as ever.
        let milliseconds = min(max(0, now - lastChange) / 1_000_000, 31_536_000_000)
        if milliseconds > 0 {
            spent = max(0, spent - milliseconds * perSecond * 1000)
            lastChange = now
        }
        spent += Int64(cost) * Self.million
        if spent >= budget { return .exceeded }
        return spent * 4 >= budget * 3 ? .high : .fine
    }

    /// A frame that a fair peer sends now and then costs only when there were more than that.
    mutating func spendCourtesy(_ kind: GlitchKind, now: Int64) -> GlitchLevel {
        if courtesy > 0 {
            courtesy -= 1
            return .fine
        }
        return spend(kind, now: now)
    }

    /// A frame of data was sent, or a stream opened, that some updates may follow.
    mutating func earnCourtesy() { courtesy = min(courtesy + 4, Self.mostCourtesy) }
}
