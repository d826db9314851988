// Owns writing a frame: into the current segment or a new one, with zeros ahead of it, and the mark afterwards.
internal import Proactor
internal import Raft

extension FileLogStore {
    private static let zeros = [UInt8](repeating: 0, count: 64 << 10)

    /// Writes a frame of these operations and makes it durable.
    ///
    /// - Parameter next: the state after the frame; when this returns it says where the next one goes.
    mutating func place(_ operations: [UInt8], _ next: inout State) throws(StorageFailure) {
        if hasRemains { try cutRemains() }
        if let stray { try remove(stray: stray) }
        let size = SectorLayout.size(FrameHeader.count + operations.count)
        if let current = state.current, state.resumption == .behind, size <= current.size - current.offset {
            next.current = current
            // Until it is acknowledged, whatever it leaves counts as remains.
            hasRemains = true
            try put(operations, &next)
            hasRemains = false
            return
        }
        var payload = DiskWriter()
        payload.add(
            Opening(resumption: state.resumption, base: state.terms.base, last: state.terms.last))
        payload.bytes += operations
        let needed = SectorLayout.size(FrameHeader.count + payload.bytes.count)
        let fresh = try makeSegment(size: max(limits.segmentBytes, needed))
        next.current = fresh
        next.resumption = .behind
        next.segments.append((fresh.number, .zero))
        do throws(StorageFailure) { try put(payload.bytes, &next) } catch {
            fileSystem.close(fresh.file)
            stray = fresh.number
            throw error
        }
        if let old = state.current { fileSystem.close(old.file) }
    }

    private mutating func put(_ payload: [UInt8], _ next: inout State) throws(StorageFailure) {
        guard var current = next.current, let place = next.segments.indices.last else { return }
        let header = FrameHeader(
            sequence: next.sequence, segment: current.number, offset: current.offset,
            incarnation: directory.incarnation, payloadCount: payload.count,
            payloadChecksum: Checksum.crc32c(payload), hardState: next.hardState, lastIndex: next.terms.last,
            missingThrough: next.missingThrough)
        let frame = SectorLayout.stamped(header.bytes + payload, SectorLayout.stamp(header.sequence))
        let path = "\(folder)/\(SegmentName.of(current.number))"
        try StorageFailure.whileWriting(path) { () throws(SystemError) in
            try fileSystem.write(frame, to: current.file, at: current.offset)
            try writeZeros(&current, behind: header.end)
        }
        try StorageFailure.fatally(path) { () throws(SystemError) in try fileSystem.syncContent(current.file) }
        try mark.write(header)
        current.offset = header.end
        next.current = current
        next.segments[place].lastIndex = max(next.segments[place].lastIndex, header.lastIndex)
    }

    /// Writes zeros over the next piece of the segment, if the frame reached the end of what was written before.
    private func writeZeros(_ current: inout CurrentSegment, behind end: Int) throws(SystemError) {
        guard end > current.zeroed else { return }
        let goal = min(current.size, end + limits.zeroBytes)
        var start = end
        while start < goal {
            let count = min(Self.zeros.count, goal - start)
            try fileSystem.write(
                count == Self.zeros.count ? Self.zeros : Array(Self.zeros[..<count]), to: current.file, at: start)
            start += count
        }
        current.zeroed = goal
    }

    /// Makes the next segment: reserved, full of zeros, and durable under its name.
    private func makeSegment(size: Int) throws(StorageFailure) -> CurrentSegment {
        let number = (state.segments.last?.number ?? 0) + 1
        let path = "\(folder)/\(SegmentName.of(number))"
        let file = try StorageFailure.whileWriting(path) { () throws(SystemError) in
            try fileSystem.open(path, creates: true)
        }
        do throws(StorageFailure) {
            try StorageFailure.whileWriting(path) { () throws(SystemError) in
                // An attempt that found the disk full may have left a file.
                try fileSystem.truncate(file, to: 0)
                try fileSystem.allocate(file, size: size)
            }
            try StorageFailure.fatally(path) { () throws(SystemError) in
                try fileSystem.sync(file)
                try fileSystem.syncFolder(folder)
            }
        } catch {
            fileSystem.close(file)
            // The space that it takes may be what is missing.
            if case .full = error { try? fileSystem.remove(path) }
            throw error
        }
        return CurrentSegment(number: number, file: file, size: size, offset: 0, zeroed: 0)
    }

    /// Cuts what a failed write left, so that it does not mix with the frame that comes in its place.
    private mutating func cutRemains() throws(StorageFailure) {
        guard var current = state.current else { return }
        let path = "\(folder)/\(SegmentName.of(current.number))"
        try StorageFailure.fatally(path) { () throws(SystemError) in
            try fileSystem.truncate(current.file, to: current.offset)
        }
        try StorageFailure.whileWriting(path) { () throws(SystemError) in
            try fileSystem.allocate(current.file, size: current.size)
        }
        try StorageFailure.fatally(path) { () throws(SystemError) in try fileSystem.sync(current.file) }
        current.zeroed = current.offset
        state.current = current
        hasRemains = false
    }

    private mutating func remove(stray number: UInt64) throws(StorageFailure) {
        let path = "\(folder)/\(SegmentName.of(number))"
        try StorageFailure.fatally(path) { () throws(SystemError) in
            try fileSystem.remove(path)
            try fileSystem.syncFolder(folder)
        }
        stray = nil
    }
}
