// Owns the writing of a head of HTTP/1.1 as a block: what has no meaning in HTTP/2 is left out.
import HTTPWire

/// A field line, as offsets into a head.
struct HeadLine {
    var nameStart: UInt16
    var nameEnd: UInt16
    var valueStart: UInt16
    var valueEnd: UInt16

    var name: Range<Int> { Int(nameStart)..<Int(nameEnd) }
    var value: Range<Int> { Int(valueStart)..<Int(valueEnd) }
}

/// What was written.
struct WrittenHead {
    /// Bytes of the block in `HeadScratch.block`.
    var count = 0
    /// The status of a response, as it is sent.
    var status = 0
    var isHead = false
    /// The request asks for WebSocket, or the response accepts it.
    var isTunnel = false
    /// The key that a request for WebSocket has in HTTP/1.
    var key: Range<Int>?
}

extension HeadScratch {
    /// Finds the lines of a head that was written here for HTTP/1.1, or of trailers.
    ///
    /// - Parameter hasFirstLine: whether the first line is no field.
    /// - Returns: whether it is one; nothing is written of anything else.
    mutating func scan(_ head: Span<UInt8>, hasFirstLine: Bool) -> Bool {
        lines.removeAll(keepingCapacity: true)
        guard head.count <= 65_535 else { return false }
        var start = 0
        if hasFirstLine {
            let end = head.endOfFieldValue(0)
            guard end + 1 < head.count, end >= 12, head[end] == 0x0D, head[end + 1] == 0x0A else { return false }
            lines.append(HeadLine(nameStart: 0, nameEnd: 0, valueStart: 0, valueEnd: UInt16(end)))
            start = end + 2
        }
        while start < head.count {
            if head[start] == 0x0D { return start + 2 == head.count && head[start + 1] == 0x0A }
            var colon = head.endOfPlainName(start)
            while colon < head.count, CharacterSets.isToken(head[colon]) { colon += 1 }
            guard colon < head.count, colon > start, head[colon] == 0x3A else { return false }
            var low = colon + 1
            while low < head.count, head[low] == 0x20 || head[low] == 0x09 { low += 1 }
            let end = head.endOfFieldValue(low)
            guard end + 1 < head.count, head[end] == 0x0D, head[end + 1] == 0x0A else { return false }
            var high = end
            while high > low, head[high - 1] == 0x20 || head[high - 1] == 0x09 { high -= 1 }
            lines.append(
                HeadLine(
                    nameStart: UInt16(start), nameEnd: UInt16(colon), valueStart: UInt16(low), valueEnd: UInt16(high)))
            start = end + 2
        }
        return !hasFirstLine
    }

    /// Bytes in which the block of the lines that were found fits.
    mutating func blockRoom(_ head: Span<UInt8>) -> Int {
        HPACKEncoder.room(fields: lines.count + 4, bytes: head.count + 32)
    }

    /// Whether the head whose lines were found asks for WebSocket.
    func asksForTunnel(_ head: Span<UInt8>) -> Bool {
        for line in lines.dropFirst() where line.name.count == 7 {
            let name = ByteRange(start: line.name.lowerBound, count: line.name.count)
            let value = ByteRange(start: line.value.lowerBound, count: line.value.count)
            if head.equalsIgnoringCase(name, "upgrade"), head.equalsIgnoringCase(value, "websocket") { return true }
        }
        return false
    }

    /// Writes a request: the pseudo fields first, `Host` among them.
    mutating func writeRequest(_ head: Span<UInt8>, _ encoder: inout HPACKEncoder, isSecure: Bool) -> WrittenHead? {
        let first = lines[0].value
        guard let target = head.target(first) else { return nil }
        var written = WrittenHead()
        written.isHead = target.lowerBound == 5 && head.word(0, count: 4) == 0x4441_4548
        written.isTunnel = asksForTunnel(head)
        let host = lines.dropFirst().first { line in
            line.name.count == 4 && head.equalsIgnoringCase(ByteRange(start: line.name.lowerBound, count: 4), "host")
        }?.value
        var block = takeBlock(head)
        defer { swap(&block, &self.block) }
        var writer = OutputWriter(block.mutableSpan)
        encoder.beginBlock(into: &writer)
        if written.isTunnel {
            encoder.write(staticName: KnownField.method, "CONNECT", into: &writer)
            encoder.write(staticName: KnownField.protocol, "websocket", into: &writer)
        } else {
            encoder.write(staticName: KnownField.method, head, 0..<(target.lowerBound - 1), into: &writer)
        }
        encoder.write(staticName: KnownField.scheme, isSecure ? "https" : "http", into: &writer)
        if let host { encoder.write(staticName: KnownField.authority, head, host, into: &writer) }
        encoder.write(staticName: KnownField.path, head, target, into: &writer)
        Self.writeFields(lines.span, tables, head, &encoder, &writer, &written, isRequest: true)
        written.count = writer.count
        return writer.overflowed ? nil : written
    }

