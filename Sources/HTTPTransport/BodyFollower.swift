// Owns following a message's body by its framing: which bytes are its own, in what form they go on, where it ends.
internal import HTTPWire
internal import Proactor

/// In what form a body's bytes are handed over.
public enum BodyForm: UInt8, Sendable {
    /// With the framing they came with: chunks stay chunks, validated but not touched.
    case framed
    /// Without.
    case payload
}

/// Follows one body, and after it the next message's.
struct BodyFollower: ~Copyable {
    private(set) var framing: BodyFraming
    private var form: BodyForm
    /// Bytes that are still to come, of a body with a length.
    private(set) var remaining: UInt64
    /// Whether the last piece of a body with a length was no small one.
    private var isBulk = false
    /// Bytes of a piece from which on another way for the next one pays.
    private static let bulkPiece = 8 << 10
    /// nil until the first body in chunks: most connections never carry one, and many are idle.
    private var chunks: Chunks?

    private final class Chunks { var decoder = ChunkedDecoder() }

    init() {
        framing = .none
        form = .framed
        remaining = 0
    }

    /// Follows the next message's.
    @inline(__always)
    mutating func restart(_ framing: BodyFraming, form: BodyForm) {
        if case .chunked = framing { restartChunks() }
        self.framing = framing
        self.form = form
        isBulk = false
        if case .length(let count) = framing { remaining = count } else { remaining = 0 }
    }

    private mutating func restartChunks() {
        if let chunks { chunks.decoder = ChunkedDecoder() } else { chunks = Chunks() }
    }

    /// What became of some bytes. The last piece of a body in payload form may be empty.
    struct Taken: ~Copyable {
        /// The body's, in the form that was asked for; nil: none.
        var piece: LoopBuffer?
        /// What is sent in the place of a trailer section that was held back.
        var trailers: LoopBuffer?
        /// What lies behind the body; nil: nothing.
        var rest: LoopBuffer?
        var isEnd = false
    }

    /// Whether the body is over before a byte of it came.
    var isEmpty: Bool {
        switch framing {
        case .none: true
        case .length(let count): count == 0
        case .chunked, .untilClose: false
        }
    }

    /// Whether the next piece may go into a pipe: enough is still to come, and it comes fast.
    var suitsPipe: Bool {
        isBulk && (remaining >= UInt64(Stream.mostPiped) || HTTPMutation.seeds(.pipesBytesBehindBody))
    }

    /// Takes what belongs to the body from the front of `buffer`.
    ///
    /// - Throws: what is wrong with its chunks.
    @inline(__always)
    mutating func take(_ buffer: consuming LoopBuffer, _ loop: EventLoop) throws(WireError) -> Taken {
        switch framing {
        case .length:
            isBulk = buffer.count >= Self.bulkPiece
            if UInt64(buffer.count) <= remaining {
                remaining -= UInt64(buffer.count)
                return Taken(piece: buffer, isEnd: remaining == 0)
            }
            let taken = Int(remaining)
            remaining = 0
            return Self.split(buffer, passed: taken, taken: taken, isEnd: true, loop)
        case .untilClose: return Taken(piece: buffer)
        case .chunked: return try takeChunks(buffer, loop)
        case .none: return Taken(rest: buffer, isEnd: true)
        }
    }

    private func takeChunks(_ buffer: consuming LoopBuffer, _ loop: EventLoop) throws(WireError) -> Taken {
        // `restart` has made one.
        guard let chunks else { return Taken(isEnd: true) }
        if form == .payload { return try Self.decode(buffer, chunks, loop) }
        let passage = try chunks.decoder.follow(buffer.bytes)
        let end = buffer.count
        var taken =
            passage.count == end
            ? Taken(piece: buffer, isEnd: passage.isDone)
            : Self.split(buffer, passed: passage.count, taken: passage.taken, isEnd: passage.isDone, loop)
        if passage.addsTrailers {
            let section = chunks.decoder.trailerSection
            var trailers = loop.allocate(section.count)
            trailers.append(section.span)
            taken.trailers = consume trailers
        }
        return taken
    }

    /// The payload alone, in a buffer of its own.
    private static func decode(
        _ buffer: consuming LoopBuffer, _ chunks: Chunks, _ loop: EventLoop
    ) throws(WireError) -> Taken {
        var payload = loop.allocate(buffer.count)
        var position = 0
        while true {
            switch chunks.decoder.step(buffer.bytes, &position) {
            case .payload(let range): payload.append(buffer.bytes.extracting(range))
            case .needMore: return payload.isEmpty ? Taken() : Taken(piece: payload)
            case .failed(let error): throw error
            case .done(_, let rest):
                var taken = Taken(isEnd: true)
                if rest < buffer.count { taken.rest = copy(buffer, from: rest, loop) }
                taken.piece = consume payload
                return taken
            }
        }
    }

    /// Cuts a buffer into the first `passed` bytes and what lies behind the first `taken`.
    private static func split(
        _ buffer: consuming LoopBuffer, passed: Int, taken: Int, isEnd: Bool, _ loop: EventLoop
    ) -> Taken {
        var result = Taken(isEnd: isEnd)
        if taken < buffer.count { result.rest = copy(buffer, from: taken, loop) }
        buffer.truncate(passed)
        if !buffer.isEmpty { result.piece = consume buffer }
        return result
    }

    private static func copy(_ buffer: borrowing LoopBuffer, from start: Int, _ loop: EventLoop) -> LoopBuffer {
        var rest = loop.allocate(buffer.count - start)
        rest.append(buffer.bytes.extracting(droppingFirst: start))
        return rest
    }
}
