// Owns the taking apart of frames: which lengths, streams and flags they may have, in any split of the input.

/// What was read: a whole small frame, the beginning of a large one, or a piece of it.
public enum FramePiece: Hashable, Sendable {
    /// A DATA frame begins, whose length counts for flow control.
    case data(stream: UInt32, length: Int, endsStream: Bool)
    /// Bytes of its payload without padding; `isLast` once, also when there are none.
    case dataPiece(Range<Int>, isLast: Bool)
    /// A HEADERS frame begins.
    case headers(stream: UInt32, endsStream: Bool, endsHeaders: Bool)
    /// A CONTINUATION frame begins; its length is said, since small ones are a way to waste time.
    case continuation(stream: UInt32, length: Int, endsHeaders: Bool)
    /// Bytes of a block; `isLast` once a frame, also when there are none.
    case fragment(Range<Int>, isLast: Bool)
    /// A PRIORITY frame, which says nothing any more (RFC 9113 section 5.3.2).
    case priority(stream: UInt32)
    case reset(stream: UInt32, ErrorCode)
    /// One value of a SETTINGS frame.
    case setting(UInt16, UInt32)
    /// The end of a SETTINGS frame, which is to be acknowledged.
    case settingsEnd
    case settingsAcknowledgement
    /// The eight bytes of a PING.
    case ping(UInt64)
    case pingAcknowledgement(UInt64)
    case goAway(lastStream: UInt32, ErrorCode)
    /// An increment of zero is for the receiver to refuse: it is the stream's error alone if it is of a stream.
    case windowUpdate(stream: UInt32, increment: UInt32)
    /// The value is a field's (RFC 9218 section 7.1); one that is too long to mean anything is empty.
    case priorityUpdate(stream: UInt32, Range<Int>)
    /// A frame of a kind that is not known (RFC 9113 section 5.5).
    case unknown
}

/// What one step over the input came to.
public enum FrameStep: Hashable, Sendable {
    case piece(FramePiece)
    /// Nothing can be read before more bytes are behind those at the position: never more than `FrameReader.lookahead`.
    case needMore
    /// The connection's error. A stream's errors are few, and the caller's to find.
    case failed(ErrorCode)
}

/// Reads frames out of bytes that come in any portions.
public struct FrameReader: Sendable {
    /// What has to be together before it can be read: a header with the fixed part of a payload.
    public static let lookahead = 80
    /// The longest value of a PRIORITY_UPDATE that is looked at.
    static let longestPriority = 64

    private enum State: Sendable {
        case header
        case data
        case fragment
        case settings
        case skip
    }

    private var state = State.header
    /// Bytes of the payload that are still to come, without padding.
    private var remaining = 0
    private var padding = 0
    /// The stream whose block is not over; zero: none.
    private var openBlock: UInt32 = 0
    /// Our SETTINGS_MAX_FRAME_SIZE.
    private let maximumFrame: Int

    public init(maximumFrame: Int = H2Settings.leastFrameSize) { self.maximumFrame = maximumFrame }

    /// Whether the next byte is a frame's first.
    public var isBetweenFrames: Bool {
        if case .header = state { return true }
        return false
    }

    /// Reads on from `position`.
    public mutating func next(_ input: Span<UInt8>, _ position: inout Int) -> FrameStep {
        while true {
            switch state {
            case .header: return readHeader(input, &position)
            case .data:
                guard let piece = takePiece(input, &position) else { return .needMore }
                return .piece(.dataPiece(piece.range, isLast: piece.isLast))
            case .fragment:
                guard let piece = takePiece(input, &position) else { return .needMore }
                return .piece(.fragment(piece.range, isLast: piece.isLast))
            case .settings:
                if remaining == 0 {
                    state = .header
                    return .piece(.settingsEnd)
                }
                guard input.count - position >= 6 else { return .needMore }
                let identifier = UInt16(input[position]) << 8 | UInt16(input[position + 1])
                let value = input.bigEndian(position + 2)
                position += 6
                remaining -= 6
                return .piece(.setting(identifier, value))
            case .skip:
                let taken = min(padding, input.count - position)
                position += taken
                padding -= taken
                guard padding == 0 else { return .needMore }
                state = .header
            }
        }
    }

    /// The next bytes of a payload.
    private mutating func takePiece(_ input: Span<UInt8>, _ position: inout Int) -> (range: Range<Int>, isLast: Bool)? {
        let taken = min(remaining, input.count - position)
        guard taken > 0 || remaining == 0 else { return nil }
        let range = position..<(position + taken)
        position += taken
        remaining -= taken
        // Behind the last byte only padding may follow, which is skipped.
        if remaining == 0 { state = .skip }
        return (range, remaining == 0)
    }

    private mutating func readHeader(_ input: Span<UInt8>, _ position: inout Int) -> FrameStep {
        guard input.count - position >= FrameHeader.size else { return .needMore }
        let header = FrameHeader(input, at: position)
        guard header.length <= maximumFrame else { return .failed(.frameSizeError) }
        let kind = FrameKind(rawValue: header.kind)
        // Within a block nothing else may come, not even what is unknown (RFC 9113 section 6.2).
        if openBlock != 0 {
            guard kind == .continuation, header.stream == openBlock else { return .failed(.protocolError) }
        } else if kind == .continuation {
            return .failed(.protocolError)
        }
        guard let kind else {
            position += FrameHeader.size
            return skip(header.length, .unknown)
        }
        if let code = Self.fault(header, kind) { return .failed(code) }
        let start = position + FrameHeader.size
        switch kind {
        case .data, .headers: return beginPadded(input, &position, header, kind)
        case .continuation:
            position = start
            remaining = header.length
            padding = 0
            state = .fragment
            let ends = header.flags.contains(.endHeaders)
            if ends { openBlock = 0 }
            return .piece(.continuation(stream: header.stream, length: header.length, endsHeaders: ends))
        case .settings:
            position = start
            if header.flags.contains(.acknowledgement) { return .piece(.settingsAcknowledgement) }
            remaining = header.length
            state = .settings
            return next(input, &position)
        default: return readSmall(input, &position, header, kind)
        }
    }

