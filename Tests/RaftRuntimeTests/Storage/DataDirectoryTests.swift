// Owns the tests of whose a data directory is.
import Foundation
import Proactor
import Raft
import Testing
import Topology

@testable import RaftRuntime

@Suite("A data directory has one owner")
struct DataDirectoryTests {
    private func refusal(_ body: () throws -> Void) -> String? {
        do { try body() } catch { if case .refused(let reason)? = error as? StorageFailure { return reason } }
        return nil
    }

    @Test("A second opening is refused, and names the process that has it")
    func locked() throws {
        try withFolder { folder in
            let node = NodeID("use1-a")
            var store = try FileLogStore.open(folder, node: node).store
            let reason = refusal { _ = try FileLogStore.open(folder, node: node) }
            #expect(reason == "\(folder) is in use by process \(ProcessInfo.processInfo.processIdentifier)")
            store.close()
            store = try FileLogStore.open(folder, node: node).store
            store.close()
        }
    }

    @Test("It is free once it is given up, though a process that is being started has a copy of its lock")
    func copiedLock() throws {
        try withFolder { folder in
            var store = try FileLogStore.open(folder, node: NodeID("use1-a")).store
            let lock = "/\(URL(filePath: folder).lastPathComponent)/lock"
            let descriptors = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").compactMap {
                Int32($0)
            }
            let own = try #require(
                descriptors.first {
                    let target = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\($0)")
                    return target?.hasSuffix(lock) == true
                })
            let copy = dup(own)
            defer { close(copy) }
            store.close()
            store = try FileLogStore.open(folder, node: NodeID("use1-a")).store
            store.close()
        }
    }

    @Test("Another process is refused too")
    func lockedByProcess() throws {
        try withFolder { folder in
            let store = try FileLogStore.open(folder, node: NodeID("use1-a")).store
            let flock = Process()
            flock.executableURL = URL(filePath: "/usr/bin/env")
            flock.arguments = ["flock", "--nonblock", "--conflict-exit-code", "42", "\(folder)/lock", "true"]
            try flock.run()
            flock.waitUntilExit()
            #expect(flock.terminationStatus == 42)
            var open = store
            open.close()
            let again = Process()
            again.executableURL = flock.executableURL
            again.arguments = flock.arguments
            try again.run()
            again.waitUntilExit()
            #expect(again.terminationStatus == 0)
        }
    }

    @Test("The incarnation is made once, and is never 0")
    func incarnation() throws {
        let disk = SimulatedDisk()
        var (store, first) = try FileLogStore.open(on: disk)
        store.close()
        let second = try FileLogStore.open(on: disk).loaded
        let other = try FileLogStore.open(on: SimulatedDisk()).loaded
        #expect(first.incarnation != 0 && first.incarnation == second.incarnation)
        #expect(other.incarnation != first.incarnation)
    }

    @Test("Another node's directory, a newer format, a broken identity, a log without identity")
    func foreign() throws {
        let disk = SimulatedDisk()
        var store = try FileLogStore.open(on: disk).store
        try store.persist([PersistBatch(token: PersistToken(1), hardState: HardState(term: Term(1)))])
        store.close()
        let other = refusal { _ = try FileLogStore.open("/data", node: NodeID("euw1-a"), fileSystem: disk) }
        #expect(other?.contains("the folder belongs to node use1-a, and this is node euw1-a") == true)

        var image = disk.image
        var newer = try #require(image.files["/data/identity"])
        newer[8] = 2
        newer.replaceSubrange(4..<8, with: bytes(of: Checksum.crc32c(newer, 8..<newer.count)))
        image.files["/data/identity"] = newer
        let format = refusal { _ = try FileLogStore.open(on: SimulatedDisk(image)) }
        #expect(format?.contains("it has format 2, and this version knows formats up to 1") == true)

        newer[9] = 1
        image.files["/data/identity"] = newer
        let broken = refusal { _ = try FileLogStore.open(on: SimulatedDisk(image)) }
        #expect(broken?.contains("its checksum is wrong") == true)

        image.files["/data/identity"] = nil
        let missing = refusal { _ = try FileLogStore.open(on: SimulatedDisk(image)) }
        #expect(missing?.contains("has a log (log-0000000001) but no identity") == true)
    }

    @Test("A folder tells whose it is, and a missing or new one is nobody's")
    func owner() throws {
        let disk = SimulatedDisk()
        #expect(try FileLogStore.owner(of: "/data", fileSystem: disk) == nil)
        _ = try FileLogStore.open("/data", node: NodeID("web1-0a"), fileSystem: disk)
        // Also while a process has it.
        #expect(try FileLogStore.owner(of: "/data", fileSystem: disk) == NodeID("web1-0a"))
        var image = disk.image
        image.files["/data/identity"]?[9] ^= 1
        let broken = refusal { _ = try FileLogStore.owner(of: "/data", fileSystem: SimulatedDisk(image)) }
        #expect(broken?.contains("its checksum is wrong") == true)
    }

    @Test("A refused opening gives the lock back")
    func refusedUnlocks() throws {
        let disk = SimulatedDisk()
        var store = try FileLogStore.open(on: disk).store
        store.close()
        #expect(refusal { _ = try FileLogStore.open("/data", node: NodeID("euw1-a"), fileSystem: disk) } != nil)
        _ = try FileLogStore.open(on: disk)
    }

    private func bytes(of number: UInt32) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) } }
}

/// Runs a test in a folder of its own on the machine's disk.
func withFolder(_ body: (String) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "meridian-storage-\(UUID().uuidString)").path
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try body(folder)
}
