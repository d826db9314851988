// Owns the strict parse of a request's head (RFC 9112 sections 2 and 3).

/// Parses request heads. A value with limits only; what it finds goes into a reused `RequestHead`.
public struct RequestHeadParser: Sendable {
    /// The most bytes of a head, at most 65,535.
    public let maximumHead: Int
    /// The most fields, at most 128.
    public let maximumFields: Int
    /// Whether heads say that their path has another normal form.
    public let paths: PathRule

    public init(maximumHead: Int = 32 << 10, maximumFields: Int = 128, paths: PathRule = .normalized) {
        self.paths = paths
        self.maximumHead = min(max(maximumHead, 64), 65_535)
        self.maximumFields = min(max(maximumFields, 1), FieldTable.capacity)
    }

    /// Parses the head that `bytes` begins with. After `needMore`, call again with the same bytes and more behind them:
    /// only the search for the end is repeated then, from where it stopped, so that slow senders cost linear time.
    public func parse(_ input: Span<UInt8>, into head: RequestHead) -> HeadOutcome {
        // Nothing behind the limit is looked at: a head that does not end before it is too large.
        let bytes = input.count > maximumHead ? input.extracting(first: maximumHead) : input
        if head.searched > 0, !Self.findEnd(bytes, &head.searched), bytes.count < maximumHead { return .needMore }
        head.fields.reset()
        head.expectsContinue = false
        head.wantsWebSocket = false
        head.acceptsTrailers = false
        head.isAbsoluteForm = false
        head.isAsterisk = false
        head.authority = .none
        let outcome = parseAll(bytes, head)
        switch outcome {
        case .complete, .failed:
            head.searched = 0
            return outcome
        case .needMore:
            head.searched = bytes.count < maximumHead ? max(0, bytes.count - 3) : 0
            return bytes.count < maximumHead ? .needMore : .failed(tooLarge(bytes))
        }
    }

    /// 414 while the request line alone is too long, else 431.
    private func tooLarge(_ bytes: Span<UInt8>) -> WireError {
        for index in 0..<bytes.count where bytes[index] == 0x0A && index > 1 {
            return WireError(431, "head_too_large")
        }
        return WireError(414, "target_too_long")
    }

    /// Whether an empty line, in any spelling, ends a head at or after `searched`.
    static func findEnd(_ bytes: Span<UInt8>, _ searched: inout Int) -> Bool {
        var index = searched
        while index < bytes.count {
            if bytes[index] == 0x0A {
                if index + 1 < bytes.count, bytes[index + 1] == 0x0A { return true }
                if index + 2 < bytes.count, bytes[index + 1] == 0x0D, bytes[index + 2] == 0x0A { return true }
            }
            index += 1
        }
        searched = max(searched, bytes.count - 3)
        return false
    }

    @inline(__always)
    private func parseAll(_ bytes: Span<UInt8>, _ head: RequestHead) -> HeadOutcome {
        var start = 0
        // One empty line before a request is skipped (RFC 9112 section 2.2).
        if bytes.count > 0, bytes[0] == 0x0D {
            guard bytes.count > 1 else { return .needMore }
            guard bytes[1] == 0x0A else { return .failed(WireError(400, "bare_cr")) }
            start = 2
        }
        head.lineStart = start
        switch parseRequestLine(bytes, start, head) {
        case .complete(let next): head.fieldsStart = next
        case let other: return other
        }
        let rules = FieldRules(maximumFields: maximumFields, acceptsBareLineFeeds: false, isRequest: true)
        switch head.fields.parse(bytes, from: head.fieldsStart, rules) {
        case .needMore: return .needMore
        case .failed(let error): return .failed(error)
        case .end(let end):
            if let error = judge(bytes, head) { return .failed(error) }
            return .complete(end)
        }
    }

    @inline(__always)
    private func parseRequestLine(_ bytes: Span<UInt8>, _ start: Int, _ head: RequestHead) -> HeadOutcome {
        var index = start
        while index < bytes.count, CharacterSets.isToken(bytes[index]) { index += 1 }
        guard index < bytes.count else { return .needMore }
        guard bytes[index] == 0x20, index > start else { return .failed(WireError(400, "method")) }
        head.methodRange = ByteRange(start: start, count: index - start)
        head.method = Self.method(bytes, head.methodRange)
        index += 1
        let targetStart = index
        var suspicious = false
        var question = -1
        while true {
            index = bytes.nextTargetMark(index)
            guard index < bytes.count else { return .needMore }
            let byte = bytes[index]
            if CharacterSets.isPlainTarget(byte) {
                if question >= 0 {
                    // Nothing in a query changes how the path is read.
                } else if byte == 0x3F {
                    question = index
                } else if bytes.isDoubtful(index) {
                    suspicious = true
                }
            } else if byte == 0x25 {
                guard index + 2 < bytes.count else { return .needMore }
                if let error = Self.escapeError(bytes, index, isQuery: question >= 0) { return .failed(error) }
                if question < 0 { suspicious = true }
            } else {
                break
            }
            index += 1
        }
        guard bytes[index] == 0x20, index > targetStart else {
            return .failed(WireError(400, bytes[index] == 0x0A ? "bare_lf" : "target"))
        }
        head.target = ByteRange(start: targetStart, count: index - targetStart)
        head.mayNeedNormalizing = suspicious && paths == .normalized
        if let error = splitTarget(bytes, head, question) { return .failed(error) }
        return parseVersion(bytes, index + 1, head)
    }

