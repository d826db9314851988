// Owns cutting what arrives on a connection into frames.

/// Collects bytes until a frame is whole: four bytes of length, most significant first, and then so many bytes.
struct FrameReader {
    /// A frame announced more bytes than are allowed now.
    struct Oversized: Error, Hashable {
        let announced: Int
        let limit: Int

        /// Whether what was read as a length begins a record of TLS: a handshake or an alert, version 3 (RFC 8446 section 5.1).
        var isTLS: Bool { [21, 22].contains(announced >> 24) && announced >> 16 & 0xFF == 3 }
    }

    /// The most bytes of a frame; small until the peer has said who it is.
    var limit: Int
    private var header = 0
    private var headerCount = 0
    private var frame: [UInt8] = []
    private var missing = 0

    init(limit: Int) { self.limit = limit }

    /// Takes bytes from `bytes[place...]` up to the end of a frame.
    ///
    /// - Returns: a whole frame; nil when all bytes were taken and more are needed.
    mutating func next(_ bytes: Span<UInt8>, from place: inout Int) throws(Oversized) -> [UInt8]? {
        while place < bytes.count {
            if headerCount < 4 {
                header = header << 8 | Int(bytes[place])
                headerCount += 1
                place += 1
                guard headerCount == 4 else { continue }
                guard header <= limit else { throw Oversized(announced: header, limit: limit) }
                missing = header
                // Memory follows the bytes that came, not those that were announced.
                frame.reserveCapacity(min(missing, bytes.count - place))
            }
            let taken = min(missing, bytes.count - place)
            frame.append(contentsOf: bytes.extracting(place..<(place + taken)))
            place += taken
            missing -= taken
            if missing == 0 { return finish() }
        }
        return headerCount == 4 && missing == 0 ? finish() : nil
    }

    private mutating func finish() -> [UInt8] {
        defer { (frame, header, headerCount) = ([], 0, 0) }
        return frame
    }
}

extension [UInt8] {
    /// Appends a span's bytes.
    mutating func append(contentsOf span: Span<UInt8>) {
        append(addingCapacity: span.count) { room in
            for index in span.indices { room.append(span[index]) }
        }
    }

    /// The length in front of a frame.
    static func frameHeader(_ count: Int) -> [UInt8] {
        let length = UInt32(truncatingIfNeeded: count)
        return [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: length >> $0) }
    }
}
