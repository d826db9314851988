// Owns reading the log of a data directory: what is intact, what was torn, and what is damaged.
internal import Proactor
internal import Raft

/// A place in the log.
struct LogPlace: Hashable, Sendable {
    var segment: UInt64
    var offset: Int
}

/// What reading the segments found.
struct LogReading: Sendable {
    var image = LogImage()
    /// Of the last intact frame; nil when there is none.
    var lastFrame: FrameHeader?
    /// A torn write that has to be cut: after the last intact frame, or at the beginning of a segment.
    var torn: LogPlace?
    var damage: Damage?
    /// The greatest sequence number in any intact header or the mark.
    var greatestSequence: UInt64 = 0
    /// The greatest last index of the frames in each segment that was read.
    var lastIndexes: [UInt64: LogIndex] = [:]

    /// Something is wrong that is not a torn write.
    struct Damage: Hashable, Sendable {
        var place: LogPlace
        var reason: String
        var missingThrough: LogIndex
        /// How the segment that continues from here must begin; nil: there is one already, which waits for its entries.
        var resumption: Resumption?
    }
}

/// Reads segments in order.
///
/// An invalid frame counts as torn, and may be cut, only if all of this holds: the durable mark does not cover it;
/// nothing intact comes after it, since a frame is written only once the one before it is durable; and a power cut
/// could have left it like that (`Segment.looksTorn`). Everything else is damage: nothing is cut, and only the log
/// before it is used.
struct LogLoader {
    /// By number, including those without a frame.
    let segments: [Segment]
    /// How each segment begins; nil if its first frame is invalid.
    private let openings: [Opening?]
    let mark: FrameHeader?
    private var reading = LogReading()
    private var isOldest = true
    /// Where the last damage lies after which a new segment continued.
    private var repaired: (place: LogPlace, missingThrough: LogIndex)?

    init(_ segments: [Segment], mark: FrameHeader?) {
        let sorted = segments.sorted { $0.number < $1.number }
        self.segments = sorted
        openings = sorted.map { (try? $0.frame(at: 0))?.opening }
        self.mark = mark
    }

    mutating func read() -> LogReading {
        var segment = start()
        var offset = 0
        reading.greatestSequence = mark?.sequence ?? 0
        while segment < segments.count {
            let current = segments[segment]
            let place = LogPlace(segment: current.number, offset: offset)
            if let next = resumption(of: place, after: segment) {
                (segment, offset) = (next, 0)
                continue
            }
            if offset >= current.bytes.count {
                guard let next = segments[(segment + 1)...].firstIndex(where: { !$0.bytes.isEmpty }) else {
                    finish(at: place, segment)
                    return reading
                }
                (segment, offset) = (next, 0)
                continue
            }
            do throws(Malformed) {
                offset = try take(current, offset)
            } catch {
                judge(error, at: place, segment)
                return reading
            }
        }
        finishEmpty()
        return reading
    }

    /// The first segment that counts: older ones are void if a later one begins afresh, or resumes at one that was
    /// deleted.
    private func start() -> Int {
        segments.indices.last { index in
            switch openings[index]?.resumption {
            case .afresh: true
            case .at(let number, _): !segments.contains { $0.number == number }
            case .behind, nil: false
            }
        } ?? 0
    }

    /// The segment that continues from a place although more is written there: what is there was once found to be
    /// damaged.
    private func resumption(of place: LogPlace, after segment: Int) -> Int? {
        segments.indices.first { index in
            let resumption = Resumption.at(segment: place.segment, offset: place.offset)
            return index > segment && openings[index]?.resumption == resumption
        }
    }

    /// Applies the frame at an offset, and returns where the next one begins.
    private mutating func take(_ segment: Segment, _ offset: Int) throws(Malformed) -> Int {
        let frame = try segment.frame(at: offset)
        guard (frame.opening != nil) == (offset == 0) else { throw Malformed("a segment is opened at the wrong place") }
        let next = reading.image.sequence + 1
        // A repair leaves a gap in the sequences, and so does the deletion of old segments.
        let mayJump = isOldest && segment.number > 1 || frame.opening.map { $0.resumption != .behind } ?? false
        guard frame.header.sequence == next || mayJump && frame.header.sequence > next else {
            throw Malformed("frame \(frame.header.sequence) lies where frame \(next) should")
        }
        try reading.image.apply(frame.header, frame.operations, isOldest: isOldest)
        isOldest = false
        noteRepair(frame)
        reading.lastFrame = frame.header
        reading.greatestSequence = max(reading.greatestSequence, frame.header.sequence)
        let before = reading.lastIndexes[segment.number] ?? .zero
        reading.lastIndexes[segment.number] = max(before, frame.header.lastIndex)
        return frame.header.end
    }