    /// The rules of RFC 9113 sections 6.1 to 6.10 on streams and lengths, of RFC 9218 section 7.1 for its frame.
    private static func fault(_ header: FrameHeader, _ kind: FrameKind) -> ErrorCode? {
        switch kind {
        // Nobody asked for pushes, and a client may not send them.
        case .pushPromise: return .protocolError
        case .data, .headers, .continuation: return header.stream == 0 ? .protocolError : nil
        case .priority: return header.stream == 0 ? .protocolError : header.length == 5 ? nil : .frameSizeError
        case .reset: return header.stream == 0 ? .protocolError : header.length == 4 ? nil : .frameSizeError
        case .settings:
            if header.stream != 0 { return .protocolError }
            if header.flags.contains(.acknowledgement), header.length > 0 { return .frameSizeError }
            return header.length % 6 == 0 ? nil : .frameSizeError
        case .ping: return header.stream != 0 ? .protocolError : header.length == 8 ? nil : .frameSizeError
        case .goAway: return header.stream != 0 ? .protocolError : header.length >= 8 ? nil : .frameSizeError
        case .windowUpdate: return header.length == 4 ? nil : .frameSizeError
        case .priorityUpdate: return header.stream != 0 ? .protocolError : header.length >= 4 ? nil : .frameSizeError
        }
    }

    /// Begins DATA or HEADERS, whose payload has a length of padding and a priority in front of it, where flags say so.
    private mutating func beginPadded(
        _ input: Span<UInt8>, _ position: inout Int, _ header: FrameHeader, _ kind: FrameKind
    ) -> FrameStep {
        let isPadded = header.flags.contains(.padded)
        let hasPriority = kind == .headers && header.flags.contains(.priority)
        let fixed = (isPadded ? 1 : 0) + (hasPriority ? 5 : 0)
        guard header.length >= fixed else { return .failed(.frameSizeError) }
        let start = position + FrameHeader.size
        guard input.count - start >= fixed else { return .needMore }
        padding = isPadded ? Int(input[start]) : 0
        guard padding <= header.length - fixed else { return .failed(.protocolError) }
        if hasPriority {
            let dependency = input.bigEndian(start + fixed - 5) & FrameHeader.maximumStream
            guard dependency != header.stream else { return .failed(.protocolError) }
        }
        position = start + fixed
        remaining = header.length - fixed - padding
        let endsStream = header.flags.contains(.endStream)
        if kind == .data {
            state = .data
            return .piece(.data(stream: header.stream, length: header.length, endsStream: endsStream))
        }
        state = .fragment
        let endsHeaders = header.flags.contains(.endHeaders)
        openBlock = endsHeaders ? 0 : header.stream
        return .piece(.headers(stream: header.stream, endsStream: endsStream, endsHeaders: endsHeaders))
    }

    /// Reads a frame whose payload, or the part of it that counts, is together.
    private mutating func readSmall(
        _ input: Span<UInt8>, _ position: inout Int, _ header: FrameHeader, _ kind: FrameKind
    ) -> FrameStep {
        let isLong = kind == .priorityUpdate && header.length > 4 + Self.longestPriority
        let needed = kind == .goAway ? 8 : isLong ? 4 : header.length
        let start = position + FrameHeader.size
        guard input.count - start >= needed else { return .needMore }
        position = start + needed
        let rest = header.length - needed
        let first = input.bigEndian(start)
        switch kind {
        case .priority:
            // Kept of the old scheme: a stream cannot wait for itself (RFC 7540 section 5.3.1).
            guard first & FrameHeader.maximumStream != header.stream else { return .failed(.protocolError) }
            return .piece(.priority(stream: header.stream))
        case .reset: return .piece(.reset(stream: header.stream, ErrorCode(rawValue: first)))
        case .ping:
            let payload = UInt64(first) << 32 | UInt64(input.bigEndian(start + 4))
            let isAcknowledgement = header.flags.contains(.acknowledgement)
            return .piece(isAcknowledgement ? .pingAcknowledgement(payload) : .ping(payload))
        case .goAway:
            let code = ErrorCode(rawValue: input.bigEndian(start + 4))
            return skip(rest, .goAway(lastStream: first & FrameHeader.maximumStream, code))
        case .windowUpdate:
            return .piece(.windowUpdate(stream: header.stream, increment: first & FrameHeader.maximumStream))
        case .priorityUpdate:
            let stream = first & FrameHeader.maximumStream
            guard stream != 0 else { return .failed(.protocolError) }
            return skip(rest, .priorityUpdate(stream: stream, (start + 4)..<(start + needed)))
        default: return .failed(.internalError)
        }
    }

    /// Leaves out the next bytes of a payload.
    private mutating func skip(_ count: Int, _ piece: FramePiece) -> FrameStep {
        padding = count
        state = .skip
        return .piece(piece)
    }
}