    /// Writes a response. A 101, which accepts WebSocket, is 200 in HTTP/2 (RFC 8441 section 5).
    mutating func writeResponse(_ head: Span<UInt8>, _ encoder: inout HPACKEncoder) -> WrittenHead? {
        var status = 0
        for index in 9..<12 {
            let digit = head[index] &- 0x30
            guard digit < 10 else { return nil }
            status = status * 10 + Int(digit)
        }
        guard status >= 100 else { return nil }
        var written = WrittenHead()
        written.isTunnel = status == 101
        written.status = written.isTunnel ? 200 : status
        var block = takeBlock(head)
        defer { swap(&block, &self.block) }
        var writer = OutputWriter(block.mutableSpan)
        encoder.beginBlock(into: &writer)
        encoder.write(status: written.status, into: &writer)
        Self.writeFields(lines.span, tables, head, &encoder, &writer, &written, isRequest: false)
        written.count = writer.count
        return writer.overflowed ? nil : written
    }

    /// Writes trailers.
    mutating func writeTrailers(_ head: Span<UInt8>, _ encoder: inout HPACKEncoder) -> WrittenHead? {
        var written = WrittenHead()
        var block = takeBlock(head)
        defer { swap(&block, &self.block) }
        var writer = OutputWriter(block.mutableSpan)
        encoder.beginBlock(into: &writer)
        for line in lines { encoder.write(head, name: line.name, value: line.value, into: &writer) }
        written.count = writer.count
        return writer.overflowed ? nil : written
    }

    /// The memory for a block, moved out and large enough.
    private mutating func takeBlock(_ head: Span<UInt8>) -> [UInt8] {
        var block: [UInt8] = []
        swap(&block, &self.block)
        let room = blockRoom(head)
        if block.count < room { block = [UInt8](repeating: 0, count: max(room, 2048)) }
        return block
    }

    /// Writes the fields that are not of the connection (RFC 9113 section 8.2.2).
    @_lifetime(writer: copy writer)
    private static func writeFields(
        _ lines: Span<HeadLine>, _ tables: borrowing HPACKTables, _ head: Span<UInt8>, _ encoder: inout HPACKEncoder,
        _ writer: inout OutputWriter, _ written: inout WrittenHead, isRequest: Bool
    ) {
        for index in 1..<lines.count {
            let line = lines[index]
            let hash = head.fieldHash(line.name)
            let number = tables.find(head, line.name, hash: hash)
            switch number {
            case KnownField.connection, KnownField.keepAlive, KnownField.proxyConnection, KnownField.upgrade,
                KnownField.transferEncoding, KnownField.http2Settings:
                continue
            case KnownField.host where isRequest: continue
            case KnownField.webSocketKey where isRequest:
                written.key = line.value
                if written.isTunnel { continue }
            case KnownField.webSocketAccept where written.isTunnel: continue
            case KnownField.te:
                // `trailers` is all that HTTP/2 knows of it.
                let value = ByteRange(start: line.value.lowerBound, count: line.value.count)
                if !head.equalsIgnoringCase(value, "trailers") { continue }
            default: break
            }
            encoder.write(head, line.name, hash, number, head, line.value, &writer)
        }
    }
}

extension Span<UInt8> {
    /// The target of a request line.
    fileprivate func target(_ line: Range<Int>) -> Range<Int>? {
        var start = 0
        while start < line.upperBound, self[start] != 0x20 { start += 1 }
        // " HTTP/1.1" is behind it.
        let end = line.upperBound - 9
        return start > 0 && start + 1 < end && self[end] == 0x20 ? (start + 1)..<end : nil
    }
}

extension HPACKEncoder {
    /// Appends a field whose name and value are known here.
    @_lifetime(writer: copy writer)
    mutating func write(staticName: Int, _ value: StaticString, into writer: inout OutputWriter) {
        var bytes = InlineArray<16, UInt8>(repeating: 0)
        let count = min(16, value.utf8CodeUnitCount)
        value.withUTF8Buffer { for index in 0..<count { bytes[index] = $0[index] } }
        write(staticName: staticName, bytes.span, 0..<count, into: &writer)
    }
}