    private mutating func noteRepair(_ frame: Frame) {
        let missing = frame.header.missingThrough
        if missing > .zero, case .at(let number, let offset)? = frame.opening?.resumption {
            repaired = (LogPlace(segment: number, offset: offset), missing)
        } else if missing > .zero, repaired == nil {
            repaired = (LogPlace(segment: segments[0].number, offset: 0), missing)
        }
        if reading.image.missingThrough == .zero { repaired = nil }
    }

    // MARK: The end

    /// Nothing but zeros follows.
    private mutating func finish(at place: LogPlace, _ segment: Int) {
        if let mark, mark.sequence > reading.image.sequence {
            addDamage("the log ends before the durable mark", at: place, segment)
            return
        }
        noteUnrepaired()
    }

    /// There is no segment at all.
    private mutating func finishEmpty() {
        guard let mark else { return }
        reading.damage = LogReading.Damage(
            place: LogPlace(segment: 1, offset: 0), reason: "the log is missing",
            missingThrough: max(mark.lastIndex, mark.missingThrough), resumption: .afresh)
        reading.image.hardState = mark.hardState
    }

    private mutating func noteUnrepaired() {
        guard reading.image.missingThrough > .zero, let repaired else { return }
        reading.damage = LogReading.Damage(
            place: repaired.place, reason: "it is not repaired yet", missingThrough: repaired.missingThrough,
            resumption: nil)
    }

    /// There is something invalid at a place.
    private mutating func judge(_ error: Malformed, at place: LogPlace, _ segment: Int) {
        let next = reading.image.sequence + 1
        // The first frame of a segment that had predecessors. Its sequence number is not known, but it was durable
        // before they were deleted.
        let isKnown = !isOldest || segments[segment].number == 1
        let isCovered = (mark?.sequence ?? 0) >= next
        let isLast = segments[(segment + 1)...].allSatisfy { $0.bytes.isEmpty }
        let followers = segments[segment].headers(from: place.offset).filter { $0.sequence > next }
        if isKnown, !isCovered, isLast, followers.isEmpty,
            segments[segment].looksTorn(at: place.offset, sequence: next)
        {
            reading.torn = place
            noteUnrepaired()
            return
        }
        addDamage(error.reason, at: place, segment)
    }

    /// Finds out how much the damage may have cost: up to which index entries may be missing, and the last hard state.
    private mutating func addDamage(_ reason: String, at place: LogPlace, _ segment: Int) {
        let headers =
            segments[segment].headers(from: place.offset) + segments[(segment + 1)...].flatMap { $0.headers(from: 0) }
        let known = (headers + (mark.map { [$0] } ?? [])).sorted { $0.sequence < $1.sequence }
        var missing = max(reading.image.last, reading.image.missingThrough)
        for header in known { missing = max(missing, max(header.lastIndex, header.missingThrough)) }
        missing = LogIndex(missing.number + UInt64(unknownBytes(from: place, segment, known.last)) / leastBytes)
        if let newest = known.last, newest.sequence > reading.image.sequence {
            reading.image.hardState = newest.hardState
            reading.greatestSequence = max(reading.greatestSequence, newest.sequence)
        }
        reading.damage = LogReading.Damage(
            place: place, reason: reason, missingThrough: missing,
            resumption: isOldest ? .afresh : .at(segment: place.segment, offset: place.offset))
    }

    private var leastBytes: UInt64 { UInt64(CodingLimits.leastEntryBytes) }

    /// Bytes of frames whose headers are lost. Any number of entries could have been in them, up to one every few
    /// bytes; assuming too many only delays the moment at which the log counts as repaired.
    private func unknownBytes(from place: LogPlace, _ segment: Int, _ newest: FrameHeader?) -> Int {
        segments[segment...].reduce(0) { sum, each in
            var start = each.number == place.segment ? place.offset : 0
            if let newest {
                if newest.segment > each.number { return sum }
                if newest.segment == each.number { start = max(start, newest.end) }
            }
            return sum + max(0, each.bytes.count - start)
        }
    }
}
