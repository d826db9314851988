// Owns what a power cut leaves of a disk: what was synced, and any part of what was not.
import Testing

/// How much of what was not synced is lost.
enum Loss: Hashable, Sendable, CustomTestStringConvertible {
    /// The process died, the machine did not.
    case nothing
    case everything
    /// Each sector on its own, some in the middle; each change of names or sizes from some point on.
    case anything(seed: UInt64)

    var testDescription: String {
        switch self {
        case .nothing: "nothing"
        case .everything: "everything"
        case .anything(let seed): "anything, seed \(seed)"
        }
    }
}

/// A disk as its calls are made, with what is durable and what is on its way kept apart.
struct DiskHistory {
    private struct Inode {
        var durable: [UInt8] = []
        var pending: [DiskCall] = []
    }

    private var inodes: [Int: Inode] = [:]
    private var names: [String: Int] = [:]
    private var pendingNames: [DiskCall] = []
    private var folders: Set<String>
    /// Groups that were acknowledged so far.
    private(set) var acknowledged = 0

    init(_ base: DiskImage) {
        folders = base.folders
        for (number, file) in base.files.sorted(by: { $0.key < $1.key }).enumerated() {
            names[file.key] = number + 1
            inodes[number + 1] = Inode(durable: file.value)
        }
    }

    mutating func apply(_ call: DiskCall) {
        switch call {
        case .makeFolder, .rename, .remove: pendingNames.append(call)
        case .create(_, let inode):
            inodes[inode] = Inode()
            pendingNames.append(call)
        case .write(let inode, _, _), .resize(let inode, _, _): inodes[inode]?.pending.append(call)
        case .sync(let inode):
            for change in inodes[inode]?.pending ?? [] { inodes[inode]?.durable.apply(change) }
            inodes[inode]?.pending = []
        case .syncFolder:
            for change in pendingNames { Self.rename(change, &names, &folders) }
            pendingNames = []
        case .acknowledged(let count): acknowledged = count
        }
    }

    private static func rename(_ change: DiskCall, _ names: inout [String: Int], _ folders: inout Set<String>) {
        switch change {
        case .makeFolder(let path): folders.insert(path)
        case .create(let path, let inode): names[path] = inode
        case .rename(let old, let new): if let inode = names.removeValue(forKey: old) { names[new] = inode }
        case .remove(let path): names[path] = nil
        case .write, .resize, .sync, .syncFolder, .acknowledged: break
        }
    }

    /// What the disk holds after the power comes back.
    func afterCut(_ loss: Loss) -> DiskImage {
        var random = Chance(seed: 1)
        if case .anything(let seed) = loss { random = Chance(seed: seed) }
        var (names, folders) = (names, folders)
        let kept = Self.kept(pendingNames.count, loss, &random)
        for (place, change) in pendingNames.enumerated() {
            // Removals may overtake each other.
            var isRemoval = false
            if case .remove = change { isRemoval = true }
            if place < kept || isRemoval && loss != .everything && random.chance(3) {
                Self.rename(change, &names, &folders)
            }
        }
        var files: [String: [UInt8]] = [:]
        for (path, number) in names.sorted(by: { $0.key < $1.key }) {
            guard let inode = inodes[number] else { continue }
            var bytes = inode.durable
            for change in inode.pending { bytes.apply(change, loss, &random) }
            files[path] = bytes
        }
        return DiskImage(files: files, folders: folders)
    }

    private static func kept(_ count: Int, _ loss: Loss, _ random: inout Chance) -> Int {
        switch loss {
        case .nothing: count
        case .everything: 0
        case .anything: random.below(count + 1)
        }
    }
}

extension [UInt8] {
    fileprivate mutating func apply(_ change: DiskCall) {
        switch change {
        case .write(_, let offset, let bytes): put(bytes, at: offset)
        case .resize(_, let size, let mayShrink): resize(size, mayShrink: mayShrink)
        default: break
        }
    }

    fileprivate mutating func apply(_ change: DiskCall, _ loss: Loss, _ random: inout Chance) {
        switch (loss, change) {
        case (.nothing, _): apply(change)
        case (.everything, _): break
        case (.anything, .write(_, let offset, let bytes)):
            var start = 0
            while start < bytes.count {
                let end = Swift.min(bytes.count, start + 512 - (offset + start) % 512)
                // One in three is lost, one in six is cut in the middle.
                let fate = random.below(6)
                let length = fate < 2 ? 0 : fate == 2 ? random.below(end - start) : end - start
                if length > 0 { put(Array(bytes[start..<start + length]), at: offset + start) }
                start = end
            }
        case (.anything, _): if random.chance(2) { apply(change) }
        }
    }
}

/// A repeatable source of choices (SplitMix64).
struct Chance {
    private var state: UInt64
    init(seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
        return value ^ value >> 31
    }

    /// From 0 up to, but not with, `limit`; 0 when that is 0.
    mutating func below(_ limit: Int) -> Int { limit > 0 ? Int(next() % UInt64(limit)) : 0 }

    /// True once in `times`.
    mutating func chance(_ times: Int) -> Bool { below(times) == 0 }
}
