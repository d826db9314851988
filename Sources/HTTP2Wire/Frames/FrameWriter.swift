// Owns the writing of every frame that is sent here.
public import HTTPWire

/// The sizes of frames, for those who have to know the room beforehand.
public enum FrameSize {
    /// A frame without payload: the acknowledgement of SETTINGS, an empty DATA.
    public static let empty = FrameHeader.size
    /// RST_STREAM and WINDOW_UPDATE.
    public static let small = FrameHeader.size + 4
    /// PING and GOAWAY.
    public static let large = FrameHeader.size + 8

    /// HEADERS and as many CONTINUATION frames as a block needs.
    public static func block(_ count: Int, maximumFrame: Int) -> Int {
        count + FrameHeader.size * max(1, (count + maximumFrame - 1) / maximumFrame)
    }
}

/// The text that a client's connection begins with (RFC 9113 section 3.4).
public enum Preface {
    public static let text: StaticString = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
    public static let count = 24
}

extension OutputWriter {
    /// Appends a SETTINGS frame of some values.
    @_lifetime(self: copy self)
    public mutating func appendSettings(_ values: Span<(H2Settings.Identifier, UInt32)>) {
        append(FrameHeader(length: 6 * values.count, kind: .settings, stream: 0))
        for index in 0..<values.count {
            append(bigEndian: values[index].0.rawValue)
            append(bigEndian: values[index].1)
        }
    }

    @_lifetime(self: copy self)
    public mutating func appendSettingsAcknowledgement() {
        append(FrameHeader(length: 0, kind: .settings, flags: .acknowledgement, stream: 0))
    }

    @_lifetime(self: copy self)
    public mutating func appendPing(_ payload: UInt64, isAcknowledgement: Bool) {
        append(FrameHeader(length: 8, kind: .ping, flags: isAcknowledgement ? .acknowledgement : [], stream: 0))
        append(word: payload.byteSwapped, count: 8)
    }

    @_lifetime(self: copy self)
    public mutating func appendGoAway(lastStream: UInt32, _ code: ErrorCode) {
        append(FrameHeader(length: 8, kind: .goAway, stream: 0))
        append(bigEndian: lastStream)
        append(bigEndian: code.rawValue)
    }

    @_lifetime(self: copy self)
    public mutating func appendReset(_ stream: UInt32, _ code: ErrorCode) {
        append(FrameHeader(length: 4, kind: .reset, stream: stream))
        append(bigEndian: code.rawValue)
    }

    /// - Parameter stream: zero for the connection.
    @_lifetime(self: copy self)
    public mutating func appendWindowUpdate(_ stream: UInt32, _ increment: Int) {
        append(FrameHeader(length: 4, kind: .windowUpdate, stream: stream))
        append(bigEndian: UInt32(truncatingIfNeeded: increment))
    }

    /// Appends a block as one HEADERS frame and the CONTINUATION frames that it needs.
    @_lifetime(self: copy self)
    public mutating func appendBlock(
        _ stream: UInt32, _ block: Span<UInt8>, endsStream: Bool, maximumFrame: Int
    ) {
        var start = 0
        var kind = FrameKind.headers
        repeat {
            let end = min(block.count, start + maximumFrame)
            var flags: FrameFlags = endsStream && start == 0 ? .endStream : []
            if end == block.count { flags.insert(.endHeaders) }
            append(FrameHeader(length: end - start, kind: kind, flags: flags, stream: stream))
            append(block, start, end)
            start = end
            kind = .continuation
        } while start < block.count
    }

    /// Appends a DATA frame.
    @_lifetime(self: copy self)
    public mutating func appendData(_ stream: UInt32, _ bytes: Span<UInt8>, _ range: Range<Int>, endsStream: Bool) {
        let flags: FrameFlags = endsStream ? .endStream : []
        append(FrameHeader(length: range.count, kind: .data, flags: flags, stream: stream))
        append(bytes, range.lowerBound, range.upperBound)
    }
}