    /// A percent sign needs two hexadecimal digits (RFC 3986 section 2.1), or servers differ in what the path is. In a
    /// query, where people and programs write `100%`, it passes as it is. `%00` ends strings in too many places.
    private static func escapeError(_ bytes: Span<UInt8>, _ index: Int, isQuery: Bool) -> WireError? {
        guard let high = CharacterSets.hexValue(bytes[index + 1]), let low = CharacterSets.hexValue(bytes[index + 2])
        else { return isQuery ? nil : WireError(400, "percent_encoding") }
        return high == 0 && low == 0 ? WireError(400, "percent_nul") : nil
    }

    @inline(__always)
    private func parseVersion(_ bytes: Span<UInt8>, _ start: Int, _ head: RequestHead) -> HeadOutcome {
        guard start + 10 <= bytes.count else {
            // A line that ends before its version may be over and never grow to ten bytes.
            if let error = Self.shortLineError(bytes, start) { return .failed(error) }
            return .needMore
        }
        // "HTTP/1." is the low seven bytes.
        let word = bytes.word(start)
        let minor = UInt8(truncatingIfNeeded: word >> 56)
        guard word & 0x00FF_FFFF_FFFF_FFFF == 0x002E_312F_5054_5448, CharacterSets.isDigit(minor),
            bytes[start + 8] == 0x0D, bytes[start + 9] == 0x0A
        else { return .failed(Self.versionError(bytes, start)) }
        head.minorVersion = minor == 0x30 ? 0 : 1
        return .complete(start + 10)
    }

    /// Says the same of a whole line as of its first bytes.
    private static func versionError(_ bytes: Span<UInt8>, _ start: Int) -> WireError {
        if let error = shortLineError(bytes, start) { return error }
        let isHTTP = bytes.halfWord(start) == 0x5054_5448 && bytes[start + 4] == 0x2F
        if isHTTP, CharacterSets.isDigit(bytes[start + 5]), bytes[start + 5] != 0x31 {
            return WireError(505, "version_not_supported")
        }
        return WireError(400, "version")
    }

    /// What is wrong with a line that ends within the nine bytes where its version should be.
    private static func shortLineError(_ bytes: Span<UInt8>, _ start: Int) -> WireError? {
        for index in start..<max(start, min(start + 9, bytes.count)) where bytes[index] == 0x0A {
            return WireError(400, bytes[index - 1] == 0x0D ? "version" : "bare_lf")
        }
        return nil
    }

    @inline(__always)
    private static func method(_ bytes: Span<UInt8>, _ range: ByteRange) -> RequestMethod {
        let start = range.lower
        switch range.count {
        case 3:
            if bytes[start] == 0x47, bytes[start + 1] == 0x45, bytes[start + 2] == 0x54 { return .get }
            if bytes[start] == 0x50, bytes[start + 1] == 0x55, bytes[start + 2] == 0x54 { return .put }
            return .other
        case 4:
            if bytes.halfWord(start) == 0x5453_4F50 { return .post }
            return bytes.halfWord(start) == 0x4441_4548 ? .head : .other
        case 5:
            if bytes.halfWord(start) == 0x4354_4150, bytes[start + 4] == 0x48 { return .patch }
            return bytes.halfWord(start) == 0x4341_5254 && bytes[start + 4] == 0x45 ? .trace : .other
        case 6:
            return bytes.halfWord(start) == 0x454C_4544 && bytes.halfWord(start + 2) == 0x4554_454C ? .delete : .other
        case 7:
            if bytes.halfWord(start) == 0x4954_504F, bytes.halfWord(start + 3) == 0x534E_4F49 { return .options }
            return bytes.halfWord(start) == 0x4E4E_4F43 && bytes.halfWord(start + 3) == 0x5443_454E ? .connect : .other
        default: return .other
        }
    }
}
