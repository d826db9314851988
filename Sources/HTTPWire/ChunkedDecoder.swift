// Owns the chunked coding (RFC 9112 section 7.1): strict, in any split of the input, chunks skipped and not scanned.

/// Follows a chunked body. Validates every byte of its framing, so that what it passes can be forwarded as it came.
public struct ChunkedDecoder: Sendable {
    /// How many bytes the chunk extensions of a body, with the white space around them, may be longer in all than the
    /// payload that came before them. A signature in each chunk passes (some object stores have it); a body that is
    /// nothing but extensions does not.
    public static let extensionAllowance: UInt64 = 4 << 10
    /// The largest chunk, of 2^60 bytes: more than any body, and no overflow.
    public static let maximumChunk: UInt64 = 1 << 60
    /// The most bytes of a trailer section.
    public static let maximumTrailers = 16 << 10
    /// The most lines of a trailer section.
    public static let maximumTrailerLines = 128

    private enum State: UInt8 {
        case size, sizeSpace, extensions, sizeLineFeed, data, dataReturn, dataLineFeed
        case trailerStart, trailer, trailerLineFeed, endLineFeed, done
    }

    private var state = State.size
    private var digits = 0
    private var remaining: UInt64 = 0
    /// Bytes of payload, and of extensions with the white space before them.
    private var payload: UInt64 = 0
    private var extensions: UInt64 = 0
    private var trailerBytes = 0
    private var trailerLines = 0
    private var line: [UInt8] = []
    /// Trailer lines that may be passed on, each with its CRLF. Framing, routing and authentication fields are not among
    /// them (RFC 9110 section 6.5.1).
    public private(set) var trailers: [UInt8] = []

    /// Whether a trailer line came that may not be passed on.
    public private(set) var dropsTrailers = false

    public init() {}

    public var isDone: Bool { state == .done }

    /// One step's outcome.
    public enum Step: Sendable {
        /// Payload bytes; go on behind them.
        case payload(Range<Int>)
        /// All bytes are used up.
        case needMore
        /// The message is over; `rest` is the first byte behind it. What came before `section` is chunks and may be
        /// forwarded as it came, if an earlier call did not end inside the trailer section.
        case done(section: Int, rest: Int)
        case failed(WireError)
    }

    /// Whether the next byte belongs to the trailer section.
    public var isInTrailers: Bool {
        switch state {
        case .trailerStart, .trailer, .trailerLineFeed, .endLineFeed, .done: true
        default: false
        }
    }

    /// Where chunks end and trailers begin in the bytes of the last call; nil when they did not.
    public private(set) var sectionStart: Int?

    /// Advances over `bytes` from `position`, to the next piece of payload or as far as it goes.
    public mutating func step(_ bytes: Span<UInt8>, _ position: inout Int) -> Step {
        if state == .done { return .done(section: 0, rest: position) }
        sectionStart = isInTrailers ? 0 : sectionStart
        while position < bytes.count {
            if state == .data {
                let available = UInt64(bytes.count - position)
                let taken = Int(min(available, remaining))
                let start = position
                position += taken
                remaining -= UInt64(taken)
                payload += UInt64(taken)
                if remaining == 0 { state = .dataReturn }
                return .payload(start..<position)
            }
            if let error = take(bytes[position]) { return .failed(error) }
            position += 1
            if state == .trailerStart, sectionStart == nil { sectionStart = position }
            if state == .done { return .done(section: sectionStart ?? position, rest: position) }
        }
        return .needMore
    }

    /// Validates `bytes` from `position` without looking at the payload.
    ///
    /// - Returns: `.needMore`, `.done` or `.failed`.
    public mutating func skip(_ bytes: Span<UInt8>, _ position: inout Int) -> Step {
        sectionStart = nil
        while true {
            let outcome = step(bytes, &position)
            if case .payload = outcome { continue }
            return outcome
        }
    }

    /// How much of some bytes of a chunked body passes on.
    public struct Passage: Sendable, Hashable {
        /// The first bytes, which may be forwarded as they came.
        public var count: Int
        /// Whether `trailerSection` is to be sent behind them: it was held back until all of it was known.
        public var addsTrailers = false
        /// The bytes that belong to the message.
        public var taken: Int
        public var isDone = false
    }

