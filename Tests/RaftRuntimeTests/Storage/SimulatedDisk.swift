// Owns a disk that remembers every call, can fail at any of them, and can lose power after any.
import Glibc
import Proactor
import Synchronization

@testable import RaftRuntime

/// What a disk's platters hold.
struct DiskImage: Equatable, Sendable {
    /// By path.
    var files: [String: [UInt8]] = [:]
    var folders: Set<String> = ["/"]
}

/// A call that changes something.
enum DiskCall: Equatable, Sendable {
    case makeFolder(String)
    case create(String, inode: Int)
    case write(inode: Int, offset: Int, bytes: [UInt8])
    case resize(inode: Int, size: Int, mayShrink: Bool)
    case sync(inode: Int)
    case syncFolder(String)
    case rename(String, String)
    case remove(String)
    /// No call: the test notes that so many groups were acknowledged.
    case acknowledged(Int)
}

/// What the calls return as long as the power stays on.
final class SimulatedDisk: FileSystem, Sendable {
    enum Kind: Sendable { case write, sync, any }
    struct Fault: Sendable {
        var kind: Kind
        /// Which call of the kind fails, from 1.
        var call: Int
        var code: Int32
    }

    struct State: Sendable {
        var base: DiskImage
        var trace: [DiskCall] = []
        var names: [String: Int] = [:]
        var contents: [Int: [UInt8]] = [:]
        var folders: Set<String>
        var open: [Int32: Int] = [:]
        var locked: [Int: Int32] = [:]
        var lastNumber: Int32 = 0
        var lastInode = 0
        var fault: Fault?
        /// What the fault hit.
        var hit: String?
        var calls: [Kind: Int] = [:]
    }

    let state: Mutex<State>

    init(_ image: DiskImage = DiskImage()) {
        var start = State(base: image, folders: image.folders)
        for (path, bytes) in image.files.sorted(by: { $0.key < $1.key }) {
            start.lastInode += 1
            start.names[path] = start.lastInode
            start.contents[start.lastInode] = bytes
        }
        state = Mutex(start)
    }

    /// The disk as calls on an empty one left it, with what they did not sync still on its way: the process that made them
    /// died, the machine did not.
    convenience init(replaying calls: some Sequence<DiskCall>) {
        self.init()
        state.withLock { state in for call in calls { state.replay(call) } }
    }

    /// What a process that opens the disk now would read.
    var image: DiskImage {
        state.withLock { state in
            DiskImage(files: state.names.mapValues { state.contents[$0] ?? [] }, folders: state.folders)
        }
    }

    var history: (base: DiskImage, trace: [DiskCall]) { state.withLock { ($0.base, $0.trace) } }

    func plan(_ fault: Fault?) {
        state.withLock { state in
            state.fault = fault
            state.hit = nil
            state.calls = [:]
        }
    }

    func note(_ call: DiskCall) { state.withLock { $0.trace.append(call) } }

    /// How many calls of each kind were made since the last `plan`.
    func calls(_ kind: Kind) -> Int { state.withLock { $0.calls[kind] ?? 0 } }

    // MARK: FileSystem

    func makeFolder(_ path: String) throws(SystemError) {
        try change(.write, "make folder") { state in
            guard state.folders.insert(path).inserted else { return }
            state.trace.append(.makeFolder(path))
        }
    }

    func names(in folder: String) throws(SystemError) -> [String] {
        state.withLock { state in
            state.names.keys.filter { $0.hasPrefix(folder + "/") }.map { String($0.dropFirst(folder.count + 1)) }
        }
    }

    func open(_ path: String, creates: Bool) throws(SystemError) -> OpenFile {
        let isThere = state.withLock { $0.names[path] != nil }
        if !isThere, !creates { throw SystemError(code: ENOENT, action: "open \(path)") }
        if !isThere {
            try change(.write, "create") { state in
                state.lastInode += 1
                state.names[path] = state.lastInode
                state.contents[state.lastInode] = []
                state.trace.append(.create(path, inode: state.lastInode))
            }
        }
        return state.withLock { state in
            state.lastNumber += 1
            state.open[state.lastNumber] = state.names[path]
            return OpenFile(number: state.lastNumber)
        }
    }

    func close(_ file: OpenFile) {
        state.withLock { state in
            if let inode = state.open[file.number], state.locked[inode] == file.number { state.locked[inode] = nil }
            state.open[file.number] = nil
        }
    }

    func size(of file: OpenFile) throws(SystemError) -> Int { content(file).count }

    func read(_ file: OpenFile, at offset: Int, count: Int) throws(SystemError) -> [UInt8] {
        let bytes = content(file)
        return Array(bytes[min(offset, bytes.count)..<min(offset + count, bytes.count)])
    }

    func write(_ bytes: [UInt8], to file: OpenFile, at offset: Int) throws(SystemError) {
        let inode = inode(file)
        do throws(SystemError) {
            try change(.write, "write \(path(inode))") { $0.put(bytes, inode, offset) }
        } catch {
            // A write that fails has done half of its work.
            state.withLock { $0.put(Array(bytes[..<(bytes.count / 2)]), inode, offset) }
            throw error
        }
    }

    func truncate(_ file: OpenFile, to size: Int) throws(SystemError) {
        let inode = inode(file)
        try change(.any, "truncate") { $0.resize(inode, size, mayShrink: true) }
    }

    func allocate(_ file: OpenFile, size: Int) throws(SystemError) {
        let inode = inode(file)
        try change(.write, "allocate") { $0.resize(inode, size, mayShrink: false) }
    }

    func syncContent(_ file: OpenFile) throws(SystemError) { try sync(file) }

    func sync(_ file: OpenFile) throws(SystemError) {
        let inode = inode(file)
        try change(.sync, "fsync") { $0.trace.append(.sync(inode: inode)) }
    }

    func syncFolder(_ path: String) throws(SystemError) {
        try change(.sync, "fsync folder") { $0.trace.append(.syncFolder(path)) }
    }

    func rename(_ old: String, to new: String) throws(SystemError) {
        try change(.write, "rename") { state in
            state.names[new] = state.names.removeValue(forKey: old)
            state.trace.append(.rename(old, new))
        }
    }

    func remove(_ path: String) throws(SystemError) {
        guard state.withLock({ $0.names[path] != nil }) else { throw SystemError(code: ENOENT, action: "remove") }
        try change(.any, "remove") { state in
            state.names[path] = nil
            state.trace.append(.remove(path))
        }
    }

    func lock(_ file: OpenFile) throws(SystemError) -> Bool {
        state.withLock { state in
            guard let inode = state.open[file.number], state.locked[inode] == nil else { return false }
            state.locked[inode] = file.number
            return true
        }
    }

    func unlock(_ file: OpenFile) {
        state.withLock { state in
            guard let inode = state.open[file.number], state.locked[inode] == file.number else { return }
            state.locked[inode] = nil
        }
    }

    /// What the planned fault hit; nil when nothing came to it.
    var hit: String? { state.withLock { $0.hit } }

    private func path(_ inode: Int) -> String {
        state.withLock { state in state.names.first { $0.value == inode }?.key ?? "nothing" }
    }

    private func inode(_ file: OpenFile) -> Int { state.withLock { $0.open[file.number] ?? -1 } }

    private func content(_ file: OpenFile) -> [UInt8] {
        state.withLock { state in state.open[file.number].flatMap { state.contents[$0] } ?? [] }
    }

    private func change(
        _ kind: Kind, _ action: String, _ body: (inout sending State) -> Void
    ) throws(SystemError) {
        let code = state.withLock { state -> Int32? in
            state.calls[kind, default: 0] += 1
            if let fault = state.fault, fault.kind == kind, fault.call == state.calls[kind] {
                state.hit = action
                return fault.code
            }
            body(&state)
            return nil
        }
        if let code { throw SystemError(code: code, action: action) }
    }
}

extension SimulatedDisk.State {
    fileprivate mutating func replay(_ call: DiskCall) {
        switch call {
        case .write(let inode, let offset, let bytes): return put(bytes, inode, offset)
        case .resize(let inode, let size, let mayShrink): return resize(inode, size, mayShrink: mayShrink)
        case .makeFolder(let path): folders.insert(path)
        case .create(let path, let inode):
            lastInode = max(lastInode, inode)
            names[path] = inode
            contents[inode] = []
        case .rename(let old, let new): names[new] = names.removeValue(forKey: old)
        case .remove(let path): names[path] = nil
        case .sync, .syncFolder, .acknowledged: break
        }
        trace.append(call)
    }

    fileprivate mutating func put(_ bytes: [UInt8], _ inode: Int, _ offset: Int) {
        contents[inode, default: []].put(bytes, at: offset)
        trace.append(.write(inode: inode, offset: offset, bytes: bytes))
    }

    fileprivate mutating func resize(_ inode: Int, _ size: Int, mayShrink: Bool) {
        contents[inode, default: []].resize(size, mayShrink: mayShrink)
        trace.append(.resize(inode: inode, size: size, mayShrink: mayShrink))
    }
}

extension [UInt8] {
    /// Writes as pwrite(2) does.
    mutating func put(_ bytes: [UInt8], at offset: Int) {
        resize(offset + bytes.count, mayShrink: false)
        replaceSubrange(offset..<offset + bytes.count, with: bytes)
    }

    mutating func resize(_ size: Int, mayShrink: Bool) {
        if count < size { append(contentsOf: repeatElement(0, count: size - count)) }
        if count > size, mayShrink { removeLast(count - size) }
    }
}