    /// Validates the next bytes of a body that is passed on in its chunks. A trailer section that has to be waited for, or
    /// that has a line which may not pass, is held back and written anew (RFC 9110 section 6.5.1); else it passes as it
    /// came.
    public mutating func follow(_ bytes: Span<UInt8>) throws(WireError) -> Passage {
        let wasInTrailers = isInTrailers
        var position = 0
        switch skip(bytes, &position) {
        case .failed(let error): throw error
        case .done(let section, let rest):
            if !wasInTrailers, !dropsTrailers { return Passage(count: rest, taken: rest, isDone: true) }
            return Passage(count: wasInTrailers ? 0 : section, addsTrailers: true, taken: rest, isDone: true)
        default:
            let passed = wasInTrailers ? 0 : isInTrailers ? sectionStart ?? bytes.count : bytes.count
            return Passage(count: passed, taken: bytes.count)
        }
    }

    /// The trailer section of a message that is over, without the lines that may not pass, and with its empty line.
    public var trailerSection: [UInt8] { trailers + [0x0D, 0x0A] }

    private mutating func take(_ byte: UInt8) -> WireError? {
        switch state {
        case .size: return takeSize(byte)
        case .sizeSpace: return endSize(byte)
        case .extensions: return takeExtension(byte)
        case .sizeLineFeed:
            guard byte == 0x0A else { return WireError(400, "chunk_line") }
            digits = 0
            state = remaining == 0 ? .trailerStart : .data
        case .dataReturn:
            guard byte == 0x0D else { return WireError(400, "chunk_end") }
            state = .dataLineFeed
        case .dataLineFeed:
            guard byte == 0x0A else { return WireError(400, "chunk_end") }
            state = .size
        case .trailerStart:
            if byte == 0x0D {
                state = .endLineFeed
                return nil
            }
            line.removeAll(keepingCapacity: true)
            state = .trailer
            return takeTrailer(byte)
        case .trailer: return takeTrailer(byte)
        case .trailerLineFeed:
            guard byte == 0x0A else { return WireError(400, "trailer") }
            state = .trailerStart
            return endTrailerLine()
        case .endLineFeed:
            guard byte == 0x0A else { return WireError(400, "trailer") }
            state = .done
        case .data, .done: break
        }
        return nil
    }

    private mutating func takeSize(_ byte: UInt8) -> WireError? {
        if let value = CharacterSets.hexValue(byte) {
            digits += 1
            // Sixteen fit the word; zeros in front are some senders' fixed width.
            guard digits <= 16 else { return WireError(400, "chunk_size") }
            remaining = (digits == 1 ? 0 : remaining << 4) | UInt64(value)
            return remaining <= Self.maximumChunk ? nil : WireError(400, "chunk_size")
        }
        return digits > 0 ? endSize(byte) : WireError(400, "chunk_size")
    }

    /// What may follow a size: white space, extensions, the end of the line (RFC 9112 section 7.1.1).
    private mutating func endSize(_ byte: UInt8) -> WireError? {
        switch byte {
        case 0x0D:
            state = .sizeLineFeed
            return nil
        case 0x3B: state = .extensions
        case 0x20, 0x09: state = .sizeSpace
        default: return WireError(400, "chunk_size")
        }
        return countExtension()
    }

    private mutating func takeExtension(_ byte: UInt8) -> WireError? {
        if byte == 0x0D {
            state = .sizeLineFeed
            return nil
        }
        return (byte < 0x20 && byte != 0x09) || byte == 0x7F ? WireError(400, "chunk_extensions") : countExtension()
    }

    private mutating func countExtension() -> WireError? {
        extensions += 1
        return extensions > payload + Self.extensionAllowance ? WireError(400, "chunk_extensions") : nil
    }

    private mutating func takeTrailer(_ byte: UInt8) -> WireError? {
        trailerBytes += 1
        guard trailerBytes <= Self.maximumTrailers else { return WireError(431, "trailers_too_large") }
        if byte == 0x0D {
            state = .trailerLineFeed
            return nil
        }
        if (byte < 0x20 && byte != 0x09) || byte == 0x7F { return WireError(400, "trailer") }
        line.append(byte)
        return nil
    }

    private mutating func endTrailerLine() -> WireError? {
        trailerLines += 1
        guard trailerLines <= Self.maximumTrailerLines else { return WireError(431, "too_many_trailers") }
        guard let colon = line.firstIndex(of: 0x3A), colon > 0, line[..<colon].allSatisfy(CharacterSets.isToken) else {
            return WireError(400, "trailer")
        }
        if TrailerRules.maySend(line.span, 0, colon) { trailers += line + [0x0D, 0x0A] } else { dropsTrailers = true }
        return nil
    }
}
